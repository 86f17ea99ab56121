// Files that lie about how much they hold: small ones whose honest reading would take memory or
// time without bound, and files that change while they are read.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/formats/npy/npz.h"
#include "core/formats/tensorflow/bundle.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/table.h"
#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using formats::TempDir;
using testing::HasSubstr;

std::string Message(const Status& status) { return std::string(status.message()); }

// A table written byte by byte, wrong where a test wants it so.
class TableWriter {
 public:
  // Appends a block and returns its handle.
  std::string Block(const std::string& entries) {
    std::string block = entries + std::string("\0\0\0\0\1\0\0\0", 8);
    std::string handle = Varint(bytes_.size()) + Varint(block.size());
    block += '\0';  // not compressed
    uint32_t crc = MaskCrc32c(Crc32c(block.data(), block.size()));
    for (int i = 0; i < 4; ++i) block += static_cast<char>(crc >> (8 * i));
    bytes_ += block;
    return handle;
  }
  // A row whose key shares `shared` bytes with the one before.
  static std::string Row(size_t shared, const std::string& fresh, const std::string& value) {
    return Varint(shared) + Varint(fresh.size()) + Varint(value.size()) + fresh + value;
  }
  // The whole table, with the entries of its index block.
  std::string Finish(const std::string& index) {
    std::string footer = Block("");
    footer += Block(index);
    footer.resize(40, '\0');
    return bytes_ + footer + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  }

 private:
  std::string bytes_;
};

// Each key is the one before and a byte more: together they are as long as the square of the file.
TEST(TableDamage, KeysThatGrowWithEveryBlock) {
  TempDir dir;
  TableWriter table;
  std::string handle = table.Block("");
  std::string index;
  for (size_t i = 0; i < 20000; ++i) index += TableWriter::Row(i, "k", handle);
  auto opened = Table::Open(dir.Write("t", table.Finish(index)));
  EXPECT_EQ(opened.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(opened.status()), HasSubstr("list of blocks"));
}

// A block without rows may be listed any number of times without being out of order.
TEST(TableDamage, BlocksThatAreListedTwice) {
  TempDir dir;
  TableWriter table;
  std::string handle = table.Block("");
  std::string index = TableWriter::Row(0, "a", handle) + TableWriter::Row(0, "b", handle);
  auto opened = Table::Open(dir.Write("t", table.Finish(index)));
  EXPECT_EQ(opened.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(opened.status()), HasSubstr("list of blocks"));
}

// The extents of slices [i, i + 1) of a vector.
std::string SlicesOfOne(int count, uint32_t field) {
  std::string slices;
  for (int i = 0; i < count; ++i) {
    std::string extent = NumberField(1, static_cast<uint64_t>(i)) + NumberField(2, 1);
    slices += BytesField(field, BytesField(1, extent));
  }
  return slices;
}

// The key of a slice holds the name of the tensor, which the entry holds once.
TEST(BundleDamage, SlicesOfATensorWithALongName) {
  TempDir dir;
  dir.Write("m.data-00000-of-00001", "");
  std::string entry =
      NumberField(1, kFloat) + BytesField(2, ShapeProto({4000})) + SlicesOfOne(4000, 7);
  WriteIndex(dir.Path("m.index"), {{"", BundleHeader()}, {std::string(100000, 'n'), entry}});
  auto bundle = Bundle::Open(dir.Path("m"));
  EXPECT_EQ(bundle.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(bundle.status()), HasSubstr("m.index: tensor 'nnn"));
  EXPECT_THAT(Message(bundle.status()), HasSubstr("slices"));
}

TEST(V1Damage, SlicesOfATensorWithALongName) {
  TempDir dir;
  std::string meta = BytesField(1, std::string(100000, 'n')) + BytesField(2, ShapeProto({4000})) +
                     NumberField(3, kFloat) + SlicesOfOne(4000, 4);
  WriteIndex(dir.Path("m"), {{"", BytesField(1, BytesField(1, meta))}});
  auto checkpoint = Checkpoint::Open(dir.Path("m"));
  EXPECT_EQ(checkpoint.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(checkpoint.status()), HasSubstr("/m: tensor 'nnn"));
  EXPECT_THAT(Message(checkpoint.status()), HasSubstr("slices"));
}

TEST(BundleDamage, DataThatIsCutWhileItIsOpen) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  auto bundle = Bundle::Open(prefix);
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  std::filesystem::resize_file(prefix + ".data-00000-of-00001", 1000);
  auto tensor = bundle->Read("fc1/Variable");
  EXPECT_EQ(tensor.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(tensor.status()), HasSubstr("fc1/Variable"));
  EXPECT_THAT(Message(tensor.status()), HasSubstr("model.ckpt.data-00000-of-00001 was truncated"));
}

TEST(ShapeDamage, MoreDimensionsThanTensorFlowAllows) {
  EXPECT_TRUE(DecodeShape(ShapeProto(std::vector<int64_t>(254, 1))).ok());
  auto shape = DecodeShape(ShapeProto(std::vector<int64_t>(1000000, 1)));
  EXPECT_EQ(shape.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(shape.status()), HasSubstr("1000000 dimensions"));
}

class GraphDamage : public ModelTest {};

// Thirty bytes each, 100 MiB each.
TEST_F(GraphDamage, ConstantsThatRepeatOneValue) {
  MetaWriter meta;
  meta.Placeholder("x", {1});
  std::string sum = "x";
  for (int i = 0; i < 8; ++i) {
    std::string c = "c" + std::to_string(i);
    meta.Floats(c, {100 << 18}, {1.0f});
    meta.Node("y" + std::to_string(i), "AddV2", {sum, c}, {{"T", TypeAttr(kFloat)}});
    sum = "y" + std::to_string(i);
  }
  auto built = Build(meta, {"y7"});
  EXPECT_EQ(built.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(Message(built.status()), HasSubstr("m.meta"));
  EXPECT_THAT(Message(built.status()), HasSubstr("node 'c"));
}

TEST(ModelDamage, SaysWhatLiesWhereAFileShould) {
  TempDir dir;
  std::filesystem::create_directory(dir.Path("m.meta"));
  std::filesystem::create_directory(dir.Path("checkpoint"));
  std::filesystem::create_symlink("loop.meta", dir.Path("loop.meta"));
  const struct {
    const char* path;
    const char* why;
  } rows[] = {{"m", "m.meta: is a directory"},
              {"", "checkpoint: is a directory"},
              {"loop.meta", "loop.meta: Too many levels of symbolic links"}};
  for (const auto& row : rows) {
    auto model = formats::OpenModel(dir.Path(row.path));
    EXPECT_EQ(model.status().code(), Code::kInvalidArgument) << row.path;
    EXPECT_THAT(Message(model.status()), HasSubstr(row.why));
  }
}

TEST(NpzDamage, TwoMembersOfOneName) {
  TempDir dir;
  Tensor one = Tensor::Scalar(DType::kF32, 1);
  ASSERT_TRUE(formats::WriteNpz(dir.Path("a.npz"), {{"x", one}, {"y", one}}).ok());
  std::string bytes = dir.Read("a.npz");
  for (size_t at; (at = bytes.find("y.npy")) != std::string::npos;) bytes[at] = 'x';
  auto member = formats::ReadNpzMember(dir.Write("b.npz", bytes), "x");
  EXPECT_EQ(member.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(member.status()), HasSubstr("two arrays named 'x'"));
}

TEST(NpzDamage, TheMessageDoesNotListThousandsOfMembers) {
  TempDir dir;
  formats::NamedTensors tensors;
  for (int i = 0; i < 2000; ++i) {
    tensors.emplace_back("m" + std::to_string(i), Tensor::Scalar(DType::kF32, 1));
  }
  ASSERT_TRUE(formats::WriteNpz(dir.Path("a.npz"), tensors).ok());
  auto member = formats::ReadNpzMember(dir.Path("a.npz"), "x");
  EXPECT_EQ(member.status().code(), Code::kNotFound);
  EXPECT_THAT(Message(member.status()), HasSubstr("'m0', 'm1'"));
  EXPECT_LT(member.status().message().size(), 1000u);
}

}  // namespace
}  // namespace midstream::tensorflow

#include "core/formats/tensorflow/bundle.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "core/base/crc32c.h"
#include "core/formats/tensorflow/table.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/protos_testing.h"

namespace midstream::tensorflow {
namespace {

using formats::TempDir;
using testing::HasSubstr;

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

std::string Digits(const std::string& step) {
  return std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-" + step;
}

// A checkpoint with one entry `w` and 8 bytes of data, each part of which a test may replace.
class CraftedBundle : public testing::Test {
 protected:
  CraftedBundle() { dir_.Write("m.data-00000-of-00001", data_); }

  std::string Good() const { return BundleEntryProto(kFloat, {2}, 0, 0, 8, Crc()); }
  uint32_t Crc() const { return MaskCrc32c(Crc32c(data_.data(), data_.size())); }

  Result<Bundle> Open(const std::string& entry, const std::string& header = BundleHeader()) {
    WriteIndex(dir_.Path("m.index"), {{"", header}, {"w", entry}});
    return Bundle::Open(dir_.Path("m"));
  }

  void ExpectRefused(const Result<Bundle>& bundle, const std::string& why) {
    ASSERT_FALSE(bundle.ok()) << why;
    EXPECT_THAT(std::string(bundle.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(bundle.status().message()), HasSubstr(dir_.Path("m")));
  }

  TempDir dir_;
  std::string data_ = std::string("\0\0\x80?\0\0\0@", 8);
};

TEST(Bundle, ReadsEveryTensorOfEveryCheckpoint) {
  for (const char* step :
       {"0", "25", "50", "75", "100", "150", "200", "300", "500", "1000", "2000", "4000"}) {
    auto bundle = Bundle::Open(Digits(step));
    ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
    EXPECT_EQ(bundle->entries().size(), 8u);
    for (const auto& [key, entry] : bundle->entries()) {
      auto tensor = bundle->Read(key);
      ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
      EXPECT_EQ(tensor->shape(), entry.shape);
      EXPECT_EQ(tensor->dtype(), DType::kF32);
    }
  }
}

TEST(Bundle, UnknownKey) {
  auto bundle = Bundle::Open(Digits("0"));
  ASSERT_TRUE(bundle.ok());
  auto tensor = bundle->Read("conv1/Nothing");
  EXPECT_EQ(tensor.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(tensor.status().message()), HasSubstr("conv1/Nothing"));
}

TEST(Bundle, TruncationAnywhereIsRefused) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  std::string index = dir.Read("model.ckpt.index");
  for (size_t size :
       {size_t{0}, size_t{1}, size_t{47}, size_t{48}, index.size() / 2, index.size() - 1}) {
    dir.Write("model.ckpt.index", index.substr(0, size));
    auto bundle = Bundle::Open(prefix);
    EXPECT_EQ(bundle.status().code(), Code::kDataLoss) << size;
    EXPECT_THAT(std::string(bundle.status().message()), HasSubstr("model.ckpt.index"));
  }
  dir.Write("model.ckpt.index", index);
  std::string data = dir.Read("model.ckpt.data-00000-of-00001");
  dir.Write("model.ckpt.data-00000-of-00001", data.substr(0, data.size() - 1));
  EXPECT_EQ(Bundle::Open(prefix).status().code(), Code::kDataLoss);
}

TEST(Bundle, EveryFlippedBitOfTheIndexIsRefused) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  const std::string index = dir.Read("model.ckpt.index");
  size_t footer = index.size() - 48;
  for (size_t at = 0; at < footer; at += 3) {
    std::string damaged = index;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    dir.Write("model.ckpt.index", damaged);
    auto bundle = Bundle::Open(prefix);
    // The block of meta information is empty and nothing reads it.
    EXPECT_TRUE(!bundle.ok() || (at >= 200 && bundle->entries().size() == 8)) << at;
  }
}

TEST(Bundle, AFlippedTensorByteIsRefusedWhenRead) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  std::string data = dir.Read("model.ckpt.data-00000-of-00001");
  data[20000] = static_cast<char>(data[20000] ^ 4);
  dir.Write("model.ckpt.data-00000-of-00001", data);
  auto bundle = Bundle::Open(prefix);
  ASSERT_TRUE(bundle.ok());
  auto tensor = bundle->Read("fc1/Variable");
  EXPECT_EQ(tensor.status().code(), Code::kDataLoss);
  EXPECT_THAT(std::string(tensor.status().message()), HasSubstr("'fc1/Variable'"));
  EXPECT_TRUE(bundle->Read("conv1/Variable").ok());
}

TEST_F(CraftedBundle, ReadsUnalignedData) {
  dir_.Write("m.data-00000-of-00001", "xyz" + data_);
  auto bundle = Open(BundleEntryProto(kFloat, {2}, 0, 3, 8, Crc()));
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  auto tensor = bundle->Read("w");
  ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
  EXPECT_EQ(tensor->as<float>()[1], 2.0f);
}

TEST_F(CraftedBundle, ReadsTheRightShard) {
  dir_.Write("m.data-00000-of-00002", "");
  dir_.Write("m.data-00001-of-00002", data_);
  auto bundle = Open(BundleEntryProto(kFloat, {2}, 1, 0, 8, Crc()), BundleHeader(2));
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  EXPECT_TRUE(bundle->Read("w").ok());
}

TEST_F(CraftedBundle, EmptyAndScalarTensors) {
  auto empty = Open(BundleEntryProto(kFloat, {0, 5}, 0, 0, 0, MaskCrc32c(0)));
  ASSERT_TRUE(empty.ok()) << empty.status().ToString();
  EXPECT_EQ(empty->Read("w")->count(), 0);
  auto scalar = Open(BundleEntryProto(kFloat, {}, 0, 4, 4, 0x4f78fd10));
  ASSERT_TRUE(scalar.ok());
  EXPECT_EQ(scalar->Read("w")->as<float>()[0], 2.0f);
}

TEST_F(CraftedBundle, EntriesThatLie) {
  ASSERT_TRUE(Open(Good()).ok());
  ExpectRefused(Open("\x0a"), "malformed entry");
  ExpectRefused(Open(BundleEntryProto(kFloat, {3}, 0, 0, 8, 0)), "12 bytes");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, 0, 4, 8, 0)), "not inside");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, 0, kHuge, 8, 0)), "not inside");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, 0, 8, kHuge, 0)), "not inside");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, 0, -1, 8, 0)), "negative");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, 0, 0, -8, 0)), "negative");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, 1, 0, 8, 0)), "data file 1 of 1");
  ExpectRefused(Open(BundleEntryProto(kFloat, {2}, -1, 0, 8, 0)), "data file -1");
  ExpectRefused(Open(BundleEntryProto(kFloat, {-1}, 0, 0, 8, 0)), "not fully known");
  ExpectRefused(Open(BundleEntryProto(kFloat, {kHuge, kHuge}, 0, 0, 8, 0)), "too many");
  ExpectRefused(Open(BundleEntryProto(kFloat, {kHuge / 2 + 1}, 0, 0, 8, 0)), "too many");
}

TEST_F(CraftedBundle, HeadersThatCannotBeRead) {
  ExpectRefused(Open(Good(), BundleHeader(0)), "names 0 data files");
  ExpectRefused(Open(Good(), BundleHeader(1 << 30)), "data files");
  ExpectRefused(Open(Good(), BundleHeader(2)), "of-00002");
  ExpectRefused(Open(Good(), BundleHeader(1, 1)), "big endian");
  ExpectRefused(Open(Good(), BundleHeader(1, 0, 99)), "version 99");
  ExpectRefused(Open(Good(), "\x08"), "malformed");
  WriteIndex(dir_.Path("m.index"), {{"w", Good()}});
  ExpectRefused(Bundle::Open(dir_.Path("m")), "no header");
}

TEST_F(CraftedBundle, TypesThatCannotBeWeights) {
  for (int64_t type : {kString + 0, int64_t{8}, int64_t{21}, int64_t{99}}) {
    auto bundle = Open(BundleEntryProto(type, {2}, 0, 0, 8, Crc()));
    ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();  // other tensors may be wanted
    EXPECT_EQ(bundle->Read("w").status().code(), Code::kUnimplemented);
  }
}

// A footer behind 60 zero bytes, whose index handle is as given.
std::string TableWithIndexAt(uint64_t offset, uint64_t size) {
  std::string handles = Varint(0) + Varint(8) + Varint(offset) + Varint(size);
  handles.resize(40, '\0');
  return std::string(60, '\0') + handles + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
}

TEST(Table, FootersThatPointOutside) {
  TempDir dir;
  const uint64_t rows[][2] = {
      {1000, 10}, {0, uint64_t{1} << 40}, {~uint64_t{0}, 8}, {8, ~uint64_t{0}}, {50, 10}, {56, 0}};
  for (const auto& row : rows) {
    auto table = ReadTable(dir.Write("t.index", TableWithIndexAt(row[0], row[1])));
    EXPECT_EQ(table.status().code(), Code::kDataLoss);
    EXPECT_THAT(std::string(table.status().message()), HasSubstr("footer points outside"));
  }
}

TEST(Table, AnIndexBlockThatPointsOutside) {
  TempDir dir;
  // One entry: nothing shared, key "k", and a handle to a block of 2^40 bytes.
  std::string handle = Varint(0) + Varint(uint64_t{1} << 40);
  std::string block = Varint(0) + Varint(1) + Varint(handle.size()) + "k" + handle;
  block += std::string("\0\0\0\0\1\0\0\0", 8) + '\0';
  uint32_t crc = MaskCrc32c(Crc32c(block.data(), block.size()));
  uint64_t size = block.size() - 1;
  for (int i = 0; i < 4; ++i) block += static_cast<char>(crc >> (8 * i));
  std::string empty = std::string("\0\0\0\0\1\0\0\0\0", 9);
  uint32_t empty_crc = MaskCrc32c(Crc32c(empty.data(), empty.size()));
  for (int i = 0; i < 4; ++i) empty += static_cast<char>(empty_crc >> (8 * i));
  std::string footer = Varint(block.size()) + Varint(8) + Varint(0) + Varint(size);
  footer.resize(40, '\0');
  auto table =
      ReadTable(dir.Write("t.index", block + empty + footer + "\x57\xfb\x80\x8b\x24\x75\x47\xdb"));
  EXPECT_EQ(table.status().code(), Code::kDataLoss);
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("index points outside"));
}

TEST(Table, MissingFilesAndFolders) {
  TempDir dir;
  EXPECT_EQ(ReadTable(dir.Path("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(ReadTable(dir.Path("")).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace midstream::tensorflow

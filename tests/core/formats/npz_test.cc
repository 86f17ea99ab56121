#include "core/formats/npy/npz.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <string>

#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

using testing::HasSubstr;

Tensor Counting(DType dtype, Shape shape) {
  Tensor tensor = *Tensor::Allocate(dtype, std::move(shape));
  for (size_t i = 0; i < tensor.byte_size(); ++i) {
    static_cast<uint8_t*>(tensor.mutable_data())[i] = static_cast<uint8_t>(i);
  }
  return tensor;
}

// An archive with one member, compressed as told.
void WriteZip(const std::string& path, const std::string& name, const std::string& bytes,
              zip_int32_t method) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  zip_int64_t idx = zip_file_add(archive, name.c_str(), source, 0);
  zip_set_file_compression(archive, static_cast<zip_uint64_t>(idx), method, 0);
  ASSERT_EQ(zip_close(archive), 0);
}

TEST(Npz, ReadsWhatNumpyWrote) {
  auto tensors = ReadNpz(std::string(MS_TEST_DATA) + "/digits/expected_4000.npz");
  ASSERT_TRUE(tensors.ok()) << tensors.status().ToString();
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].first, "fc2/add:0");
  EXPECT_EQ((*tensors)[0].second.shape(), Shape({64, 10}));
  EXPECT_EQ((*tensors)[1].first, "accuracy/ArgMax:0");
  EXPECT_EQ((*tensors)[1].second.dtype(), DType::kI64);
}

TEST(Npz, ComesBackAndIsDeterministic) {
  TempDir dir;
  NamedTensors tensors = {{"fc2/add:0", Counting(DType::kF32, {3, 4})},
                          {"x", Counting(DType::kI64, {})},
                          {"empty", Counting(DType::kF64, {0, 7})}};
  ASSERT_TRUE(WriteNpz(dir.Path("a.npz"), tensors).ok());
  ASSERT_TRUE(WriteNpz(dir.Path("b.npz"), tensors).ok());
  EXPECT_EQ(dir.Read("a.npz"), dir.Read("b.npz"));
  auto back = ReadNpz(dir.Path("a.npz"));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  ASSERT_EQ(back->size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ((*back)[i].first, tensors[i].first);
    EXPECT_TRUE(BitEqual((*back)[i].second, tensors[i].second));
  }
}

TEST(Npz, ReadsOneMember) {
  TempDir dir;
  NamedTensors tensors = {{"a", Counting(DType::kF32, {3})}, {"b", Counting(DType::kU8, {2})}};
  ASSERT_TRUE(WriteNpz(dir.Path("a.npz"), tensors).ok());
  auto b = ReadNpzMember(dir.Path("a.npz"), "b");
  ASSERT_TRUE(b.ok());
  EXPECT_TRUE(BitEqual(*b, tensors[1].second));
  auto none = ReadNpzMember(dir.Path("a.npz"), "c");
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("'a', 'b'"));
}

TEST(Npz, ReadsDeflatedMembersAndSkipsOtherFiles) {
  TempDir dir;
  Tensor zeros = *Tensor::Copy(DType::kU8, {5000}, std::vector<std::byte>(5000));
  ASSERT_TRUE(WriteNpz(dir.Path("a.npz"), {{"z", zeros}}).ok());
  std::string npy = dir.Read("a.npz").substr(30 + 5, 128 + 5000);  // local header and name
  WriteZip(dir.Path("d.npz"), "z.npy", npy, ZIP_CM_DEFLATE);
  EXPECT_LT(dir.Read("d.npz").size(), 1000u);
  auto back = ReadNpzMember(dir.Path("d.npz"), "z");
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_TRUE(BitEqual(*back, zeros));
  WriteZip(dir.Path("t.npz"), "notes.txt", "hello", ZIP_CM_STORE);
  auto none = ReadNpz(dir.Path("t.npz"));
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

TEST(Npz, RefusesWhatCannotBeWritten) {
  TempDir dir;
  Tensor one = Counting(DType::kF32, {1});
  EXPECT_EQ(WriteNpz(dir.Path("a.npz"), {{"a", one}, {"a", one}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(WriteNpz(dir.Path("a.npz"), {}).code(), Code::kInvalidArgument);
  EXPECT_FALSE(WriteNpz(dir.Path("no/a.npz"), {{"a", one}}).ok());
}

TEST(Npz, RefusesDamage) {
  TempDir dir;
  ASSERT_TRUE(WriteNpz(dir.Path("a.npz"), {{"x", Counting(DType::kF32, {100})}}).ok());
  std::string good = dir.Read("a.npz");
  auto refused = [&](const std::string& bytes) {
    auto result = ReadNpz(dir.Write("b.npz", bytes));
    EXPECT_EQ(result.status().code(), Code::kDataLoss) << result.status().ToString();
    EXPECT_THAT(std::string(result.status().message()), HasSubstr("b.npz"));
  };
  refused("");
  refused("no archive");
  refused(good.substr(0, good.size() / 2));
  std::string flipped = good;  // inside the data: the archive's checksum tells
  flipped[300] = static_cast<char>(flipped[300] ^ 1);
  refused(flipped);
  WriteZip(dir.Path("c.npz"), "x.npy", "not an array at all", ZIP_CM_STORE);
  refused(dir.Read("c.npz"));
  EXPECT_EQ(ReadNpz(dir.Path("none.npz")).status().code(), Code::kNotFound);
}

TEST(Npz, RefusesAMemberThatClaimsTooMuch) {
  TempDir dir;
  WriteZip(dir.Path("a.npz"), "x.npy", std::string(2000, 'x'), ZIP_CM_DEFLATE);
  std::string bytes = dir.Read("a.npz");
  size_t directory = bytes.find("PK\x01\x02");
  ASSERT_NE(directory, std::string::npos);
  for (size_t at : {size_t{22}, directory + 24}) bytes.replace(at, 4, "\xff\xff\xff\x7f");
  auto result = ReadNpz(dir.Write("b.npz", bytes));
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("claims to grow"));
}

}  // namespace
}  // namespace midstream::formats

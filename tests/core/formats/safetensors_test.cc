#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <string>

#include "core/formats/safetensors/reader.h"
#include "core/formats/safetensors/writer.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::safetensors {
namespace {

using formats::TempDir;
using formats::TensorInfo;
using testing::HasSubstr;

const std::string kEveryDType = std::string(MS_TEST_DATA) + "/safetensors/every_dtype.safetensors";

std::string FileOf(const std::string& json, const std::string& data) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes += static_cast<char>(json.size() >> (8 * i));
  return bytes + json + data;
}

Status OpenStatus(const std::string& path) { return Reader::Open(path).status(); }

TEST(Safetensors, ReadsWhatTheReferenceImplementationWrote) {
  auto file = Reader::Open(kEveryDType);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ((*file)->tensors().size(), 29u);
  EXPECT_EQ(static_cast<const Reader&>(**file).metadata(), (Metadata{{"format", "np"}}));
  for (size_t i = 0; i < 29; ++i) {
    const TensorInfo& info = (*file)->tensors()[i];
    if (info.name.find('/') != std::string::npos) {
      EXPECT_EQ(info.name.substr(0, info.name.find('/')), DTypeName(info.dtype));
      EXPECT_EQ(info.shape, info.name.ends_with("/matrix") ? Shape({3, 5}) : Shape());
    }
    auto tensor = (*file)->Read(i);
    ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    size_t at = info.dtype == DType::kBool ? 0 : info.name.size();
    for (std::byte byte : tensor->bytes()) {
      ASSERT_EQ(static_cast<size_t>(byte), at++ % (info.dtype == DType::kBool ? 2 : 251))
          << info.name;
    }
  }
}

TEST(Safetensors, WritesTheReferenceImplementationsBytes) {
  TempDir dir;
  auto file = Reader::Open(kEveryDType);
  ASSERT_TRUE(file.ok());
  std::vector<TensorInfo> tensors((*file)->tensors().rbegin(), (*file)->tensors().rend());
  auto read = [&](size_t i) { return (*file)->Read(tensors.size() - 1 - i); };
  ASSERT_TRUE(Write(dir.Path("copy.safetensors"), tensors, read, {{"format", "np"}}).ok());
  EXPECT_EQ(dir.Read("copy.safetensors"), TempDir::ReadBytes(kEveryDType));
}

TEST(Safetensors, WritesAndReadsNoTensorsAtAll) {
  TempDir dir;
  ASSERT_TRUE(Write(dir.Path("e.safetensors"), {}, nullptr).ok());
  EXPECT_EQ(dir.Read("e.safetensors"), FileOf("{}      ", ""));
  auto file = Reader::Open(dir.Path("e.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE((*file)->tensors().empty());
}

// The reference implementation takes the tensors in any order, and spaces behind the header.
TEST(Safetensors, TheHeadersOrderIsFree) {
  TempDir dir;
  auto file = Reader::Open(dir.Write(
      "a.safetensors", FileOf(R"({"b":{"data_offsets":[2,3],"shape":[1],"dtype":"U8"},)"
                              R"("a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}   )",
                              "\x01\x02\x03")));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->tensors()[0].name, "a");
  EXPECT_EQ((*file)->tensors()[1].name, "b");
  EXPECT_EQ((*file)->Read(1)->as<uint8_t>()[0], 3);
}

struct BadHeader {
  const char* json;
  size_t data;
  const char* message;
};

const BadHeader kBadHeaders[] = {
    {"", 0, "no JSON object"},
    {"[]", 0, "no JSON object"},
    {" {}", 0, "no JSON object"},
    {"{", 0, "no JSON at its byte"},
    {"{}x", 0, "no JSON at its byte"},
    {"{\"a\":1}", 0, "tensor 'a' has '1' where none belongs"},
    {"{\"a\":null}", 0, "where none belongs"},
    {"{\"a\":\"text\"}", 0, "where none belongs"},
    {"{\"a\":[1]}", 0, "tensor 'a' has 'a list' where none belongs"},
    {"{\"a\":{}}", 0, "tensor 'a' needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "needs a dtype"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "two data_offsets"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "more than two"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1,
     "the unknown field 'x'"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "the field 'dtype' twice"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[[1]],\"data_offsets\":[0,1]}}", 1, "'a list' where none"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[{}],\"data_offsets\":[0,1]}}", 1,
     "'an object' where none"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, "a negative number"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", 1, "'1.0' where none"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1e999],\"data_offsets\":[0,1]}}", 1, "no JSON"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,1]}}", 1,
     "the dimension 9223372036854775808"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
     "tensor 'a' is malformed"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1152921504606846976],\"data_offsets\":[0,0]}}", 0,
     "tensor 'a'"},
    {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "tensor 'a' has the dtype 'F8_E4M3'"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, "which has 2 bytes"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1,
     "its data_offsets are 1 to 0"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 0, "there are 0 behind"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2, "there are 2 behind"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "leaves a hole"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "tensor 'b' begins at 1, inside the tensor before it"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
     2, "tensor 'a' is there twice"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__ has '1' where none belongs"},
    {"{\"__metadata__\":{\"k\":{}}}", 0, "__metadata__ has 'an object' where none"},
    {"{\"__metadata__\":{\"k\":\"v\",\"k\":\"v\"}}", 0, "__metadata__ has 'k' twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is there twice"},
    {"{\"\xff\":{}}", 0, "no JSON"},
};

TEST(Safetensors, RefusesBadHeaders) {
  TempDir dir;
  for (const BadHeader& bad : kBadHeaders) {
    const std::string path =
        dir.Write("bad.safetensors", FileOf(bad.json, std::string(bad.data, '\0')));
    const Status status = OpenStatus(path);
    EXPECT_FALSE(status.ok()) << bad.json;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.message)) << bad.json;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path)) << bad.json;
  }
}

TEST(Safetensors, DeepNestingIsAnErrorAndNoRecursion) {
  TempDir dir;
  const std::string deep(10'000'000, '[');
  const Status status = OpenStatus(dir.Write("deep.safetensors", FileOf("{\"a\":" + deep, "")));
  EXPECT_EQ(status.code(), Code::kDataLoss);
}

TEST(Safetensors, RefusesLengthsThatCannotBe) {
  TempDir dir;
  EXPECT_EQ(OpenStatus(dir.Write("a.safetensors", "1234567")).code(), Code::kDataLoss);
  EXPECT_EQ(OpenStatus(dir.Write("a.safetensors", std::string(8, '\xff'))).code(), Code::kDataLoss);
  EXPECT_EQ(OpenStatus(dir.Write("a.safetensors", FileOf("{}", "").substr(0, 9))).code(),
            Code::kDataLoss);
  EXPECT_EQ(OpenStatus(dir.Path("none.safetensors")).code(), Code::kNotFound);
  EXPECT_EQ(OpenStatus(dir.Path(".")).code(), Code::kInvalidArgument);
}

TEST(Safetensors, AFileCutAnywhereIsRefused) {
  TempDir dir;
  const std::string bytes = TempDir::ReadBytes(kEveryDType);
  for (size_t size = 0; size < bytes.size(); size += 61) {
    EXPECT_FALSE(OpenStatus(dir.Write("cut.safetensors", bytes.substr(0, size))).ok()) << size;
  }
}

TEST(Safetensors, ABoolIsZeroOrOne) {
  TempDir dir;
  auto file = Reader::Open(
      dir.Write("b.safetensors",
                FileOf(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", "\x02")));
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(std::string((*file)->Read(0).status().message()), HasSubstr("tensor 'a'"));
}

TEST(Safetensors, AFileThatIsWrittenToMeanwhileIsReported) {
  TempDir dir;
  const std::string json = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  const std::string path = dir.Write("a.safetensors", FileOf(json, "\x01"));
  auto file = Reader::Open(path);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Read(0).ok());
  dir.Write("a.safetensors", FileOf(json, "\x02"));
  const timespec later[2] = {{0, UTIME_NOW}, {2'000'000'000, 0}};  // whatever the clock's steps are
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), later, 0), 0);
  EXPECT_THAT(std::string((*file)->Read(0).status().message()), HasSubstr("was written to while"));
  dir.Write("a.safetensors", "");
  EXPECT_EQ((*file)->Read(0).status().code(), Code::kDataLoss);
}

TEST(Safetensors, AFileThatIsReplacedMeanwhileIsReadToItsEnd) {
  TempDir dir;
  const std::string json = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  auto file = Reader::Open(dir.Write("a.safetensors", FileOf(json, "\x01")));
  ASSERT_TRUE(file.ok());
  std::filesystem::rename(dir.Write("b", FileOf(json, "\x02")), dir.Path("a.safetensors"));
  auto value = (*file)->Read(0);
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(value->as<uint8_t>()[0], 1);
}

TEST(Safetensors, WhatCannotBeWrittenLeavesTheOldFile) {
  TempDir dir;
  const std::string path = dir.Write("a.safetensors", "old");
  const TensorInfo byte{"a", DType::kU8, {1}};
  auto one = [](size_t) -> Result<Tensor> {
    return Tensor::Scalar<uint8_t>(DType::kU8, 1).Reshaped({1});
  };
  auto none = [](size_t) -> Result<Tensor> { return DataLoss("gone"); };
  EXPECT_EQ(Write(path, {byte}, none).message(), path + ": tensor 'a': gone");
  EXPECT_THAT(std::string(Write(path, {byte, byte}, one).message()), HasSubstr("two tensors"));
  EXPECT_THAT(std::string(Write(path, {{"\xff", DType::kU8, {1}}}, one).message()),
              HasSubstr("not UTF-8"));
  EXPECT_THAT(std::string(Write(path, {{"__metadata__", DType::kU8, {1}}}, one).message()),
              HasSubstr("cannot be named"));
  EXPECT_FALSE(Write(path, {{"s", DType::kString, {1}}}, one).ok());
  EXPECT_EQ(Write(path, {{"a", DType::kU8, {2}}}, one).code(), Code::kInternal);
  EXPECT_EQ(dir.Read("a.safetensors"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.Path(".")), {}), 1);
}

// Whatever a few wrong bytes make of the header, parsing ends with an error or with tensors that fill
// the data. Seeded, so a failure repeats.
TEST(Safetensors, DamagedHeaders) {
  const std::string file = TempDir::ReadBytes(kEveryDType);
  const std::string good = file.substr(8, file.find("}}") + 2 - 8);
  const size_t data = 808;
  ASSERT_TRUE(ParseHeader(good, data).ok()) << ParseHeader(good, data).status().ToString();
  std::mt19937 random(24);
  size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string json = good;
    for (uint32_t edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % json.size();
      const size_t from = random() % json.size();
      switch (random() % 4) {
        case 0:
          json[at] = static_cast<char>(random());
          break;
        case 1:
          json[at] = json[from];
          break;
        case 2:
          json.erase(at, 1 + random() % 8);
          break;
        default:
          json.insert(at, json.substr(from, 1 + random() % 24));
      }
    }
    auto header = ParseHeader(json, data);
    refused += !header.ok();
    size_t total = 0;
    for (size_t i = 0; header.ok() && i < header->entries.size(); ++i) {
      const Entry& entry = header->entries[i];
      EXPECT_EQ(*ByteSize(entry.dtype, entry.shape), entry.end - entry.begin);
      total += entry.end - entry.begin;
    }
    EXPECT_EQ(total, header.ok() ? data : 0);
  }
  EXPECT_GT(refused, 15000u);
}

}  // namespace
}  // namespace midstream::safetensors

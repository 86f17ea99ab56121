// Zarr arrays: every layout of chunks, read whole and by rows.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <random>
#include <string>

#include "core/formats/orbax/array.h"
#include "core/formats/orbax/zarr.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/orbax_testing.h"

namespace midstream::orbax {
namespace {

using formats::TempDir;
using testing::HasSubstr;

// Bytes that differ from element to element; 0 or 1 in bools.
Tensor Counting(DType dtype, const Shape& shape) {
  Tensor tensor = *Tensor::Allocate(dtype, shape);
  auto* bytes = static_cast<uint8_t*>(tensor.mutable_data());
  for (size_t i = 0; i < tensor.byte_size(); ++i) {
    bytes[i] = static_cast<uint8_t>(dtype == DType::kBool ? i % 3 == 0 : i * 7 + i / 251);
  }
  return tensor;
}

class OrbaxArray : public testing::Test {
 protected:
  Result<std::unique_ptr<Array>> OpenValues(const KeyValues& values) {
    std::filesystem::remove_all(dir_.Path("c"));
    WriteFolder(dir_.Path("c"), values);
    shared_ = std::make_shared<Shared>();
    shared_->store = OpenFolder(dir_.Path("c"));
    shared_->path = dir_.Path("c");
    shared_->every_chunk = every_chunk_;
    return Array::Open(shared_, "a");
  }

  void ExpectReads(const Tensor& tensor, const ZarrOptions& options) {
    auto array = OpenValues(ZarrArray("a", tensor, options));
    ASSERT_TRUE(array.ok()) << array.status().ToString();
    auto read = (*array)->Read();
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_TRUE(BitEqual(*read, tensor));
    if (tensor.shape().rank() == 0) return;
    const int64_t rows = tensor.shape()[0];
    for (int64_t step : {int64_t{1}, int64_t{2}, int64_t{3}, rows}) {
      for (int64_t begin = 0; begin < rows; begin += step) {
        ExpectRows(**array, tensor, begin, std::min(step, rows - begin));
      }
    }
    std::mt19937 random(1);
    for (int i = 0; i < 20; ++i) {
      const auto begin = static_cast<int64_t>(random() % static_cast<uint64_t>(rows + 1));
      ExpectRows(**array, tensor, begin,
                 static_cast<int64_t>(random() % static_cast<uint64_t>(rows - begin + 1)));
    }
    array->reset();
    EXPECT_EQ(shared_->held, 0u);
  }

  static void ExpectRows(const Array& array, const Tensor& tensor, int64_t begin, int64_t count) {
    auto rows = array.ReadRows(begin, count);
    ASSERT_TRUE(rows.ok()) << rows.status().ToString();
    Shape shape = tensor.shape();
    const size_t row = tensor.byte_size() / static_cast<size_t>(shape[0]);
    shape.mutable_dims()[0] = count;
    const auto* from = static_cast<const char*>(tensor.data()) + static_cast<size_t>(begin) * row;
    EXPECT_TRUE(BitEqual(*rows, Tensor::Wrap(tensor.dtype(), shape, from, nullptr)))
        << begin << " " << count;
  }

  Status Refusal(const std::string& layout, const KeyValues& chunks = {}) {
    KeyValues values = chunks;
    values["a/.zarray"] = layout;
    return OpenValues(values).status();
  }

  TempDir dir_;
  bool every_chunk_ = true;
  std::shared_ptr<Shared> shared_;
};

TEST_F(OrbaxArray, ReadsEveryChunkingOfAMatrix) {
  const Tensor tensor = Counting(DType::kF32, {5, 7});
  for (int64_t rows : {1, 2, 3, 5, 6}) {
    for (int64_t columns : {1, 3, 7, 9}) {
      for (int bits = 0; bits < 8; ++bits) {
        SCOPED_TRACE(std::to_string(rows) + " " + std::to_string(columns) + " " +
                     std::to_string(bits));
        ExpectReads(tensor, {{rows, columns}, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0});
      }
    }
  }
}

TEST_F(OrbaxArray, ReadsChunkingsOfManyAxes) {
  const Tensor tensor = Counting(DType::kI16, {4, 3, 5, 2});
  for (const std::vector<int64_t>& chunk : std::vector<std::vector<int64_t>>{
           {4, 3, 5, 2}, {2, 3, 5, 2}, {3, 2, 5, 2}, {4, 3, 2, 2}, {3, 2, 2, 1}, {8, 8, 8, 8}}) {
    for (bool column_major : {false, true}) {
      ExpectReads(tensor, {chunk, true, false, column_major, column_major ? '/' : '.'});
    }
  }
}

TEST_F(OrbaxArray, ReadsEveryDType) {
  for (DType dtype :
       {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8, DType::kI16, DType::kI32,
        DType::kI64, DType::kU8, DType::kU16, DType::kU32, DType::kU64, DType::kBool}) {
    const bool big = dtype != DType::kBF16;
    ExpectReads(Counting(dtype, {3, 4}), {{2, 3}, true, big, false});
    ExpectReads(Counting(dtype, {}), {{}, false, big, false});
    ExpectReads(Counting(dtype, {9}), {{4}});
  }
}

TEST_F(OrbaxArray, ReadsArraysWithoutElements) {
  auto array = OpenValues(ZarrArray("a", Counting(DType::kF32, {0, 4}), {{1, 4}}));
  ASSERT_TRUE(array.ok()) << array.status().ToString();
  EXPECT_EQ((*array)->Read()->shape(), Shape({0, 4}));
  EXPECT_EQ((*array)->ReadRows(0, 0)->shape(), Shape({0, 4}));
}

// A row of a chunk that is larger than all buffers, in a frame of many blocks.
TEST_F(OrbaxArray, ReadsLongRows) {
  const Tensor tensor = Counting(DType::kBF16, {3, 300'000});
  ExpectReads(tensor, {{3, 300'000}});
  ExpectReads(tensor, {{3, 170'000}});
  ExpectReads(tensor, {{2, 170'000}, false});
}

TEST_F(OrbaxArray, KeepsADecoderOnlyWhereItIsOfUse) {
  auto array = OpenValues(ZarrArray("a", Counting(DType::kF32, {8, 100}), {{4, 30}}));
  ASSERT_TRUE(array.ok());
  ASSERT_TRUE((*array)->ReadRows(0, 2).ok());
  const size_t held = shared_->held;
  EXPECT_GT(held, 0u);
  ASSERT_TRUE((*array)->ReadRows(5, 1).ok());  // other chunks: those before are let go
  EXPECT_LT(shared_->held, 2 * held);
  ASSERT_TRUE((*array)->ReadRows(6, 2).ok());  // to their end
  EXPECT_EQ(shared_->held, 0u);
}

TEST_F(OrbaxArray, FillsInForMissingChunks) {
  every_chunk_ = false;
  const Tensor tensor = Counting(DType::kF32, {4, 4});
  KeyValues values = ZarrArray("a", tensor, {{3, 3}});
  values.erase("a/0.1");
  const std::pair<const char*, float> fills[] = {
      {"null", 0.0f}, {"1.5", 1.5f}, {"-2", -2.0f}, {"\"-Infinity\"", -INFINITY}};
  for (const auto& [text, fill] : fills) {
    std::string& json = values["a/.zarray"];
    const size_t at = json.find("\"fill_value\":") + 13;
    json.replace(at, json.find(',', at) - at, text);
    auto array = OpenValues(values);
    ASSERT_TRUE(array.ok()) << array.status().ToString();
    for (const Tensor& read : {*(*array)->Read(), *(*array)->ReadRows(0, 4)}) {
      for (size_t i = 0; i < 16; ++i) {
        const bool missing = i % 4 == 3 && i / 4 < 3;
        EXPECT_EQ(std::bit_cast<uint32_t>(read.as<float>()[i]),
                  std::bit_cast<uint32_t>(missing ? fill : tensor.as<float>()[i]))
            << i;
      }
    }
    EXPECT_EQ((*array)->ReadRows(1, 1)->as<float>()[3], fill);
  }
}

TEST_F(OrbaxArray, AMissingChunkIsALossWhereAllAreStored) {
  KeyValues values = ZarrArray("a", Counting(DType::kF32, {4, 4}), {{3, 3}});
  values.erase("a/0.1");
  const Status status = OpenValues(values).status();
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("array 'a': its chunk 0.1 is missing"));
}

TEST_F(OrbaxArray, TellsOfDamagedChunks) {
  const Tensor tensor = Counting(DType::kF32, {6, 5});
  const KeyValues values = ZarrArray("a", tensor, {{3, 5}});
  const auto expect = [&](const std::string& chunk, const std::string& text) {
    KeyValues damaged = values;
    damaged["a/1.0"] = chunk;
    auto array = OpenValues(damaged);
    ASSERT_TRUE(array.ok()) << array.status().ToString();
    EXPECT_TRUE((*array)->ReadRows(0, 3).ok());
    for (const Status& status : {(*array)->Read().status(), (*array)->ReadRows(3, 3).status()}) {
      EXPECT_EQ(status.code(), Code::kDataLoss) << status.ToString();
      EXPECT_THAT(std::string(status.message()), HasSubstr("chunk 'a/1.0': " + text));
    }
    EXPECT_EQ(shared_->held, 0u);
  };
  const std::string chunk = values.at("a/1.0");
  expect(chunk.substr(0, chunk.size() - 1), "ends");
  expect("garbage", "cannot be decompressed: Unknown frame descriptor");
  expect(Zstd(std::string(59, 'x')), "ends too early: it decompresses to less than the 60 bytes");
  expect(Zstd(std::string(61, 'x')), "decompresses to more than the 60 bytes");
  expect(chunk + "more", "cannot be decompressed");
}

TEST_F(OrbaxArray, RefusesChunksOfAnotherSize) {
  KeyValues values = ZarrArray("a", Counting(DType::kF32, {4}), {{4}, false});
  values["a/0"] += "x";
  const Status status = OpenValues(values).status();
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("its chunk 0 has 17 bytes, from which the 16"));
}

TEST_F(OrbaxArray, ABoolIsTrueOrFalse) {
  KeyValues values = ZarrArray("a", Counting(DType::kBool, {3}), {{3}, false});
  values["a/0"] = std::string("\0\2\1", 3);
  EXPECT_EQ((*OpenValues(values))->Read().status().code(), Code::kDataLoss);
}

std::string LayoutWith(const std::string& field, const std::string& value) {
  const Tensor tensor = Counting(DType::kF32, {4});
  std::string json = ZarrJson(tensor, {{4}});
  const size_t at = json.find("\"" + field + "\":");
  EXPECT_NE(at, std::string::npos) << field;
  const size_t from = at + field.size() + 3;
  const size_t end = json[from] == '['   ? json.find(']', from) + 1
                     : json[from] == '{' ? json.find('}', from) + 1
                                         : json.find_first_of(",}", from);
  return json.replace(from, end - from, value);
}

TEST_F(OrbaxArray, RefusesLayoutsThatItDoesNotHave) {
  struct Case {
    const char* field;
    const char* value;
    Code code;
    const char* text;
  };
  const Case cases[] = {
      {"zarr_format", "3", Code::kDataLoss, "zarr_format is '3'"},
      {"dtype", "\"<c8\"", Code::kUnimplemented, "dtype is '<c8'"},
      {"dtype", "\"f4\"", Code::kUnimplemented, "dtype is 'f4'"},
      {"dtype", "\"|f4\"", Code::kUnimplemented, "dtype is '|f4'"},
      {"dtype", "\"\"", Code::kUnimplemented, "dtype is ''"},
      {"dtype", "[[\"a\",\"<f4\"]]", Code::kUnimplemented, "dtype is "},
      {"dtype", "7", Code::kUnimplemented, "dtype is '7'"},
      {"shape", "[-1]", Code::kDataLoss, "shape is '[-1]'"},
      {"shape", "[4.0]", Code::kDataLoss, "shape is '[4.0]'"},
      {"shape", "[18446744073709551615]", Code::kDataLoss, "shape is"},
      {"shape", "[4611686018427387904,4]", Code::kDataLoss,
       "shape has 2 dimensions and its chunks 1"},
      {"shape", "[4000000]", Code::kDataLoss, "has more than 1048576 chunks"},
      {"shape", "4", Code::kDataLoss, "shape is '4'"},
      {"chunks", "[0]", Code::kDataLoss, "chunks is '[0]'"},
      {"chunks", "[1,4]", Code::kDataLoss, "its chunks 2"},
      {"chunks", "[4000000]", Code::kDataLoss,
       "from which the 16000000 of its shape cannot be made"},
      {"compressor", "{\"id\":\"blosc\"}", Code::kUnimplemented, "compressor is 'blosc'"},
      {"compressor", "{}", Code::kDataLoss, "compressor is '{}'"},
      {"order", "\"A\"", Code::kDataLoss, "order is"},
      {"filters", "[{\"id\":\"delta\"}]", Code::kUnimplemented, "filters"},
      {"fill_value", "\"zero\"", Code::kDataLoss, "fill_value is"},
      {"dimension_separator", "\":\"", Code::kDataLoss, "dimension_separator is"},
  };
  for (const Case& c : cases) {
    std::string layout = LayoutWith(c.field, c.value);
    if (std::string(c.text).find("1048576") != std::string::npos) {
      layout.replace(layout.find("\"chunks\":[4]"), 12, "\"chunks\":[1]");
    }
    const Status status = Refusal(layout, {{"a/0", Zstd(std::string(16, 'x'))}});
    EXPECT_EQ(status.code(), c.code) << c.field << " " << c.value << ": " << status.ToString();
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.text));
    EXPECT_THAT(std::string(status.message()), HasSubstr("array 'a'"));
  }
  for (const char* layout : {"", "[]", "{", "null"}) {
    EXPECT_EQ(Refusal(layout).code(), Code::kDataLoss);
  }
}

// A layout alone must not make the engine take memory.
TEST_F(OrbaxArray, RefusesToInventArrays) {
  every_chunk_ = false;
  std::string layout = LayoutWith("shape", "[1000000000000]");
  layout.replace(layout.find("\"chunks\":[4]"), 12, "\"chunks\":[1000000000000]");
  const Status status = Refusal(layout);
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("4000000000000 bytes and chunks that are"));
}

}  // namespace
}  // namespace midstream::orbax

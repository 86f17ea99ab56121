#include "core/formats/tensorflow/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include "core/base/crc32c.h"
#include "core/formats/model_source.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/protos_testing.h"

namespace midstream::tensorflow {
namespace {

using formats::TempDir;
using testing::HasSubstr;

std::string Slices(const std::string& name) {
  return std::string(MS_TEST_DATA) + "/tf/slices/" + name;
}

struct Matrix {
  Shape shape;
  float first;
};
const std::map<std::string, Matrix> kMatrices = {{"emb", {{7, 6}, 0}}, {"wide", {{4, 9}, 100}}};

// Every name that one may use for a checkpoint of tests/data/tf/slices.
const char* const kCheckpoints[] = {
    "whole",
    "rows",
    "columns",
    "columns.index",
    "rows.data-00000-of-00001",
    "v1_whole",
    "v1_rows",
    "v1_columns",
    "v1_sharded",
    "v1_sharded-\?\?\?\?\?-of-00003",
    "v1_sharded-00001-of-00003",
};

// Checks a part whose first element is `row`, `column` of the matrix.
void ExpectPart(const Tensor& part, const Matrix& matrix, int64_t row, int64_t column) {
  auto values = part.as<float>();
  for (int64_t i = 0; i < part.count(); ++i) {
    int64_t at = (row + i / part.shape()[1]) * matrix.shape[1] + column + i % part.shape()[1];
    ASSERT_EQ(values[static_cast<size_t>(i)], matrix.first + static_cast<float>(at)) << i;
  }
}

TEST(Checkpoint, EveryNameOfEveryFormatAndPartition) {
  for (const char* name : kCheckpoints) {
    SCOPED_TRACE(name);
    auto checkpoint = Checkpoint::Open(Slices(name));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
    for (const auto& [key, matrix] : kMatrices) {
      auto whole = (*checkpoint)->Read(key);
      ASSERT_TRUE(whole.ok()) << whole.status().ToString();
      ASSERT_EQ(whole->shape(), matrix.shape);
      ExpectPart(*whole, matrix, 0, 0);
      auto part = (*checkpoint)->ReadPart(key, {{1, 3}, {2, 3}});  // no stored slice
      ASSERT_TRUE(part.ok()) << part.status().ToString();
      ExpectPart(*part, matrix, 1, 2);
    }
    EXPECT_EQ((*checkpoint)->Read("nothing").status().code(), Code::kNotFound);
    EXPECT_EQ((*checkpoint)->ReadPart("emb", {{5, 3}, {0, 6}}).status().code(),
              Code::kInvalidArgument);
  }
}

TEST(Checkpoint, EveryTypeOfV1EqualsV2) {
  auto v1 = Checkpoint::Open(Slices("v1_rows"));
  auto v2 = Checkpoint::Open(Slices("rows"));
  ASSERT_TRUE(v1.ok() && v2.ok());
  for (const char* type : {"half", "double", "uint8", "int32", "int64", "bool"}) {
    auto in_v1 = (*v1)->Read("types/" + std::string(type));
    auto in_v2 = (*v2)->Read("types/" + std::string(type));
    ASSERT_TRUE(in_v1.ok()) << in_v1.status().ToString();
    ASSERT_TRUE(in_v2.ok()) << in_v2.status().ToString();
    EXPECT_TRUE(BitEqual(*in_v1, *in_v2)) << type;
  }
}

// As TensorFlow does: any checkpoint of the same variables fits any partition of them.
TEST(Checkpoint, EveryGraphReadsEveryCheckpoint) {
  for (const char* graph : {"whole", "rows", "columns"}) {
    auto model = formats::OpenModel(Slices(std::string(graph) + ".meta"));
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    for (const char* name : kCheckpoints) {
      SCOPED_TRACE(std::string(graph) + " with " + name);
      auto reader = (*model)->OpenWeights(Slices(name));
      ASSERT_TRUE(reader.ok()) << reader.status().ToString();
      size_t parts = 0;
      for (const auto& [variable, matrix] : kMatrices) {
        int64_t row = 0;
        int64_t column = 0;
        for (const std::string& weight : (*reader)->names()) {
          if (!weight.starts_with(variable)) continue;
          auto part = (*reader)->Read(weight);
          ASSERT_TRUE(part.ok()) << part.status().ToString();
          ExpectPart(*part, matrix, row, column);
          (graph == std::string("columns") ? column : row) +=
              part->shape()[graph == std::string("columns")];
          ++parts;
        }
        EXPECT_EQ(row + column, matrix.shape[graph == std::string("columns")]);
      }
      EXPECT_EQ(parts, graph == std::string("whole") ? 2u : graph == std::string("rows") ? 5u : 8u);
    }
  }
}

TEST(Checkpoint, TheCheckpointFileNamesShardsByAPattern) {
  TempDir dir;
  for (const char* file : {"checkpoint", "v1_sharded-00000-of-00003", "v1_sharded-00001-of-00003",
                           "v1_sharded-00002-of-00003"}) {
    dir.Write(file, TempDir::ReadBytes(Slices(file)));
  }
  dir.Write("v1_sharded.meta", TempDir::ReadBytes(Slices("rows.meta")));
  auto model = formats::OpenModel(dir.Path(""));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  auto part = (*model)->ReadWeight("emb/part_1");
  ASSERT_TRUE(part.ok()) << part.status().ToString();
  ExpectPart(*part, kMatrices.at("emb"), 3, 0);
}

TEST(Checkpoint, SaysWhatIsMissing) {
  TempDir dir;
  auto expect = [&](const std::string& name, Code code, const std::string& why) {
    auto checkpoint = Checkpoint::Open(dir.Path(name));
    EXPECT_EQ(checkpoint.status().code(), code);
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(why));
  };
  expect("m", Code::kNotFound, "m.index (format V2)");
  expect("m", Code::kNotFound, "-00000-of-... (format V1)");
  dir.Write("m-00000-of-00002", "x");
  expect("m", Code::kNotFound, "m-00001-of-00002 is missing");
  expect("m-00000-of-00000", Code::kInvalidArgument, "0 shards");
  expect("m-00000-of-99999", Code::kInvalidArgument, "99999 shards");
  dir.Write("m-00000-of-00003", "x");
  expect("m", Code::kInvalidArgument, "shards of 2 V1 checkpoints");
  dir.Write("m", "x");
  expect("m", Code::kDataLoss, "not a checkpoint table");
}

// V1 tables written row by row.

std::string SliceProto(const std::vector<SliceExtent>& extents) {
  std::string bytes;
  for (const SliceExtent& extent : extents) {
    std::string one = NumberField(1, static_cast<uint64_t>(extent.start));
    if (extent.length != kWholeAxis) one += NumberField(2, static_cast<uint64_t>(extent.length));
    bytes += BytesField(1, one);
  }
  return bytes;
}

std::string TensorMeta(const std::string& name, const std::vector<int64_t>& dims,
                       const std::vector<std::vector<SliceExtent>>& slices, int64_t type = kFloat) {
  std::string meta = BytesField(1, name) + BytesField(2, ShapeProto(dims)) +
                     NumberField(3, static_cast<uint64_t>(type));
  for (const auto& slice : slices) meta += BytesField(4, SliceProto(slice));
  return BytesField(1, meta);
}

std::string SliceRow(const std::string& tensor) { return BytesField(2, BytesField(3, tensor)); }

class CraftedV1 : public testing::Test {
 protected:
  // A table whose list is `meta`, with rows for slices of `w`.
  Result<std::unique_ptr<Checkpoint>> Open(
      const std::string& meta,
      const std::vector<std::pair<std::vector<SliceExtent>, std::string>>& rows = {}) {
    std::vector<IndexEntry> table = {{"", BytesField(1, meta)}};
    for (const auto& [slice, value] : rows) table.push_back({SliceKey("w", slice), value});
    std::sort(table.begin(), table.end(),
              [](const IndexEntry& a, const IndexEntry& b) { return a.key < b.key; });
    WriteIndex(dir_.Path("m"), table);
    return Checkpoint::Open(dir_.Path("m"));
  }

  void ExpectRefused(const std::string& meta, const std::string& why) {
    auto checkpoint = Open(meta);
    ASSERT_FALSE(checkpoint.ok()) << why;
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(dir_.Path("m")));
  }

  void ExpectBadRow(const std::string& row, const std::string& why) {
    auto checkpoint = Open(TensorMeta("w", {2}, {{{}}}), {{{{}}, row}});
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
    auto tensor = (*checkpoint)->Read("w");
    EXPECT_EQ(tensor.status().code(), Code::kDataLoss);
    EXPECT_THAT(std::string(tensor.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(tensor.status().message()), HasSubstr("'w'"));
  }

  TempDir dir_;
};

TEST_F(CraftedV1, TypedValuesRawBytesAndScalars) {
  for (const std::string& tensor :
       {FloatTensor({}, {1, 2}), BytesField(4, std::string("\0\0\x80?\0\0\0@", 8)),
        FloatField(5, 1) + FloatField(5, 2)}) {
    auto checkpoint = Open(TensorMeta("w", {2}, {{{}}}), {{{{}}, SliceRow(tensor)}});
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
    auto value = (*checkpoint)->Read("w");
    ASSERT_TRUE(value.ok()) << value.status().ToString();
    EXPECT_EQ(value->as<float>()[1], 2.0f);
  }
  auto scalar = Open(TensorMeta("w", {}, {{}}), {{{}, SliceRow(FloatField(5, 3))}});
  ASSERT_TRUE(scalar.ok()) << scalar.status().ToString();
  EXPECT_EQ((*scalar)->Read("w")->as<float>()[0], 3.0f);
}

TEST_F(CraftedV1, PartitionedByBothAxes) {
  std::vector<std::vector<SliceExtent>> slices = {
      {{0, 1}, {0, 2}}, {{0, 1}, {2, 1}}, {{1, 1}, {0, 2}}, {{1, 1}, {2, 1}}};
  std::vector<std::pair<std::vector<SliceExtent>, std::string>> rows;
  for (const auto& slice : slices) {
    std::vector<float> values;
    for (int64_t i = 0; i < slice[1].length; ++i)
      values.push_back(static_cast<float>(slice[0].start * 3 + slice[1].start + i));
    rows.push_back({slice, SliceRow(FloatTensor({}, values))});
  }
  auto checkpoint = Open(TensorMeta("w", {2, 3}, slices), rows);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  auto whole = (*checkpoint)->Read("w");
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(whole->as<float>()[i], static_cast<float>(i));
}

TEST_F(CraftedV1, ListsThatLie) {
  constexpr int64_t kHuge = int64_t{1} << 40;
  ExpectRefused("\x08", "malformed");
  ExpectRefused(BytesField(1, "\x08"), "malformed");
  ExpectRefused(TensorMeta("w", {2}, {}), "'w' has no slices");
  ExpectRefused(TensorMeta("w", {-1}, {{{}}}), "not fully known");
  ExpectRefused(TensorMeta("w", {kHuge}, {{{}}}), "more than the file can hold");
  ExpectRefused(TensorMeta("w", {kHuge, kHuge}, {{{}, {}}}), "too many");
  ExpectRefused(TensorMeta("w", {2}, {{{0, 1}}}), "do not cover");
  ExpectRefused(TensorMeta("w", {2}, {{{0, 2}}, {{1, 1}}}), "overlap");
  ExpectRefused(TensorMeta("w", {2}, {{{0, 1}}, {{0, 1}}}), "listed twice");
  ExpectRefused(TensorMeta("w", {2}, {{{1, 2}}}), "not lie inside");
  ExpectRefused(TensorMeta("w", {2}, {{{}, {}}}), "not lie inside");
  ExpectRefused(TensorMeta("w", {2}, {{{0, 1}}}) + TensorMeta("w", {3}, {{{1, 1}}}), "another");
  ExpectRefused(BytesField(2, NumberField(2, 9)), "version 9");
}

TEST_F(CraftedV1, RowsThatLie) {
  ExpectBadRow(SliceRow(FloatTensor({}, {1})), "1 values");
  ExpectBadRow(SliceRow(FloatTensor({}, {1, 2, 3})), "3 values");
  ExpectBadRow(SliceRow(BytesField(4, "abc")), "3 bytes; expected 8");
  ExpectBadRow("\x08", "not a valid protobuf");
  ExpectBadRow("", "0 values");
  auto checkpoint = Open(TensorMeta("w", {2}, {{{}}}));
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_THAT((*checkpoint)->Read("w").status().ToString(), HasSubstr("does not hold it"));
}

TEST_F(CraftedV1, AFlippedByteIsRefused) {
  ASSERT_TRUE(Open(TensorMeta("w", {2}, {{{}}}), {{{{}}, SliceRow(FloatTensor({}, {1, 2}))}}).ok());
  std::string bytes = dir_.Read("m");
  for (size_t at = 0; at + 48 < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 16);
    dir_.Write("m", damaged);
    auto checkpoint = Checkpoint::Open(dir_.Path("m"));
    if (!checkpoint.ok()) continue;
    auto value = (*checkpoint)->Read("w");  // the block of meta information is never read
    EXPECT_TRUE(!value.ok() || value->as<float>()[1] == 2.0f) << at;
  }
}

}  // namespace
}  // namespace midstream::tensorflow

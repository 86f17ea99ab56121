#include "bench/load/checkpoint.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "core/base/crc32c.h"
#include "tests/core/formats/protos_testing.h"

namespace midstream::bench {
namespace {

using tensorflow::MetaWriter;

constexpr int64_t kWidth = 5120;
constexpr int kMatrices = 9;
constexpr int kVectors = 220;  // behind each matrix

// Puts tensors behind one another into the data file.
class BundleWriter {
 public:
  explicit BundleWriter(std::string prefix)
      : prefix_(std::move(prefix)), data_(DataPath(), std::ios::binary | std::ios::trunc) {}

  std::string DataPath() const { return prefix_ + ".data-00000-of-00001"; }
  uint64_t bytes() const { return bytes_; }

  void Add(const std::string& key, const std::vector<int64_t>& dims, size_t count) {
    values_.resize(count);
    for (float& value : values_) {
      state_ = state_ * 1664525 + 1013904223;
      value = static_cast<float>(state_ >> 8) * (2.0f / float{1 << 24}) / float{kWidth};
    }
    size_t size = count * sizeof(float);
    data_.write(reinterpret_cast<const char*>(values_.data()), static_cast<std::streamsize>(size));
    rows_.push_back(
        {key, tensorflow::BundleEntryProto(tensorflow::kFloat, dims, 0,
                                           static_cast<int64_t>(bytes_), static_cast<int64_t>(size),
                                           MaskCrc32c(Crc32c(values_.data(), size)))});
    bytes_ += size;
  }

  Status Finish() {
    rows_.push_back({"", tensorflow::BundleHeader()});
    std::sort(rows_.begin(), rows_.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    tensorflow::WriteIndex(prefix_ + ".index", rows_);
    data_.flush();
    return data_.good() ? OkStatus() : Internal("cannot write " + DataPath());
  }

 private:
  std::string prefix_;
  std::ofstream data_;
  std::vector<tensorflow::IndexEntry> rows_;
  std::vector<float> values_;
  uint32_t state_ = 1;
  uint64_t bytes_ = 0;
};

Status WriteMeta(const std::string& prefix, const MetaWriter& meta) {
  std::ofstream file(prefix + ".meta", std::ios::binary | std::ios::trunc);
  file << meta.Bytes();
  return file.good() ? OkStatus() : Internal("cannot write " + prefix + ".meta");
}

const tensorflow::Attrs& FloatType() {
  static const tensorflow::Attrs type = {{"T", tensorflow::TypeAttr(tensorflow::kFloat)}};
  return type;
}

}  // namespace

Result<BigCheckpoint> WriteBigCheckpoint(const std::string& folder) {
  std::string prefix = folder + "/big.ckpt";
  BundleWriter bundle(prefix);
  MetaWriter meta;
  meta.Placeholder("x", {-1, kWidth});
  std::string last = "x";
  for (int m = 0; m < kMatrices; ++m) {
    std::string matrix = "dense_" + std::to_string(m) + "/kernel";
    meta.Variable(matrix, {kWidth, kWidth});
    bundle.Add(matrix, {kWidth, kWidth}, size_t{kWidth} * kWidth);
    meta.Node(matrix + "/product", "MatMul", {last, matrix}, FloatType());
    last = matrix + "/product";
    for (int v = 0; v < kVectors; ++v) {
      std::string vector = "dense_" + std::to_string(m) + "/bias_" + std::to_string(v);
      meta.Variable(vector, {kWidth});
      bundle.Add(vector, {kWidth}, kWidth);
      meta.Node(vector + "/sum", "Add", {last, vector}, FloatType());
      last = vector + "/sum";
    }
  }
  meta.Node("y", "Relu", {last}, FloatType());
  MS_RETURN_IF_ERROR(bundle.Finish());
  MS_RETURN_IF_ERROR(WriteMeta(prefix, meta));
  return BigCheckpoint{prefix, bundle.DataPath(), bundle.bytes()};
}

Result<std::string> WriteLongGraph(const std::string& folder, int nodes) {
  std::string prefix = folder + "/long.ckpt";
  BundleWriter bundle(prefix);
  MetaWriter meta;
  meta.Placeholder("x", {-1, 8});
  std::string last = "x";
  static constexpr const char* kOps[] = {"Add", "Mul", "Maximum", "Sub"};
  // A block is a variable and its read, a constant, two operators on them and an activation.
  for (int node = 1, block = 0; node + 6 < nodes; node += 6, ++block) {
    std::string scope = "block_" + std::to_string(block) + "/";
    meta.Variable(scope + "w", {8});
    bundle.Add(scope + "w", {8}, 8);
    meta.Node(scope + "w/read", "Identity", {scope + "w"}, FloatType());
    meta.Floats(scope + "c", {8}, {1, 2, 3, 4, 5, 6, 7, static_cast<float>(block)});
    meta.Node(scope + "a", kOps[block % 4], {last, scope + "w/read"}, FloatType());
    meta.Node(scope + "b", kOps[(block + 1) % 4], {scope + "a", scope + "c"}, FloatType());
    meta.Node(scope + "t", "Tanh", {scope + "b"}, FloatType());
    last = scope + "t";
  }
  meta.Node("y", "Relu", {last}, FloatType());
  MS_RETURN_IF_ERROR(bundle.Finish());
  MS_RETURN_IF_ERROR(WriteMeta(prefix, meta));
  return prefix;
}

}  // namespace midstream::bench

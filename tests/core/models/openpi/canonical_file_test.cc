#include "core/models/openpi/canonical_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace midstream::openpi {
namespace {

using ::testing::HasSubstr;

// Tensors in memory; counts what is read.
class MemoryFile : public formats::TensorFile {
 public:
  void Add(const std::string& name, Tensor value) {
    infos_.push_back({name, value.dtype(), value.shape()});
    values_.push_back(std::move(value));
  }
  void Remove(const std::string& name) {
    const auto at = std::find_if(infos_.begin(), infos_.end(),
                                 [&](const auto& info) { return info.name == name; });
    ASSERT_NE(at, infos_.end()) << name;
    values_.erase(values_.begin() + (at - infos_.begin()));
    infos_.erase(at);
  }
  const std::string& path() const override { return path_; }
  const std::vector<formats::TensorInfo>& tensors() const override { return infos_; }
  Result<Tensor> Read(size_t index) const override { return values_[index]; }
  Result<Tensor> ReadRows(size_t index, int64_t begin, int64_t count) const override {
    reads_.emplace_back(index, begin);
    return TensorFile::ReadRows(index, begin, count);
  }
  const std::vector<std::pair<size_t, int64_t>>& reads() const { return reads_; }

 private:
  std::string path_ = "memory";
  std::vector<formats::TensorInfo> infos_;
  std::vector<Tensor> values_;
  mutable std::vector<std::pair<size_t, int64_t>> reads_;
};

Sizes Small(Naming naming) {
  Sizes sizes;
  sizes.family = Family::kPi05;
  sizes.naming = naming;
  sizes.vision = {.image = 6,
                  .patch = 3,
                  .tokens = 4,
                  .width = 6,
                  .depth = 2,
                  .mlp = 5,
                  .heads = 2,
                  .head_dim = 3};
  sizes.vlm = {.width = 7, .depth = 2, .mlp = 9, .heads = 3, .kv_heads = 1, .head_dim = 4};
  sizes.expert = {.width = 5, .depth = 2, .mlp = 8, .heads = 3, .kv_heads = 1, .head_dim = 4};
  sizes.vocabulary = 11;
  sizes.action_dim = 2;
  return sizes;
}

// Every element of every stored tensor is its own number.
std::unique_ptr<MemoryFile> Numbered(const Sizes& sizes) {
  auto file = std::make_unique<MemoryFile>();
  float next = 0;
  std::string last;
  std::vector<std::string> known;
  for (const CanonicalWeight& weight : CanonicalWeights(sizes)) {
    const std::string& name = weight.stored.tensor;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    known.push_back(name);
    Tensor value = *Tensor::Allocate(DType::kF32, weight.stored.shape);
    std::iota(value.mutable_as<float>().begin(), value.mutable_as<float>().end(), next);
    next += static_cast<float>(value.count());
    file->Add(name, value);
  }
  return file;
}

size_t IndexOf(const formats::TensorFile& file, const std::string& name) {
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    if (file.tensors()[i].name == name) return i;
  }
  ADD_FAILURE() << "no tensor " << name;
  return 0;
}

float At(const Tensor& tensor, const std::vector<int64_t>& index) {
  int64_t offset = 0;
  for (size_t i = 0; i < index.size(); ++i) offset = offset * tensor.shape()[i] + index[i];
  return tensor.as<float>()[static_cast<size_t>(offset)];
}

class JaxFile : public ::testing::Test {
 protected:
  JaxFile() {
    auto file = Numbered(Small(Naming::kJax));
    stored_ = file.get();
    canonical_ = *CanonicalFile::Open(std::move(file), Small(Naming::kJax));
  }
  Tensor Stored(const std::string& name) { return *stored_->Read(IndexOf(*stored_, name)); }
  Tensor Canonical(const std::string& name) {
    return *canonical_->Read(IndexOf(*canonical_, name));
  }

  MemoryFile* stored_ = nullptr;
  std::unique_ptr<CanonicalFile> canonical_;
};

// The letters are those of openpi's einsums.
TEST_F(JaxFile, MatricesHaveHeadsInsideTheirColumns) {
  const Tensor q = Stored("PaliGemma/llm/layers/attn/q_einsum/w");         // L N D H
  const Tensor kv = Stored("PaliGemma/llm/layers/attn/kv_einsum_1/w");     // L 2 K D H
  const Tensor gating = Stored("PaliGemma/llm/layers/mlp/gating_einsum");  // L 2 D F
  const Tensor canonical_q = Canonical("PaliGemma/llm/layers/1/attn/q_einsum/w");
  const Tensor k = Canonical("PaliGemma/llm/layers/1/attn/kv_einsum_1/k");
  const Tensor v = Canonical("PaliGemma/llm/layers/1/attn/kv_einsum_1/v");
  const Tensor up = Canonical("PaliGemma/llm/layers/1/mlp/gating_einsum/up");
  ASSERT_EQ(canonical_q.shape(), (Shape{7, 12}));
  ASSERT_EQ(v.shape(), (Shape{5, 4}));
  for (int64_t d = 0; d < 7; ++d) {
    for (int64_t n = 0; n < 3; ++n) {
      for (int64_t h = 0; h < 4; ++h) {
        EXPECT_EQ(At(canonical_q, {d, n * 4 + h}), At(q, {1, n, d, h}));
      }
    }
    for (int64_t f = 0; f < 9; ++f) EXPECT_EQ(At(up, {d, f}), At(gating, {1, 1, d, f}));
  }
  for (int64_t d = 0; d < 5; ++d) {
    for (int64_t h = 0; h < 4; ++h) {
      EXPECT_EQ(At(k, {d, h}), At(kv, {1, 0, 0, d, h}));
      EXPECT_EQ(At(v, {d, h}), At(kv, {1, 1, 0, d, h}));
    }
  }
}

TEST_F(JaxFile, EachStackIsReadOnceAndInOrder) {
  for (size_t i = 0; i < canonical_->tensors().size(); ++i) ASSERT_TRUE(canonical_->Read(i).ok());
  std::vector<int64_t> next(stored_->tensors().size(), 0);
  for (const auto& [tensor, row] : stored_->reads()) {
    EXPECT_EQ(row, next[tensor]++) << stored_->tensors()[tensor].name;
  }
}

TEST_F(JaxFile, ASecondReadGivesTheSame) {
  for (size_t i = 0; i < canonical_->tensors().size(); ++i) {
    EXPECT_TRUE(BitEqual(*canonical_->Read(i), *canonical_->Read(i)));
  }
}

TEST(TorchFile, MatricesAreTransposed) {
  auto file = Numbered(Small(Naming::kTorch));
  const MemoryFile& stored = *file;
  const auto canonical = *CanonicalFile::Open(std::move(file), Small(Naming::kTorch));
  const auto read = [](const formats::TensorFile& from, const std::string& name) {
    return *from.Read(IndexOf(from, name));
  };
  const std::string model = "paligemma_with_expert.paligemma.model.";
  const Tensor linear = read(stored, model + "multi_modal_projector.linear.weight");
  const Tensor head = read(*canonical, "PaliGemma/img/head/kernel");
  ASSERT_EQ(head.shape(), (Shape{6, 7}));
  EXPECT_EQ(At(head, {5, 2}), At(linear, {2, 5}));
  const Tensor patch =
      read(stored, model + "vision_tower.vision_model.embeddings.patch_embedding.weight");
  const Tensor kernel = read(*canonical, "PaliGemma/img/embedding/kernel");
  ASSERT_EQ(kernel.shape(), (Shape{3, 3, 3, 6}));
  EXPECT_EQ(At(kernel, {1, 2, 0, 4}), At(patch, {4, 0, 1, 2}));
}

TEST(CanonicalFile, BothLayoutsHaveTheSameTensors) {
  const auto jax = CanonicalWeights(Small(Naming::kJax));
  const auto torch = CanonicalWeights(Small(Naming::kTorch));
  ASSERT_EQ(jax.size(), torch.size());
  for (size_t i = 0; i < jax.size(); ++i) {
    EXPECT_EQ(jax[i].name, torch[i].name);
    EXPECT_EQ(jax[i].shape, torch[i].shape);
  }
}

TEST(CanonicalFile, AMisfitIsNamed) {
  const std::string q = "PaliGemma/llm/layers/attn/q_einsum/w";
  auto missing = Numbered(Small(Naming::kJax));
  missing->Remove(q);
  missing->Remove("action_in_proj/bias");
  const auto refused = CanonicalFile::Open(std::move(missing), Small(Naming::kJax));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().ToString(), HasSubstr("2 problems:\n  '" + q + "': missing"));

  auto wrong = Numbered(Small(Naming::kJax));
  wrong->Remove(q);
  wrong->Add(q, *Tensor::Allocate(DType::kF32, {2, 3, 7, 5}));
  EXPECT_THAT(CanonicalFile::Open(std::move(wrong), Small(Naming::kJax)).status().ToString(),
              HasSubstr("expected floats of [2,3,7,4], got float32[2,3,7,5]"));

  auto lora = Numbered(Small(Naming::kJax));
  lora->Add("PaliGemma/llm/layers/attn/q_einsum/lora_a", *Tensor::Allocate(DType::kF32, {2, 2}));
  EXPECT_EQ(CanonicalFile::Open(std::move(lora), Small(Naming::kJax)).status().code(),
            Code::kUnimplemented);
}

TEST(PermuteAxes, EveryOrderOfThreeAxes) {
  const Shape shape = {3, 4, 5};
  std::vector<uint16_t> from(60);
  std::iota(from.begin(), from.end(), uint16_t{0});
  std::vector<size_t> order = {0, 1, 2};
  do {
    std::vector<uint16_t> to(60);
    PermuteAxes(reinterpret_cast<const std::byte*>(from.data()), shape, order, 2,
                reinterpret_cast<std::byte*>(to.data()));
    size_t at = 0;
    std::vector<int64_t> index(3);
    for (index[0] = 0; index[0] < shape[order[0]]; ++index[0]) {
      for (index[1] = 0; index[1] < shape[order[1]]; ++index[1]) {
        for (index[2] = 0; index[2] < shape[order[2]]; ++index[2]) {
          int64_t source[3] = {0, 0, 0};
          for (size_t i = 0; i < 3; ++i) source[order[i]] = index[i];
          ASSERT_EQ(to[at++], (source[0] * 4 + source[1]) * 5 + source[2]);
        }
      }
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(PermuteAxes, MatricesOfAnySize) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {33, 65}, {64, 31}}) {
    std::vector<float> from(static_cast<size_t>(rows * columns));
    std::iota(from.begin(), from.end(), 0.0f);
    std::vector<float> to(from.size());
    PermuteAxes(reinterpret_cast<const std::byte*>(from.data()), {rows, columns}, {1, 0}, 4,
                reinterpret_cast<std::byte*>(to.data()));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        ASSERT_EQ(to[static_cast<size_t>(c * rows + r)],
                  from[static_cast<size_t>(r * columns + c)]);
      }
    }
  }
}

}  // namespace
}  // namespace midstream::openpi

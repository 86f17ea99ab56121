#include "core/models/openpi/canonical_file.h"
#include "tests/core/models/openpi/sizes_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
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

Sizes Small(Naming naming) { return SmallSizes(Family::kPi05, naming); }

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
  ASSERT_EQ(v.shape(), (Shape{6, 4}));
  for (int64_t d = 0; d < 7; ++d) {
    for (int64_t n = 0; n < 3; ++n) {
      for (int64_t h = 0; h < 4; ++h) {
        EXPECT_EQ(At(canonical_q, {d, n * 4 + h}), At(q, {1, n, d, h}));
      }
    }
    for (int64_t f = 0; f < 9; ++f) EXPECT_EQ(At(up, {d, f}), At(gating, {1, 1, d, f}));
  }
  for (int64_t d = 0; d < 6; ++d) {
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
  ASSERT_EQ(kernel.shape(), (Shape{5, 5, 3, 6}));
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
}

// A JAX file whose factors of rank 2 are numbers of their own.
class LoraFile : public ::testing::Test {
 protected:
  void Add(const std::string& name, const Shape& shape) {
    Tensor value = *Tensor::Allocate(DType::kF32, shape);
    for (float& element : value.mutable_as<float>())
      element = next_ = std::fmod(next_ + 0.37f, 2.f);
    file_->Add(name, value);
  }
  Status Refusal() { return CanonicalFile::Open(std::move(file_), Small(Naming::kJax)).status(); }

  std::unique_ptr<MemoryFile> file_ = Numbered(Small(Naming::kJax));
  const std::string layers_ = "PaliGemma/llm/layers/";
  float next_ = 0;
};

// The letters are those of openpi's einsums, the products those of its LoRA configuration.
TEST_F(LoraFile, FactorsAreMergedAsOpenPiMultipliesThem) {
  Add(layers_ + "attn/kv_einsum/lora_a", {2, 2, 1, 7, 2});       // L 2 K D r
  Add(layers_ + "attn/kv_einsum/lora_b", {2, 2, 1, 2, 4});       // L 2 K r H
  Add(layers_ + "attn/attn_vec_einsum_1/lora_a", {2, 3, 4, 2});  // L N H r
  Add(layers_ + "attn/attn_vec_einsum_1/lora_b", {2, 3, 2, 6});  // L N r D
  Add(layers_ + "mlp/gating_einsum_lora_a", {2, 2, 7, 2});       // L 2 D r
  Add(layers_ + "mlp/gating_einsum_lora_b", {2, 2, 2, 9});       // L 2 r F
  const MemoryFile& stored = *file_;
  const auto canonical = *CanonicalFile::Open(std::move(file_), Small(Naming::kJax));
  const auto from = [&](const std::string& name) {
    return *stored.Read(IndexOf(stored, layers_ + name));
  };
  const auto merged = [&](const std::string& name) {
    return *canonical->Read(IndexOf(*canonical, layers_ + "1/" + name));
  };
  const Tensor kv = from("attn/kv_einsum/w");
  const Tensor kv_a = from("attn/kv_einsum/lora_a");
  const Tensor kv_b = from("attn/kv_einsum/lora_b");
  const Tensor v = merged("attn/kv_einsum/v");
  const Tensor up = merged("mlp/gating_einsum/up");
  const Tensor gating = from("mlp/gating_einsum");
  const Tensor gating_a = from("mlp/gating_einsum_lora_a");
  const Tensor gating_b = from("mlp/gating_einsum_lora_b");
  for (int64_t d = 0; d < 7; ++d) {
    for (int64_t h = 0; h < 4; ++h) {
      float expected = At(kv, {1, 1, 0, d, h});
      for (int64_t r = 0; r < 2; ++r)
        expected += At(kv_a, {1, 1, 0, d, r}) * At(kv_b, {1, 1, 0, r, h});
      EXPECT_FLOAT_EQ(At(v, {d, h}), expected);
    }
    for (int64_t f = 0; f < 9; ++f) {
      float expected = At(gating, {1, 1, d, f});
      for (int64_t r = 0; r < 2; ++r)
        expected += At(gating_a, {1, 1, d, r}) * At(gating_b, {1, 1, r, f});
      EXPECT_FLOAT_EQ(At(up, {d, f}), expected);
    }
  }
  const Tensor out = merged("attn/attn_vec_einsum_1/w");
  const Tensor out_w = from("attn/attn_vec_einsum_1/w");
  const Tensor out_a = from("attn/attn_vec_einsum_1/lora_a");
  const Tensor out_b = from("attn/attn_vec_einsum_1/lora_b");
  for (int64_t n = 0; n < 3; ++n) {
    for (int64_t h = 0; h < 4; ++h) {
      for (int64_t d = 0; d < 6; ++d) {
        float expected = At(out_w, {1, n, h, d});
        for (int64_t r = 0; r < 2; ++r) {
          for (int64_t m = 0; m < 3; ++m) {
            expected += At(out_a, {1, n, h, r}) * At(out_b, {1, m, r, d});
          }
        }
        EXPECT_FLOAT_EQ(At(out, {n * 4 + h, d}), expected);
      }
    }
  }
}

TEST_F(LoraFile, AMergedWeightKeepsItsDtype) {
  const std::string linear = layers_ + "mlp/linear";
  file_->Remove(linear);
  Tensor base = *Tensor::Allocate(DType::kBF16, {2, 9, 7});
  std::fill(base.mutable_as<uint16_t>().begin(), base.mutable_as<uint16_t>().end(),
            FloatToBFloat16(1));
  file_->Add(linear, base);
  Tensor ones = *Tensor::Allocate(DType::kF32, {2, 9, 1});
  Tensor halves = *Tensor::Allocate(DType::kF32, {2, 1, 7});
  std::fill(ones.mutable_as<float>().begin(), ones.mutable_as<float>().end(), 1.0f);
  std::fill(halves.mutable_as<float>().begin(), halves.mutable_as<float>().end(), 0.5f);
  file_->Add(linear + "_lora_a", ones);
  file_->Add(linear + "_lora_b", halves);
  const auto canonical = *CanonicalFile::Open(std::move(file_), Small(Naming::kJax));
  const Tensor merged = *canonical->Read(IndexOf(*canonical, layers_ + "0/mlp/linear"));
  ASSERT_EQ(merged.dtype(), DType::kBF16);
  for (uint16_t value : merged.as<uint16_t>()) EXPECT_EQ(BFloat16ToFloat(value), 1.5f);
}

TEST_F(LoraFile, HalfAPairIsRefused) {
  Add(layers_ + "attn/q_einsum/lora_b", {2, 3, 2, 4});
  EXPECT_THAT(Refusal().ToString(), HasSubstr("attn/q_einsum/lora_a': missing"));
}

TEST_F(LoraFile, FactorsOfOtherShapesAreRefused) {
  Add(layers_ + "attn/q_einsum/lora_a", {2, 3, 7, 2});
  Add(layers_ + "attn/q_einsum/lora_b", {2, 3, 3, 4});
  EXPECT_THAT(Refusal().ToString(), HasSubstr("float32[2,3,7,2] and float32[2,3,3,4] are no LoRA"));
}

TEST_F(LoraFile, AFactorOfNoWeightIsRefused) {
  Add("action_in_proj/lora_a", {2, 2});
  EXPECT_EQ(Refusal().code(), Code::kUnimplemented);
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

#include "core/models/openpi/sizes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/models/openpi/names.h"
#include "core/models/openpi/weights.h"
#include "tests/core/models/openpi/sizes_testing.h"

namespace midstream::openpi {
namespace {

using ::testing::HasSubstr;

// The tensors that a checkpoint of these sizes has.
std::vector<formats::TensorInfo> Stored(const Sizes& sizes) {
  std::vector<formats::TensorInfo> tensors;
  for (const CanonicalWeight& weight : CanonicalWeights(sizes)) {
    const bool known = std::any_of(tensors.begin(), tensors.end(), [&](const auto& tensor) {
      return tensor.name == weight.stored.tensor;
    });
    if (!known) tensors.push_back({weight.stored.tensor, DType::kF32, weight.stored.shape});
  }
  return tensors;
}

void ExpectEqual(const GemmaSizes& a, const GemmaSizes& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.depth, b.depth);
  EXPECT_EQ(a.mlp, b.mlp);
  EXPECT_EQ(a.heads, b.heads);
  EXPECT_EQ(a.kv_heads, b.kv_heads);
  EXPECT_EQ(a.head_dim, b.head_dim);
}

void ExpectEqual(const Sizes& a, const Sizes& b) {
  EXPECT_EQ(a.family, b.family);
  EXPECT_EQ(a.naming, b.naming);
  EXPECT_EQ(a.vision.image, b.vision.image);
  EXPECT_EQ(a.vision.patch, b.vision.patch);
  EXPECT_EQ(a.vision.tokens, b.vision.tokens);
  EXPECT_EQ(a.vision.width, b.vision.width);
  EXPECT_EQ(a.vision.depth, b.vision.depth);
  EXPECT_EQ(a.vision.mlp, b.vision.mlp);
  EXPECT_EQ(a.vision.heads, b.vision.heads);
  EXPECT_EQ(a.vision.head_dim, b.vision.head_dim);
  ExpectEqual(a.vlm, b.vlm);
  ExpectEqual(a.expert, b.expert);
  EXPECT_EQ(a.vocabulary, b.vocabulary);
  EXPECT_EQ(a.action_dim, b.action_dim);
}

TEST(Sizes, AreReadOffTheShapesOfEitherLayout) {
  for (Family family : {Family::kPi0, Family::kPi05, Family::kPi0Fast}) {
    for (Naming naming : {Naming::kJax, Naming::kTorch}) {
      if (family == Family::kPi0Fast && naming == Naming::kTorch) continue;
      const Sizes expected = SmallSizes(family, naming);
      const auto sizes = RecogniseSizes(Stored(expected), {.vision_heads = 2});
      ASSERT_TRUE(sizes.ok()) << sizes.status().ToString();
      ExpectEqual(*sizes, expected);
    }
  }
}

TEST(Sizes, OfSo400mNeedNoOption) {
  Sizes full = SmallSizes(Family::kPi0, Naming::kTorch);
  full.vision = {.image = 224,
                 .patch = 14,
                 .tokens = 256,
                 .width = 1152,
                 .depth = 27,
                 .mlp = 4304,
                 .heads = 16,
                 .head_dim = 72};
  const auto sizes = RecogniseSizes(Stored(full));
  ASSERT_TRUE(sizes.ok()) << sizes.status().ToString();
  ExpectEqual(*sizes, full);
}

TEST(Sizes, HeadsThatShapesCannotTellAreAskedFor) {
  const auto tensors = Stored(SmallSizes(Family::kPi0, Naming::kTorch));
  for (int64_t heads : {0, 5, -1}) {
    const auto sizes = RecogniseSizes(tensors, {.vision_heads = heads});
    ASSERT_FALSE(sizes.ok());
    EXPECT_THAT(std::string(sizes.status().message()), HasSubstr("policy.vision_heads"));
  }
}

TEST(Sizes, AFileOfSomethingElseIsRefused) {
  const auto none = RecogniseSizes({});
  EXPECT_THAT(none.status().ToString(), HasSubstr("no OpenPI checkpoint"));
  const auto other = RecogniseSizes({{"fc1/kernel", DType::kF32, {2, 2}}});
  EXPECT_THAT(other.status().ToString(), HasSubstr("got 'fc1/kernel'"));
}

// Without any one of the tensors the checkpoint is refused or is of the same sizes: never a crash.
TEST(Sizes, EachMissingTensorIsSurvived) {
  for (Naming naming : {Naming::kJax, Naming::kTorch}) {
    const auto tensors = Stored(SmallSizes(Family::kPi05, naming));
    for (size_t i = 0; i < tensors.size(); ++i) {
      auto fewer = tensors;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      const auto sizes = RecogniseSizes(fewer, {.vision_heads = 2});
      const Code code = sizes.ok() ? Code::kInvalidArgument : sizes.status().code();
      EXPECT_EQ(code, Code::kInvalidArgument) << tensors[i].name;
    }
  }
}

// Sizes are multiplied with each other: a damaged file must not make them overflow.
TEST(Sizes, AbsurdShapesAreRefused) {
  for (Naming naming : {Naming::kJax, Naming::kTorch}) {
    const auto tensors = Stored(SmallSizes(Family::kPi05, naming));
    for (size_t i = 0; i < tensors.size(); ++i) {
      for (size_t axis = 0; axis < tensors[i].shape.rank(); ++axis) {
        auto changed = tensors;
        changed[i].shape.mutable_dims()[axis] = INT64_MAX;
        const auto sizes = RecogniseSizes(changed, {.vision_heads = 2});
        if (!sizes.ok()) continue;
        EXPECT_EQ(CanonicalWeights(*sizes).size(),
                  CanonicalWeights(SmallSizes(Family::kPi05, naming)).size())
            << tensors[i].name;
        EXPECT_LT(sizes->vision.image, int64_t{1} << 50);
      }
    }
  }
  auto tensors = Stored(SmallSizes(Family::kPi0, Naming::kJax));
  for (auto& tensor : tensors) {
    if (tensor.name == "PaliGemma/img/pos_embedding") tensor.shape = Shape({1, INT64_MAX, 12});
  }
  EXPECT_THAT(RecogniseSizes(tensors).status().ToString(),
              HasSubstr("pos_embedding': expected 3 dimensions of 1 to 1073741824"));
}

TEST(Sizes, AnExpertWithOtherHeadsIsRefused) {
  Sizes sizes = SmallSizes(Family::kPi0, Naming::kJax);
  sizes.expert.heads = 4;
  EXPECT_THAT(RecogniseSizes(Stored(sizes)).status().ToString(),
              HasSubstr("other layers or heads"));
}

TEST(Names, OlderSpellingsAreThoseOfToday) {
  const std::string p = "paligemma_with_expert.";
  const std::string layer = p + "paligemma.model.language_model.layers.0.mlp.up_proj.weight";
  EXPECT_EQ(CurrentTorchName(layer), layer);
  EXPECT_EQ(CurrentTorchName("model." + layer), layer);
  EXPECT_EQ(CurrentTorchName(p + "paligemma.language_model.model.layers.0.mlp.up_proj.weight"),
            layer);
  EXPECT_EQ(CurrentTorchName(p + "paligemma.language_model.layers.0.mlp.up_proj.weight"), layer);
  EXPECT_EQ(CurrentTorchName(p + "paligemma.language_model.lm_head.weight"), kTorchEmbedding);
  EXPECT_EQ(CurrentTorchName(p + "paligemma.vision_tower.x"), p + "paligemma.model.vision_tower.x");
  EXPECT_EQ(CurrentTorchName("model.state_proj.weight"), "state_proj.weight");
}

// As a compiled model, or one in parallel training, is saved.
TEST(Names, WrappersAreLeftOut) {
  EXPECT_EQ(CurrentTorchName("_orig_mod.state_proj.weight"), "state_proj.weight");
  EXPECT_EQ(CurrentTorchName("module._orig_mod.model.state_proj.weight"), "state_proj.weight");
  EXPECT_EQ(CurrentTorchName("paligemma_with_expert._orig_mod.paligemma.lm_head.weight"),
            kTorchEmbedding);
  EXPECT_EQ(CurrentTorchName("module"), "module");
  Sizes expected = SmallSizes(Family::kPi0, Naming::kTorch);
  auto tensors = Stored(expected);
  for (auto& tensor : tensors) tensor.name = "module._orig_mod." + tensor.name;
  const auto sizes = RecogniseSizes(tensors, {.vision_heads = 2});
  ASSERT_TRUE(sizes.ok()) << sizes.status().ToString();
  ExpectEqual(*sizes, expected);
}

TEST(Names, TheEmbeddingHasOneOfTwo) {
  const std::string tokens =
      "paligemma_with_expert.paligemma.model.language_model.embed_tokens.weight";
  const std::vector<formats::TensorInfo> only = {{tokens, DType::kF32, {4, 2}}};
  EXPECT_EQ(StoredTensors(only, Naming::kTorch).Find(kTorchEmbedding), 0u);
  const std::vector<formats::TensorInfo> both = {
      {tokens, DType::kF32, {4, 2}}, {std::string(kTorchEmbedding), DType::kF32, {4, 2}}};
  EXPECT_EQ(StoredTensors(both, Naming::kTorch).Find(kTorchEmbedding), 1u);
}

}  // namespace
}  // namespace midstream::openpi

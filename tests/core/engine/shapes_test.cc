// Shape profiles of several inputs: what becomes of [inputs] on a graph, without a backend.

#include "core/engine/shapes.h"

#include <gtest/gtest.h>

namespace midstream {
namespace {

// A model of which only the inputs matter.
class Inputs : public formats::ModelSource {
 public:
  const std::string& path() const override { return path_; }
  const std::vector<formats::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<formats::TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<formats::WeightInfo>& weights() const override { return weights_; }
  Result<std::vector<formats::OpCount>> Operators(const std::vector<std::string>&) const override {
    return Unimplemented("operators");
  }
  Result<formats::BuiltGraph> BuildGraph(const formats::GraphRequest&) const override {
    return Unimplemented("graph");
  }
  Result<Tensor> ReadWeight(const std::string&) const override { return Unimplemented("weight"); }
  Result<std::unique_ptr<formats::WeightReader>> OpenWeights(const std::string&) const override {
    return Unimplemented("weights");
  }

  std::string path_ = "model";
  std::vector<formats::TensorInfo> inputs_;
  std::vector<formats::TensorInfo> outputs_;
  std::vector<formats::WeightInfo> weights_;
};

class Shapes : public ::testing::Test {
 protected:
  void SetUp() override {
    built_.graph.AddInput("ids", DType::kI32, {-1, -1});
    built_.graph.AddInput("mask", DType::kF32, Shape::UnknownRank());
    built_.graph.AddInput("bias", DType::kF32, {4});
    model_.inputs_ = {{"elsewhere:0", DType::kF32, {-1}}};
  }

  Result<plan::ShapePolicy> Apply(const std::string& toml) {
    const auto config = config::ParseConfig(toml, "a.toml");
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    return ApplyShapes(*config, model_, built_);
  }
  std::string Refusal(const std::string& toml) {
    const auto policy = Apply(toml);
    EXPECT_EQ(policy.status().code(), Code::kInvalidArgument) << toml;
    return std::string(policy.status().message());
  }
  const Shape& ShapeOf(size_t input) const {
    return built_.graph.value(built_.graph.inputs()[input]).shape;
  }

  Inputs model_;
  formats::BuiltGraph built_;
};

TEST_F(Shapes, NothingSaidChangesNothing) {
  const auto policy = Apply("");
  ASSERT_TRUE(policy.ok());
  EXPECT_TRUE(policy->profiles.empty());
  EXPECT_FALSE(policy->profiles_only);
  EXPECT_EQ(policy->cached_plans, 16u);
  EXPECT_EQ(ShapeOf(0), Shape({-1, -1}));
}

TEST_F(Shapes, ProfileITakesTheIthSizesOfEveryInput) {
  const auto policy = Apply(R"(shapes.outside_buckets = "error"
[inputs."ids:0"]
shape = [1, -1]
buckets = [[20], [40]]
[inputs.mask]
shape = [-1, -1]
buckets = [[1, 20], [2, 40]]
)");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  EXPECT_TRUE(policy->profiles_only);
  ASSERT_EQ(policy->profiles.size(), 2u);
  EXPECT_EQ(policy->profiles[0], (std::vector<Shape>{{1, 20}, {1, 20}, {4}}));
  EXPECT_EQ(policy->profiles[1], (std::vector<Shape>{{1, 40}, {2, 40}, {4}}));
  EXPECT_EQ(ShapeOf(0), Shape({1, -1}));
  EXPECT_EQ(ShapeOf(1), Shape({-1, -1})) << "the rank is known now";
}

TEST_F(Shapes, AnInputThatVariesNeedsBucketsWhenOthersHaveThem) {
  EXPECT_EQ(Refusal("[inputs.ids]\nshape = [1, -1]\nbuckets = [[20], [40]]"),
            "input 'mask' <unknown rank> varies and has no buckets, but other inputs have: "
            "expected inputs.mask with shape and buckets");
}

TEST_F(Shapes, AllShapesFixedAreOneProfile) {
  const auto policy = Apply("[inputs.ids]\nshape = [1, 8]\n[inputs.mask]\nshape = [8]");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  ASSERT_EQ(policy->profiles.size(), 1u);
  EXPECT_EQ(policy->profiles[0], (std::vector<Shape>{{1, 8}, {8}, {4}}));
}

TEST_F(Shapes, AnInputOfAnotherSessionIsPassedOver) {
  const auto policy = Apply("[inputs.elsewhere]\nshape = [-1]\nbuckets = [[1], [2]]");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  EXPECT_TRUE(policy->profiles.empty());
}

TEST_F(Shapes, EveryWrongNameIsListed) {
  EXPECT_EQ(Refusal("[inputs.idz]\nshape = [1, 8]\n[inputs.nothing_like]\nrange = [[1, 2]]"),
            "a.toml:2:9: inputs.idz: the model has no such input; did you mean ids?\n"
            "a.toml:4:9: inputs.nothing_like: the model has no such input");
}

}  // namespace
}  // namespace midstream

// Inference over whole graphs: shape arithmetic, evaluation of small constants, binding of shapes.
#include "core/graph/shape_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/graph/op_schema.h"
#include "tests/core/graph/infer_testing.h"

namespace midstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kU = kUnknownDim;

// Knows what shape arithmetic needs: Gather of one element, Concat and Mul of int64 vectors.
class ShapeArithmetic : public Evaluator {
 public:
  Result<std::vector<Tensor>> Evaluate(const Node& node,
                                       const std::vector<Tensor>& inputs) override {
    ++calls;
    std::vector<std::vector<int64_t>> in;
    for (const Tensor& tensor : inputs) in.push_back(*tensor.ToInts());
    if (node.op == "Gather" && inputs[1].shape().rank() == 1) {
      if (in[1][0] >= static_cast<int64_t>(in[0].size())) return OutOfRange("no such element");
      return std::vector<Tensor>{Tensor::FromInts({in[0][static_cast<size_t>(in[1][0])]})};
    }
    if (node.op == "Concat") {
      std::vector<int64_t> all;
      for (const auto& part : in) all.insert(all.end(), part.begin(), part.end());
      return std::vector<Tensor>{Tensor::FromInts(all)};
    }
    if (node.op == "Mul") return std::vector<Tensor>{Tensor::FromInts({in[0][0] * in[1][0]})};
    return Unimplemented("not " + node.op);
  }
  int calls = 0;
};

// Reshape(x, [batch of x, -1]) spelled out with Shape, Gather and Concat.
Graph FlattenGraph(const Shape& input) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, input);
  ValueId shape = graph.Add("Shape", "shape", {x});
  ValueId zero = graph.AddConstant("zero", Tensor::FromInts({0}));
  ValueId batch = graph.Add("Gather", "batch", {shape, zero});
  ValueId rest = graph.AddConstant("rest", Tensor::FromInts({-1}));
  ValueId target = graph.Add("Concat", "target", {batch, rest}, {{"axis", Int(0)}});
  graph.AddOutput(graph.Add("Reshape", "y", {x, target}), "y");
  EXPECT_TRUE(graph.Compact().ok());
  return graph;
}

const Value& Find(const Graph& graph, const std::string& name) {
  for (const Value& value : graph.values()) {
    if (value.name == name) return value;
  }
  ADD_FAILURE() << "no value " << name;
  return graph.value(0);
}

TEST(InferShapes, ShapeArithmeticResolvesWhenShapesAreKnown) {
  ShapeArithmetic evaluator;
  Graph graph = FlattenGraph({2, 3, 4});
  ASSERT_TRUE(InferShapes(graph, &evaluator).ok());
  EXPECT_EQ(Find(graph, "y").shape, Shape({2, 12}));
  EXPECT_THAT(*Find(graph, "target").constant.ToInts(), ElementsAre(2, -1));
  EXPECT_EQ(evaluator.calls, 2);  // Shape needs no evaluation
  EXPECT_EQ(graph.nodes().size(), 4u);
}

TEST(InferShapes, UnknownBatchLeavesTheRankKnown) {
  ShapeArithmetic evaluator;
  Graph graph = FlattenGraph({kU, 3, 4});
  ASSERT_TRUE(InferShapes(graph, &evaluator).ok());
  EXPECT_EQ(Find(graph, "y").shape, Shape({kU, kU}));
  EXPECT_TRUE(Find(graph, "target").constant.empty());
}

TEST(InferShapes, WorksWithoutEvaluator) {
  Graph graph = FlattenGraph({2, 3, 4});
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  EXPECT_EQ(Find(graph, "y").shape, Shape({kU, kU}));
}

TEST(InferShapes, WeightsAreNeverEvaluated) {
  ShapeArithmetic evaluator;
  Graph graph;
  ValueId w = graph.AddWeight("w", DType::kI64, {1});
  ValueId c = graph.AddConstant("c", Tensor::FromInts({2}));
  graph.AddOutput(graph.Add("Mul", "y", {w, c}), "y");
  graph.AddOutput(graph.Add("Mul", "z", {c, c}), "z");
  ASSERT_TRUE(graph.Compact().ok());
  ASSERT_TRUE(InferShapes(graph, &evaluator).ok());
  EXPECT_TRUE(Find(graph, "y").constant.empty());
  EXPECT_THAT(*Find(graph, "z").constant.ToInts(), ElementsAre(4));
}

TEST(InferShapes, LargeConstantsAreLeftAlone) {
  ShapeArithmetic evaluator;
  Graph graph;
  ValueId c = graph.AddConstant("c", Tensor::FromInts(std::vector<int64_t>(1025, 1)));
  graph.AddOutput(graph.Add("Mul", "y", {c, c}), "y");
  ValueId size = graph.AddConstant("size", Tensor::FromInts({1 << 20}));
  ValueId one = graph.AddConstant("one", Tensor::FromInts({1}));
  graph.AddOutput(graph.Add("Expand", "big", {one, size}), "big");
  ASSERT_TRUE(graph.Compact().ok());
  ASSERT_TRUE(InferShapes(graph, &evaluator).ok());
  EXPECT_EQ(evaluator.calls, 0);
}

TEST(InferShapes, ErrorsNameTheNode) {
  ShapeArithmetic evaluator;
  Graph graph;
  ValueId c = graph.AddConstant("c", Tensor::FromInts({4, 5}));
  ValueId i = graph.AddConstant("i", Tensor::FromInts({2}));
  graph.AddOutput(graph.Add("Gather", "pick", {c, i}), "pick");
  ASSERT_TRUE(graph.Compact().ok());
  Status status = InferShapes(graph, &evaluator);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "Gather 'pick': cannot be computed: no such element");
}

TEST(InferShapes, SizesPastTheLimitAreErrors) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {int64_t{1} << 31, 1});
  ValueId y = graph.AddInput("y", DType::kF32, {1, int64_t{1} << 31});
  graph.AddOutput(graph.Add("Add", "sum", {x, y}), "sum");
  ASSERT_TRUE(graph.Compact().ok());
  Status status = InferShapes(graph, nullptr);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Add 'sum': shape"));
}

TEST(BindShapes, EveryShapeBecomesKnown) {
  ShapeArithmetic evaluator;
  Graph graph = FlattenGraph({kU, 3, 4});
  ASSERT_TRUE(InferShapes(graph, &evaluator).ok());
  auto bound = BindShapes(graph, {{graph.inputs()[0], Shape({5, 3, 4})}}, &evaluator);
  ASSERT_TRUE(bound.ok()) << bound.status().ToString();
  EXPECT_EQ(Find(*bound, "y").shape, Shape({5, 12}));
  EXPECT_THAT(*Find(*bound, "target").constant.ToInts(), ElementsAre(5, -1));
  EXPECT_EQ(Find(graph, "y").shape, Shape({kU, kU}));  // the graph itself did not change
  auto again = BindShapes(*bound, {{graph.inputs()[0], Shape({5, 3, 4})}}, &evaluator);
  EXPECT_TRUE(again.ok());
}

TEST(BindShapes, RefusesWhatTheInputDoesNotAccept) {
  ShapeArithmetic evaluator;
  Graph graph = FlattenGraph({kU, 3, 4});
  ValueId x = graph.inputs()[0];
  auto message = [&](const std::map<ValueId, Shape>& shapes) {
    auto bound = BindShapes(graph, shapes, &evaluator);
    EXPECT_EQ(bound.status().code(), Code::kInvalidArgument);
    return std::string(bound.status().message());
  };
  EXPECT_EQ(message({{x, Shape({5, 3, 5})}}),
            "expected a shape [?,3,4] for input 'x', got [5,3,5]");
  EXPECT_THAT(message({}), HasSubstr("input 'x' [?,3,4] needs a fully known shape"));
  EXPECT_THAT(message({{x, Shape({-5, 3, 4})}}), HasSubstr("fully known"));
  EXPECT_THAT(message({{x, Shape({INT64_MAX, 3, 4})}}), HasSubstr("too many elements"));
}

TEST(BindShapes, NamesANodeWhoseShapeDependsOnValues) {
  ShapeArithmetic evaluator;
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {kU});
  ValueId n = graph.AddInput("n", DType::kI64, {1});
  graph.AddOutput(graph.Add("Reshape", "y", {x, n}), "y");
  ASSERT_TRUE(graph.Compact().ok());
  auto bound = BindShapes(graph, {{x, Shape({5})}}, &evaluator);
  EXPECT_EQ(bound.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(bound.status().message()),
              HasSubstr("Reshape 'y': its output shape [?]"));
}

// Whatever the sizes in a node are, inference answers with a shape or an error.
TEST(InferShapes, SurvivesArbitrarySizes) {
  const std::vector<int64_t> sizes = {0, 1, 2, 3, kU, INT64_MAX, INT64_MIN, INT64_MAX / 2};
  uint64_t state = 1;
  auto next = [&](size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state >> 33) % n;
  };
  auto list = [&](size_t n) {
    std::vector<int64_t> values(n);
    for (int64_t& value : values) value = sizes[next(sizes.size())];
    return values;
  };
  for (const OpSchema& schema : AllSchemas()) {
    for (int round = 0; round < 100; ++round) {
      std::vector<In> inputs;
      auto count = static_cast<size_t>(schema.max_inputs < 0 ? 3 : schema.max_inputs);
      for (size_t i = 0; i < count; ++i) {
        size_t kind = next(4);
        if (kind == 0) inputs.push_back(Ints(list(next(4))));
        if (kind == 1) inputs.push_back(ScalarOf<int64_t>(DType::kI64, sizes[next(8)]));
        if (kind >= 2) {
          std::vector<int64_t> dims = list(next(6));
          for (int64_t& dim : dims) dim = std::max(dim, kU);
          inputs.push_back(Of(kind == 2 ? DType::kF32 : DType::kI64, Shape(dims)));
        }
      }
      Attributes attrs;
      for (const char* name : {"axis", "group", "start", "end", "size", "allowzero", "keepdims",
                               "num_outputs", "ceil_mode"}) {
        if (next(3) == 0) attrs[name] = Int(sizes[next(8)]);
      }
      for (const char* name : {"strides", "pads", "dilations", "kernel_shape", "perm"}) {
        if (next(3) == 0) attrs[name] = list(next(6));
      }
      std::string text =
          Infer(std::string(schema.name), inputs, attrs, 1, std::string(schema.domain));
      EXPECT_FALSE(text.empty());
    }
  }
}

}  // namespace
}  // namespace midstream

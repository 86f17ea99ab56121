// What a graph computes is the same before and after: each pass alone, and all in order.
#include <gtest/gtest.h>

#include <functional>

#include "core/passes/batch_norm.h"
#include "core/passes/fold.h"
#include "core/passes/fuse.h"
#include "core/passes/layout.h"
#include "core/passes/passes.h"
#include "core/passes/recipes.h"
#include "core/passes/simplify.h"
#include "core/passes/sink.h"
#include "tests/core/passes/passes_testing.h"
#include "tests/core/passes/reference_testing.h"
#include "tests/core/passes/zoo_testing.h"

namespace midstream::passes {
namespace {

using Pass = std::function<Result<std::vector<Recipe>>(Graph&)>;

Result<std::vector<Recipe>> None(const Status& status) {
  if (!status.ok()) return status;
  return std::vector<Recipe>{};
}

void ExpectSame(const Graph& before, const Pass& pass, double rtol = 1e-4, double atol = 1e-5) {
  Graph after = before;
  auto recipes = pass(after);
  ASSERT_TRUE(recipes.ok()) << recipes.status().ToString();
  ASSERT_TRUE(after.Compact().ok());
  Status inferred = InferShapes(after, ReferenceEvaluator());
  ASSERT_TRUE(inferred.ok()) << inferred.ToString() << "\n" << after.ToString();
  Status verified = Verify(after);
  ASSERT_TRUE(verified.ok()) << verified.ToString();
  EXPECT_EQ(after.output_names(), before.output_names());
  for (uint32_t seed : {1u, 2u}) {
    Values values = RandomValues(before, seed);
    auto expected = RunGraph(before, {}, values);
    ASSERT_TRUE(expected.ok()) << expected.status().ToString();
    auto actual = RunGraph(after, *recipes, values);
    ASSERT_TRUE(actual.ok()) << actual.status().ToString() << "\n" << after.ToString();
    SCOPED_TRACE(after.ToString());
    ExpectClose(*actual, *expected, rtol, atol);
  }
}

class Equivalence : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (ReferenceEvaluator() == nullptr) return;
    for (ZooModel& model : Zoo()) {
      if (model.name == GetParam()) graph_ = std::move(model.graph);
    }
    ASSERT_TRUE(graph_.Compact().ok());
    Status inferred = InferShapes(graph_, ReferenceEvaluator());
    ASSERT_TRUE(inferred.ok()) << inferred.ToString();
  }
  void ExpectSameAfter(const Pass& pass) {
    if (ReferenceEvaluator() != nullptr) ExpectSame(graph_, pass);
  }
  void ExpectSameOptimized(Options options, double rtol, double atol) {
    if (ReferenceEvaluator() == nullptr) return;
    ExpectSame(
        graph_, [&](Graph& graph) { return Optimize(graph, options, *ReferenceEvaluator()); }, rtol,
        atol);
  }
  Graph graph_;
};

TEST_P(Equivalence, Simplify) {
  ExpectSameAfter([](Graph& graph) { return None(Simplify(graph)); });
}
TEST_P(Equivalence, Fold) {
  ExpectSameAfter([](Graph& graph) { return None(Fold(graph, *ReferenceEvaluator())); });
}
TEST_P(Equivalence, SinkTransposes) {
  ExpectSameAfter([](Graph& graph) { return None(SinkTransposes(graph)); });
}
TEST_P(Equivalence, TransposesToReshapes) {
  ExpectSameAfter([](Graph& graph) {
    TransposesToReshapes(graph);
    return None(OkStatus());
  });
}
TEST_P(Equivalence, UseChannelsLast) {
  ExpectSameAfter([](Graph& graph) {
    UseChannelsLast(graph);
    return None(OkStatus());
  });
}
TEST_P(Equivalence, FoldBatchNorm) {
  ExpectSameAfter([](Graph& graph) { return None(FoldBatchNorm(graph, {})); });
}
TEST_P(Equivalence, Fuse) {
  ExpectSameAfter([](Graph& graph) { return None(Fuse(graph, {})); });
}
TEST_P(Equivalence, ExtractRecipes) {
  ExpectSameAfter([](Graph& graph) { return ExtractRecipes(graph); });
}

TEST_P(Equivalence, AllPassesInBothLayouts) {
  for (Layout layout : {Layout::kNchw, Layout::kNhwc}) {
    for (bool fuse : {false, true}) {
      ExpectSameOptimized({.layout = layout, .fuse = fuse, .remap = fuse, .precision = {}}, 1e-4,
                          1e-5);
    }
  }
}

TEST_P(Equivalence, ReducedPrecisionIsCloseInBothLayouts) {
  for (const char* mode :
       {"force_fp16", "cube_fp16in_fp32out", "mixed_float16", "mixed_bfloat16"}) {
    SCOPED_TRACE(mode);
    for (Layout layout : {Layout::kNchw, Layout::kNhwc}) {
      for (bool fuse : {false, true}) {
        Options options{
            .layout = layout, .fuse = fuse, .remap = fuse, .precision = *PolicyForMode(mode)};
        ExpectSameOptimized(options, 0.05, 0.05);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, Equivalence,
                         testing::Values("mnist", "residual", "mobile", "plain_norm", "attention"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream::passes

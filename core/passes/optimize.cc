// The order of the passes. Between two of them the graph is compact, inferred and simplified.
#include "core/passes/batch_norm.h"
#include "core/passes/fold.h"
#include "core/passes/fuse.h"
#include "core/passes/layout.h"
#include "core/passes/passes.h"
#include "core/passes/precision.h"
#include "core/passes/recipes.h"
#include "core/passes/simplify.h"
#include "core/passes/sink.h"

namespace midstream::passes {
namespace {

// Simplification sees what folding made constant, and folding what simplification joined.
Status Clean(Graph& graph, Evaluator& evaluator) {
  MS_RETURN_IF_ERROR(graph.Compact());
  MS_RETURN_IF_ERROR(InferShapes(graph, &evaluator));
  MS_RETURN_IF_ERROR(Fold(graph, evaluator));
  MS_RETURN_IF_ERROR(Simplify(graph));
  MS_RETURN_IF_ERROR(InferShapes(graph, &evaluator));
  return Verify(graph);
}

Status SinkAndClean(Graph& graph, Evaluator& evaluator) {
  MS_RETURN_IF_ERROR(SinkTransposes(graph));
  return Clean(graph, evaluator);
}

}  // namespace

Result<std::vector<Recipe>> Optimize(Graph& graph, const Options& options, Evaluator& evaluator) {
  const std::vector<std::string>& keep = options.precision.keep;
  MS_RETURN_IF_ERROR(Clean(graph, evaluator));
  // NCHW first: what follows then knows one layout only.
  MS_RETURN_IF_ERROR(SinkAndClean(graph, evaluator));
  if (options.remap) {
    MS_RETURN_IF_ERROR(FoldBatchNorm(graph, keep));
    MS_RETURN_IF_ERROR(Clean(graph, evaluator));
    // Scaled filters: the Transpose of the weight moves below the scaling, where layout looks for
    // it.
    MS_RETURN_IF_ERROR(SinkAndClean(graph, evaluator));
  }
  if (options.layout == Layout::kNhwc) {
    UseChannelsLast(graph);
    MS_RETURN_IF_ERROR(Clean(graph, evaluator));
    MS_RETURN_IF_ERROR(SinkAndClean(graph, evaluator));
  }
  TransposesToReshapes(graph);
  MS_RETURN_IF_ERROR(Clean(graph, evaluator));
  if (options.fuse) {
    MS_RETURN_IF_ERROR(Fuse(graph, keep));
    MS_RETURN_IF_ERROR(Clean(graph, evaluator));
  }
  MS_RETURN_IF_ERROR(ApplyPrecision(graph, options.precision));
  MS_RETURN_IF_ERROR(Clean(graph, evaluator));
  MS_ASSIGN_OR_RETURN(std::vector<Recipe> recipes, ExtractRecipes(graph));
  MS_RETURN_IF_ERROR(InferShapes(graph, &evaluator));
  MS_RETURN_IF_ERROR(Verify(graph));
  return recipes;
}

}  // namespace midstream::passes

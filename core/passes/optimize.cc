// The order of the passes. Between two of them the graph is compact, inferred and simplified.
#include <set>
#include <string_view>

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

class Optimizer {
 public:
  Optimizer(Graph& graph, const Options& options, Evaluator& evaluator)
      : graph_(graph), options_(options), evaluator_(evaluator) {}

  // Simplification sees what folding made constant, and folding what simplification joined.
  Status Clean() {
    MS_RETURN_IF_ERROR(graph_.Compact());
    MS_RETURN_IF_ERROR(InferShapes(graph_, &evaluator_));
    if (options_.fold) MS_RETURN_IF_ERROR(Fold(graph_, evaluator_));
    if (options_.simplify) MS_RETURN_IF_ERROR(Simplify(graph_));
    MS_RETURN_IF_ERROR(InferShapes(graph_, &evaluator_));
    return Verify(graph_);
  }

  Status SinkAndClean() {
    if (!options_.sink) return OkStatus();
    MS_RETURN_IF_ERROR(SinkTransposes(graph_));
    return Clean();
  }

 private:
  Graph& graph_;
  const Options& options_;
  Evaluator& evaluator_;
};

// Nodes with a dtype of their own are not to disappear into others.
std::vector<std::string> Apart(const Graph& graph, const PrecisionPolicy& policy) {
  std::vector<std::string> names = policy.keep;
  for (const auto& [node, asked] : policy.nodes) names.push_back(node);
  std::set<std::string_view> operators;
  for (const auto& [op, asked] : policy.ops) operators.insert(op);
  for (const auto* list : {&policy.white, &policy.black, &policy.gray}) {
    operators.insert(list->begin(), list->end());
  }
  if (operators.empty()) return names;
  for (const Node& node : graph.nodes()) {
    if (operators.contains(ListName(graph, node))) names.push_back(node.name);
  }
  return names;
}

}  // namespace

Result<std::vector<Recipe>> Optimize(Graph& graph, const Options& options, Evaluator& evaluator,
                                     PrecisionPlan* precision) {
  Optimizer optimizer(graph, options, evaluator);
  MS_RETURN_IF_ERROR(optimizer.Clean());
  // NCHW first: what follows then knows one layout only.
  MS_RETURN_IF_ERROR(optimizer.SinkAndClean());
  if (options.remap) {
    MS_RETURN_IF_ERROR(FoldBatchNorm(graph, Apart(graph, options.precision)));
    MS_RETURN_IF_ERROR(optimizer.Clean());
    // Scaled filters: the Transpose of the weight moves below the scaling, where layout looks for
    // it.
    MS_RETURN_IF_ERROR(optimizer.SinkAndClean());
  }
  if (options.layout == Layout::kNhwc) {
    UseChannelsLast(graph);
    MS_RETURN_IF_ERROR(optimizer.Clean());
    MS_RETURN_IF_ERROR(optimizer.SinkAndClean());
  }
  TransposesToReshapes(graph);
  MS_RETURN_IF_ERROR(optimizer.Clean());
  if (options.fuse) {
    MS_RETURN_IF_ERROR(Fuse(graph, Apart(graph, options.precision)));
    MS_RETURN_IF_ERROR(optimizer.Clean());
  }
  MS_ASSIGN_OR_RETURN(PrecisionPlan plan, PlanPrecision(graph, options.precision, options.kernels));
  MS_RETURN_IF_ERROR(ApplyPrecision(graph, plan));
  if (precision != nullptr) *precision = std::move(plan);
  MS_RETURN_IF_ERROR(optimizer.Clean());
  MS_ASSIGN_OR_RETURN(std::vector<Recipe> recipes, ExtractRecipes(graph));
  MS_RETURN_IF_ERROR(InferShapes(graph, &evaluator));
  MS_RETURN_IF_ERROR(Verify(graph));
  return recipes;
}

}  // namespace midstream::passes

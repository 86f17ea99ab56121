// The optimiser: Graph -> Graph + weight recipes.
//
// Passes see weights as names with dtype and shape, never as values. Whatever they would derive
// from weights (transposes, casts, batch-norm folds) they write as ordinary nodes over weight
// values; the last pass takes every maximal subgraph that depends on weights and constants only out
// of the graph and records it as a Recipe, whose result is a weight of its own. An update re-runs
// the recipes that its names reach, so the graph is as optimised as a frozen one and still live.
#ifndef MIDSTREAM_CORE_PASSES_PASSES_H_
#define MIDSTREAM_CORE_PASSES_PASSES_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/graph/shape_inference.h"
#include "core/passes/precision_plan.h"

namespace midstream::passes {

// An expression over named weights. `graph` has one input per source, named as the weight is, and
// one output.
struct Recipe {
  std::string result;                // name of the derived weight in the optimised graph
  std::vector<std::string> sources;  // trainer's names, in the order of graph.inputs()
  Graph graph;
};

enum class Layout { kNchw, kNhwc };

struct Options {
  Layout layout = Layout::kNchw;
  bool fold = true;
  bool simplify = true;
  bool sink = true;
  bool fuse = true;   // bias and activation into the matrix operator before them
  bool remap = true;  // batch norm into the weights of the matrix operator before it
  PrecisionPolicy precision;
  const Kernels* kernels = nullptr;  // what precision may choose from; null: everything
};

// Optimises `graph` in place and returns its recipes. Inputs and outputs keep their names, dtypes
// and shapes. On return the graph is compact, verified and inferred. *precision, when given, receives
// what was decided about the nodes that were there before casts were added. Errors: INVALID_ARGUMENT
// naming the node (shapes that cannot be); those of PlanPrecision.
Result<std::vector<Recipe>> Optimize(Graph& graph, const Options& options, Evaluator& evaluator,
                                     PrecisionPlan* precision = nullptr);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PASSES_H_

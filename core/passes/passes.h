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

namespace midstream::passes {

// An expression over named weights. `graph` has one input per source, named as the weight is, and
// one output.
struct Recipe {
  std::string result;                // name of the derived weight in the optimised graph
  std::vector<std::string> sources;  // trainer's names, in the order of graph.inputs()
  Graph graph;
};

enum class Layout { kNchw, kNhwc };

// What the precision mode asks of matrix operators ("cube": Conv, MatMul, Gemm) and of the others
// ("vector").
struct PrecisionPolicy {
  DType matrix = DType::kF32;         // dtype of the operands of matrix operators; kF32 = keep
  DType matrix_output = DType::kF32;  // dtype of their results
  DType other = DType::kF32;          // dtype of everything else
  // The mixed modes: an operator that loses little in half precision computes in the dtype that its
  // operands come in; `other` is for the sensitive ones.
  bool follow_operands = false;
  std::vector<std::string> keep;  // nodes, or scopes of nodes, that keep float32
};

// The policy of a mode named as in the configuration ("origin", "force_fp16", "mixed_bfloat16",
// ...). Errors: INVALID_ARGUMENT for an unknown name; UNIMPLEMENTED, naming the nearest mode that
// exists, for one that no backend has.
Result<PrecisionPolicy> PolicyForMode(std::string_view mode);

struct Options {
  Layout layout = Layout::kNchw;
  bool fold = true;
  bool simplify = true;
  bool sink = true;
  bool fuse = true;   // bias and activation into the matrix operator before them
  bool remap = true;  // batch norm into the weights of the matrix operator before it
  PrecisionPolicy precision;
};

// Optimises `graph` in place and returns its recipes. Inputs and outputs keep their names, dtypes
// and shapes. On return the graph is compact, verified and inferred. Errors: INVALID_ARGUMENT
// naming the node (shapes that cannot be).
Result<std::vector<Recipe>> Optimize(Graph& graph, const Options& options, Evaluator& evaluator);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PASSES_H_

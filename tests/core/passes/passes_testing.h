// Helpers of the pass tests: an evaluator that needs no backend, and a look at operators.
#ifndef MIDSTREAM_TESTS_CORE_PASSES_PASSES_TESTING_H_
#define MIDSTREAM_TESTS_CORE_PASSES_PASSES_TESTING_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/graph/shape_inference.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {

// Adds and multiplies equally shaped float32 tensors and refuses the rest: enough to see what is
// folded. Counts its calls.
class ToyEvaluator : public Evaluator {
 public:
  Result<std::vector<Tensor>> Evaluate(const Node& node,
                                       const std::vector<Tensor>& inputs) override {
    ++calls;
    if (node.op != "Add" && node.op != "Mul") return Unimplemented("no " + node.op);
    MS_ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(inputs[0].dtype(), inputs[0].shape()));
    for (size_t i = 0; i < static_cast<size_t>(out.count()); ++i) {
      float a = inputs[0].as<float>()[i];
      float b = inputs[1].as<float>()[i];
      out.mutable_as<float>()[i] = node.op == "Add" ? a + b : a * b;
    }
    return std::vector<Tensor>{out};
  }
  int calls = 0;
};

inline Tensor Floats(const std::vector<float>& values) {
  return *Tensor::Copy(DType::kF32, {static_cast<int64_t>(values.size())},
                       std::as_bytes(std::span(values)));
}

// "Conv Relu midstream.MaxPool", in the order of the graph.
inline std::string Operators(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes()) {
    text += text.empty() ? "" : " ";
    text += node.domain.empty() ? node.op : node.domain + "." + node.op;
  }
  return text;
}

// Infers, without evaluating anything.
inline Status Prepare(Graph& graph) {
  MS_RETURN_IF_ERROR(graph.Compact());
  return InferShapes(graph, nullptr);
}

inline ValueId Ints(Graph& graph, const std::vector<int64_t>& values) {
  return graph.AddConstant("ints", Tensor::FromInts(values));
}

inline const std::vector<int64_t> kNhwcToNchw = {0, 3, 1, 2};
inline const std::vector<int64_t> kNchwToNhwc = {0, 2, 3, 1};
inline const std::vector<int64_t> kHwioToOihw = {3, 2, 0, 1};

}  // namespace midstream::passes

#endif  // MIDSTREAM_TESTS_CORE_PASSES_PASSES_TESTING_H_

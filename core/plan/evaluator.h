// BackendEvaluator: computes single nodes on a device, for constant folding, shape arithmetic and
// weight recipes.
//
// The reference backend is the usual device: it knows every operator and gives the same bits
// whenever it is asked, so a value derived during an update equals the one derived at a cold load.
#ifndef MIDSTREAM_CORE_PLAN_EVALUATOR_H_
#define MIDSTREAM_CORE_PLAN_EVALUATOR_H_

#include <memory>

#include "core/backend/handles.h"
#include "core/graph/shape_inference.h"

namespace midstream::plan {

class BackendEvaluator : public Evaluator {
 public:
  // Requires: at least one device, all with MS_DEVICE_HOST_MEMORY.
  explicit BackendEvaluator(std::vector<std::shared_ptr<backend::Device>> devices)
      : devices_(std::move(devices)) {}

  // Threads: any. Errors: INVALID_ARGUMENT or UNIMPLEMENTED naming the node.
  Result<std::vector<Tensor>> Evaluate(const Node& node,
                                       const std::vector<Tensor>& inputs) override;

 private:
  std::vector<std::shared_ptr<backend::Device>> devices_;
};

// Computes the outputs of a graph whose inputs are given, node by node. Errors: as Evaluate.
Result<std::vector<Tensor>> EvaluateGraph(const Graph& graph, const std::vector<Tensor>& inputs,
                                          Evaluator& evaluator);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_EVALUATOR_H_

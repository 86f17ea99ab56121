// Which kernels there are for the nodes of a graph in other dtypes than the model gives them.
#ifndef MIDSTREAM_CORE_PASSES_KERNEL_ANSWERS_H_
#define MIDSTREAM_CORE_PASSES_KERNEL_ANSWERS_H_

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/passes/precision_plan.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {

// Questions are collected, asked of each backend in one call, and answered from memory. Each stands
// in the graph of questions as a node of its own with operands of the wanted dtypes.
class KernelAnswers {
 public:
  // `graph` must outlive it. kernels: null when every kernel exists.
  KernelAnswers(const Graph& graph, const Kernels* kernels)
      : graph_(graph), kernels_(kernels), static_(graph) {}

  void Ask(NodeId node, NodeTypes types);
  // Errors: those of the backends.
  Status Finish();

  // Requires: it was asked, and Finish succeeded.
  bool First(NodeId node, NodeTypes types) const { return Has(node, types, 0, 1); }
  bool Fallback(NodeId node, NodeTypes types) const;
  // The fallback that takes it; requires Fallback().
  std::string_view FallbackName(NodeId node, NodeTypes types) const;
  std::string_view FirstName() const;

 private:
  bool Has(NodeId node, NodeTypes types, size_t begin, size_t end) const;
  // The node as it would be with these dtypes: a matrix operator that widens is a fused one. False
  // when there is no such form.
  bool Form(NodeId id, NodeTypes types, Node* node);
  ValueId Operand(ValueId value, DType dtype);

  static uint64_t Key(NodeId node, NodeTypes types) {
    return uint64_t{node} << 16 | uint64_t{static_cast<uint8_t>(types.in)} << 8 |
           static_cast<uint8_t>(types.out);
  }

  const Graph& graph_;
  const Kernels* kernels_;
  StaticValues static_;
  Graph questions_;
  Graph fused_;  // a copy in which matrix operators are brought into their fused form, when needed
  std::unique_ptr<StaticValues> fused_static_;
  std::map<std::pair<ValueId, DType>, ValueId> operands_;
  std::unordered_map<uint64_t, uint32_t> asked_;  // -> node of questions_; no entry: no such form
  std::vector<std::vector<bool>> answers_;        // by backend
};

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_KERNEL_ANSWERS_H_

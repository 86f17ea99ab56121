// The decision, node by node, in which dtypes a graph computes; precision.h writes it into the
// graph.
//
// Deciding comes before any node is placed, so it asks what the backends of the placement order
// have kernels for (Kernels). "First" below is the first of them; the others are the fallback, the
// AI CPU of the Ascend documentation.
#ifndef MIDSTREAM_CORE_PASSES_PRECISION_PLAN_H_
#define MIDSTREAM_CORE_PASSES_PRECISION_PLAN_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/passes/precision_policy.h"

namespace midstream::passes {

// What the backends of a placement take, in its order.
class Kernels {
 public:
  virtual ~Kernels() = default;
  virtual size_t backend_count() const = 0;
  virtual std::string_view backend_name(size_t backend) const = 0;
  // One answer a node of `graph`, which stands for itself: it is never run.
  virtual Result<std::vector<bool>> Takes(size_t backend, const Graph& graph) const = 0;
};

// dtypes of the float operands and results of a node.
struct NodeTypes {
  DType in = DType::kInvalid;
  DType out = DType::kInvalid;
  bool operator==(const NodeTypes&) const = default;
};

struct PrecisionDecision {
  std::string node;
  NodeTypes types;     // kInvalid: the node stays as the model has it
  bool met = true;     // false: the mode's choice has no kernel, and this is the next best
  std::string reason;  // "mode mixed_float16: MatMul is on the white list"
};

struct PrecisionPlan {
  std::vector<PrecisionDecision> decisions;  // by NodeId of the graph that was planned
  std::vector<std::string> notes;            // "precision.node 'x' (a.toml:3:1) names no node"
};

// kernels: null for one backend that has every kernel. Requires: graph compact and inferred.
// Errors: INVALID_ARGUMENT for a policy that contradicts itself; UNIMPLEMENTED for an override that
// no backend has a kernel for, and with policy.refuse_unsupported for every node that the mode
// cannot have, naming the nearest mode that can be had.
Result<PrecisionPlan> PlanPrecision(const Graph& graph, const PrecisionPolicy& policy,
                                    const Kernels* kernels);

// Was one of the dtypes that precision is about: float32, float16, bfloat16.
inline bool IsPrecisionType(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}
// Whether operand i takes the dtype of its node. Others keep theirs: the parameters of a
// normalisation, which decide its range, the angles of a rotation, the mask of an attention, and the
// bias of a fused operator, which is added before the result is rounded.
bool OperandFollows(const Node& node, size_t i);
// The dtype in which a node that computes in `dtype` reads operand i, which is `origin` in the model:
// a fused operator that computes in float32 reads a narrower weight as it is stored. Requires:
// IsPrecisionType(origin).
DType OperandDType(const Node& node, size_t i, DType origin, DType dtype);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PRECISION_PLAN_H_

#include "core/passes/kernel_answers.h"

#include "core/passes/fuse.h"

namespace midstream::passes {
namespace {

constexpr uint32_t kNoForm = UINT32_MAX;

}  // namespace

bool KernelAnswers::Form(NodeId id, NodeTypes types, Node* node) {
  *node = graph_.node(id);
  if (types.in == types.out) return true;
  if (!IsMatrixOperator(*node)) return false;
  if (fused_static_ == nullptr) {
    fused_ = graph_;
    fused_static_ = std::make_unique<StaticValues>(fused_);
  }
  if (!UseFusedOperator(fused_, id, *fused_static_)) return false;
  *node = fused_.node(id);
  node->attrs["output_dtype"] = std::string(DTypeName(types.out));
  return true;
}

ValueId KernelAnswers::Operand(ValueId value, DType dtype) {
  auto [it, fresh] = operands_.try_emplace({value, dtype}, kNoValue);
  if (!fresh) return it->second;
  // Reshapes of a bias that only the fused form has are static and of the model's dtype.
  const Value& from = value < graph_.values().size() ? graph_.value(value) : fused_.value(value);
  bool held = value >= graph_.values().size() || static_.Contains(value);
  if (from.kind == ValueKind::kConstant && dtype == from.dtype) {
    it->second = questions_.AddConstant("c", from.constant);
  } else if (held) {
    it->second = questions_.AddWeight("w", dtype, from.shape);
  } else {
    it->second = questions_.AddInput("x", dtype, from.shape);
    questions_.value(it->second).constant = from.constant;
  }
  return it->second;
}

void KernelAnswers::Ask(NodeId id, NodeTypes types) {
  auto [it, fresh] = asked_.try_emplace(Key(id, types), kNoForm);
  Node node;
  if (!fresh || !Form(id, types, &node)) return;
  if (kernels_ == nullptr) {
    it->second = 0;
    return;
  }
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    ValueId in = node.inputs[i];
    if (in == kNoValue) {
      inputs.push_back(kNoValue);
      continue;
    }
    DType dtype = in < graph_.values().size() ? graph_.value(in).dtype : fused_.value(in).dtype;
    if (IsPrecisionType(dtype)) dtype = OperandDType(node, i, dtype, types.in);
    inputs.push_back(Operand(in, dtype));
  }
  it->second = questions_.AddNode(node.op, node.name, std::move(inputs), node.attrs,
                                  node.outputs.size(), node.domain);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& from = graph_.value(graph_.node(id).outputs[i]);
    Value& to = questions_.value(questions_.node(it->second).outputs[i]);
    to.dtype = IsPrecisionType(from.dtype) ? types.out : from.dtype;
    to.shape = from.shape;
  }
}

Status KernelAnswers::Finish() {
  if (kernels_ == nullptr || asked_.empty()) return OkStatus();
  for (size_t i = 0; i < kernels_->backend_count(); ++i) {
    MS_ASSIGN_OR_RETURN(std::vector<bool> answer, kernels_->Takes(i, questions_));
    answers_.push_back(std::move(answer));
  }
  return OkStatus();
}

bool KernelAnswers::Has(NodeId node, NodeTypes types, size_t begin, size_t end) const {
  auto it = asked_.find(Key(node, types));
  if (it == asked_.end() || it->second == kNoForm) return false;
  if (kernels_ == nullptr) return begin == 0;
  for (size_t i = begin; i < std::min(end, answers_.size()); ++i) {
    if (answers_[i][it->second]) return true;
  }
  return false;
}

bool KernelAnswers::Fallback(NodeId node, NodeTypes types) const {
  return Has(node, types, 1, answers_.size());
}

std::string_view KernelAnswers::FallbackName(NodeId node, NodeTypes types) const {
  size_t backend = 1;
  while (!Has(node, types, backend, backend + 1)) ++backend;
  return kernels_->backend_name(backend);
}

std::string_view KernelAnswers::FirstName() const {
  return kernels_ == nullptr ? "the backend" : kernels_->backend_name(0);
}

}  // namespace midstream::passes

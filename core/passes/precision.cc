#include "core/passes/precision.h"

#include <map>

#include "core/passes/fuse.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

class Caster {
 public:
  Caster(Graph& graph, const PrecisionPlan& plan) : graph_(graph), plan_(plan), static_(graph) {
    for (const Value& value : graph.values()) origin_.push_back(value.dtype);
  }

  void Run() {
    for (NodeId id = 0; id < plan_.decisions.size(); ++id) SetTypes(id);
    std::vector<ValueId> outputs = graph_.outputs();
    for (ValueId out : outputs) {
      if (OfModel(out)) ReplaceOutput(graph_, out, As(out, origin_[out]));
    }
  }

 private:
  bool OfModel(ValueId value) const {
    return value != kNoValue && value < origin_.size() && IsPrecisionType(origin_[value]);
  }

  void SetTypes(NodeId id) {
    const NodeTypes types = plan_.decisions[id].types;
    if (types.in == DType::kInvalid) {  // as the model has it, whatever its producers became
      for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
        ValueId in = graph_.node(id).inputs[i];
        if (OfModel(in) && ReadsAnyDType(id)) continue;
        if (OfModel(in)) ReadAs(id, i, origin_[in]);
      }
      return;
    }
    bool widens = types.in != types.out && UseFusedOperator(graph_, id, static_);
    for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
      ValueId in = graph_.node(id).inputs[i];
      if (!OfModel(in)) continue;
      ReadAs(id, i, OperandDType(graph_.node(id), i, origin_[in], types.in));
    }
    if (widens) graph_.node(id).attrs["output_dtype"] = std::string(DTypeName(types.out));
    for (ValueId out : std::vector<ValueId>(graph_.node(id).outputs)) {
      if (!OfModel(out)) continue;
      graph_.value(out).dtype = widens ? types.out : types.in;
      // No kernel writes another dtype than it reads: what reads the result reads a Cast of it.
      if (!widens && types.in != types.out) result_[out] = Cast(out, types.out);
    }
  }

  bool ReadsAnyDType(NodeId id) const {
    const Node& node = graph_.node(id);
    return node.Is("Cast") || node.Is("Shape") || node.Is("Size");
  }

  void ReadAs(NodeId id, size_t i, DType dtype) {
    ValueId cast = As(graph_.node(id).inputs[i], dtype);
    graph_.node(id).inputs[i] = cast;
  }

  ValueId As(ValueId value, DType dtype) {
    if (auto it = result_.find(value); it != result_.end()) value = it->second;
    return graph_.value(value).dtype == dtype ? value : Cast(value, dtype);
  }

  ValueId Cast(ValueId value, DType dtype) {
    auto [it, fresh] = casts_.try_emplace({value, dtype}, kNoValue);
    if (fresh) {
      std::string name = graph_.value(value).name + "/Cast";
      it->second =
          AddTyped(graph_, "Cast", std::move(name), {value},
                   {{"to", std::string(DTypeName(dtype))}}, dtype, graph_.value(value).shape);
    }
    return it->second;
  }

  Graph& graph_;
  const PrecisionPlan& plan_;
  StaticValues static_;
  std::vector<DType> origin_;  // by value, as the model has it
  std::map<std::pair<ValueId, DType>, ValueId> casts_;
  std::map<ValueId, ValueId> result_;  // a result -> its Cast that stands for it
};

}  // namespace

Status ApplyPrecision(Graph& graph, const PrecisionPlan& plan) {
  Caster(graph, plan).Run();
  return graph.Compact();
}

}  // namespace midstream::passes

// For each node, the dtypes that the rule of the mode wants, in order of preference; then the first
// of them for which there is a kernel. The rules are the rows of the table in docs/passes.md.
#include "core/passes/precision_plan.h"

#include <algorithm>

#include "core/passes/kernel_answers.h"
#include "core/passes/rewrite.h"

namespace midstream::passes {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr DType kF16 = DType::kF16;
constexpr DType kBF16 = DType::kBF16;

NodeTypes All(DType dtype) { return {dtype, dtype}; }

std::string Text(NodeTypes types) {
  std::string text(DTypeName(types.in));
  return types.in == types.out ? text : text + " -> " + std::string(DTypeName(types.out));
}

// One preference: these dtypes on the first backend, or on one of the others.
struct Wish {
  NodeTypes types;
  bool first;
};
using Wishes = std::vector<Wish>;

class Planner {
 public:
  Planner(const Graph& graph, const PrecisionPolicy& policy, const Kernels* kernels)
      : graph_(graph), policy_(policy), answers_(graph, kernels), static_(graph) {
    for (const Value& value : graph.values()) planned_.push_back(value.dtype);
    plan_.decisions.resize(graph.nodes().size());
  }

  Result<PrecisionPlan> Run() {
    std::vector<NodeId> open;
    for (NodeId id = 0; id < graph_.nodes().size(); ++id) {
      plan_.decisions[id].node = graph_.node(id).name;
      if (Decides(id)) open.push_back(id);
    }
    for (NodeId id : open) AskFor(id);
    MS_RETURN_IF_ERROR(answers_.Finish());
    for (NodeId id : open) MS_RETURN_IF_ERROR(Decide(id));
    plan_.notes = policy_.notes;
    NoteUnusedOverrides();
    return std::move(plan_);
  }

 private:
  bool Follows(const Node& node, size_t i) const {
    return node.inputs[i] != kNoValue && OperandFollows(node, i) &&
           IsPrecisionType(graph_.value(node.inputs[i]).dtype);
  }

  // The widest dtype that the model gives the operands; kInvalid when it has no float operand.
  DType OriginOf(const Node& node) const {
    DType origin = DType::kInvalid;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!Follows(node, i)) continue;
      DType dtype = graph_.value(node.inputs[i]).dtype;
      bool mixed = origin != DType::kInvalid && origin != dtype;
      origin = mixed ? kF32 : dtype;
    }
    return origin;
  }

  // Whether the policy has a say; writes the reason where it has not.
  bool Decides(NodeId id) {
    const Node& node = graph_.node(id);
    std::string& reason = plan_.decisions[id].reason;
    if (static_.Contains(node.outputs[0])) {
      reason = "derived from weights and constants only: rounded once, where it is read";
    } else if (node.Is("Cast")) {
      reason = "a Cast makes the dtype it names";
    } else if (node.Is("Shape") || node.Is("Size")) {
      reason = "reads shapes only";
    } else if (node.Is("PythonModel", kMidstreamDomain)) {
      reason = "takes and gives the dtypes that its package declares";
    } else if (OriginOf(node) == DType::kInvalid) {
      reason = "has no float operand of 16 or 32 bits";
    } else {
      return true;
    }
    return false;
  }

  const std::pair<const std::string, PrecisionOverride>* OverrideOf(const Node& node) const {
    const std::pair<const std::string, PrecisionOverride>* best = nullptr;
    for (const auto& entry : policy_.nodes) {
      if (!IsKept({entry.first}, node.name)) continue;
      if (best == nullptr || entry.first.size() > best->first.size()) best = &entry;
    }
    if (best != nullptr) return best;
    auto it = policy_.ops.find(ListName(graph_, node));
    return it != policy_.ops.end() ? &*it : nullptr;
  }

  NodeTypes TypesOf(const PrecisionOverride& asked, const Node& node) const {
    DType in = asked.dtype != DType::kInvalid ? asked.dtype : OriginOf(node);
    return {in, asked.output_dtype != DType::kInvalid ? asked.output_dtype : in};
  }

  void AskFor(NodeId id) {
    const Node& node = graph_.node(id);
    if (const auto* entry = OverrideOf(node)) {
      NodeTypes types = TypesOf(entry->second, node);
      answers_.Ask(id, types);
      answers_.Ask(id, All(types.in));
      return;
    }
    if (OnlyFloat(id)) return;
    for (DType dtype : {kF32, kF16, kBF16}) answers_.Ask(id, All(dtype));
    if (policy_.rule == PrecisionRule::kMatrixIn && IsMatrixOperator(node)) {
      answers_.Ask(id, {policy_.low, kF32});
    }
  }

  // Whatever the backends say, it computes in float32: no need to ask.
  bool OnlyFloat(NodeId id) const {
    const Node& node = graph_.node(id);
    return OriginOf(node) == kF32 && (policy_.rule == PrecisionRule::kOrigin || node.Is("Range") ||
                                      IsKept(policy_.keep, node.name));
  }

  Status Decide(NodeId id) {
    const Node& node = graph_.node(id);
    PrecisionDecision& decision = plan_.decisions[id];
    if (const auto* entry = OverrideOf(node)) return DecideAsAsked(id, *entry);
    DType origin = OriginOf(node);
    if (OnlyFloat(id)) {
      decision.types = All(kF32);
      decision.reason = WhyOrigin(node);
    } else {
      Choose(id, WishesFor(id, origin, &decision.reason), origin);
    }
    SetResults(node, decision.types.out);
    return OkStatus();
  }

  std::string WhyOrigin(const Node& node) const {
    if (IsKept(policy_.keep, node.name)) return "precision.keep: the dtype of the model";
    if (node.Is("Range")) return "Range counts: the dtype of the model";
    return Mode() + "the dtype of the model";
  }

  std::string Mode() const { return "mode " + policy_.mode + ": "; }

  Wishes WishesFor(NodeId id, DType origin, std::string* reason) const {
    const Node& node = graph_.node(id);
    const bool matrix = IsMatrixOperator(node);
    const std::string kind = matrix ? "a matrix operator" : "not a matrix operator";
    const std::string low(DTypeName(policy_.low));
    if (IsKept(policy_.keep, node.name) || node.Is("Range") ||
        policy_.rule == PrecisionRule::kOrigin) {
      *reason = WhyOrigin(node);
      return KeepOrigin(origin);
    }
    switch (policy_.rule) {
      case PrecisionRule::kForce:
        *reason = Mode() + low + " wherever there is a kernel";
        return {{All(policy_.low), true},  {All(origin), true},  {All(kF32), true},
                {All(policy_.low), false}, {All(origin), false}, {All(kF32), false}};
      case PrecisionRule::kAllowLow:
        *reason = Mode() + "the dtype of the model where there is a kernel";
        return {{All(origin), true},
                {All(policy_.low), true},
                {All(kF32), true},
                {All(origin), false},
                {All(kF32), false}};
      case PrecisionRule::kAllowHalf:
        return AllowHalf(origin, matrix, Mode() + kind, reason);
      case PrecisionRule::kMatrixIn:
        return MatrixIn(node, matrix, reason);
      default:
        return Mixed(id, origin, reason);
    }
  }

  static Wishes KeepOrigin(DType origin) {
    return {{All(origin), true}, {All(kF32), true}, {All(origin), false}, {All(kF32), false}};
  }

  static Wishes AllowHalf(DType origin, bool matrix, const std::string& why, std::string* reason) {
    if (origin == kBF16) {
      *reason = why + ", bfloat16 in the model";
      return {{All(kBF16), true},
              {All(kF32), true},
              {All(kF16), true},
              {All(kBF16), false},
              {All(kF32), false}};
    }
    *reason = why + (matrix ? ", prefers float16" : ", keeps the dtype of the model");
    if (matrix || origin == kF16) {
      return {{All(kF16), true}, {All(kF32), true}, {All(kF16), false}, {All(kF32), false}};
    }
    return {{All(kF32), true}, {All(kF16), true}, {All(kF32), false}};
  }

  Wishes MatrixIn(const Node& node, bool matrix, std::string* reason) const {
    if (matrix) {
      *reason = Mode() + "a matrix operator, float16 in and float32 out";
      return {{{kF16, kF32}, true},
              {All(kF32), true},
              {All(kF16), true},
              {{kF16, kF32}, false},
              {All(kF32), false}};
    }
    *reason = Mode() + "not a matrix operator, float32";
    bool black = ListOf(policy_, ListName(graph_, node)) == PrecisionList::kBlack;
    if (black) return {{All(kF32), true}, {All(kF32), false}};
    return {{All(kF32), true}, {All(kF16), true}, {All(kF32), false}};
  }

  Wishes Mixed(NodeId id, DType origin, std::string* reason) const {
    const Node& node = graph_.node(id);
    const std::string name(ListName(graph_, node));
    switch (ListOf(policy_, name)) {
      case PrecisionList::kWhite:
        *reason = Mode() + name + " is on the white list";
        return {{All(policy_.low), true},
                {All(kF32), true},
                {All(policy_.low), false},
                {All(kF32), false}};
      case PrecisionList::kBlack:
        *reason = Mode() + name + " is on the black list";
        return {{All(origin), true}, {All(origin), false}};
      case PrecisionList::kGray:
        return Gray(id, origin, reason);
      default:
        *reason = Mode() + name + " is on no list and keeps the dtype of the model";
        return KeepOrigin(origin);
    }
  }

  // What the data comes in; weights and constants can be had in any dtype.
  Wishes Gray(NodeId id, DType origin, std::string* reason) const {
    const Node& node = graph_.node(id);
    DType wide = DType::kInvalid;
    std::vector<std::string> producers;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!Follows(node, i) || static_.Contains(node.inputs[i])) continue;
      ValueId source = SkipCast(node.inputs[i]);
      DType dtype = planned_[source] == DType::kF64 ? kF32 : planned_[source];
      wide = wide == DType::kInvalid || wide == dtype ? dtype : kF32;
      producers.push_back(graph_.value(source).name + " (" + std::string(DTypeName(dtype)) + ")");
    }
    const std::string gray = Mode() + std::string(ListName(graph_, node)) + " is gray";
    if (wide == DType::kInvalid) {
      return AllowHalf(origin, IsMatrixOperator(node), gray + " and has no producer", reason);
    }
    *reason = gray + " and follows " + producers[0];
    for (size_t i = 1; i < std::min<size_t>(producers.size(), 3); ++i) {
      if (producers[i] != producers[0]) *reason += ", " + producers[i];
    }
    if (producers.size() > 3) *reason += ", ...";
    DType other = wide == kF32 ? policy_.low : kF32;  // higher, else lower
    return {{All(wide), true}, {All(other), true}, {All(wide), false}, {All(kF32), false}};
  }

  // The operand of a Cast of the model from the reduced dtype to float32, else the value itself.
  ValueId SkipCast(ValueId value) const {
    const Node* cast = Producer(graph_, value, "Cast");
    if (cast == nullptr || ListOf(policy_, "Cast") == PrecisionList::kBlack) return value;
    bool widens = planned_[cast->inputs[0]] == policy_.low && planned_[value] == kF32;
    return widens ? cast->inputs[0] : value;
  }

  // Dtypes in the order of the wishes; where none has a kernel, the node stays as it is and
  // placement says what is missing.
  void Choose(NodeId id, const Wishes& wishes, DType origin) {
    PrecisionDecision& decision = plan_.decisions[id];
    const NodeTypes wanted = wishes.front().types;
    for (const Wish& wish : wishes) {
      if (!(wish.first ? answers_.First(id, wish.types) : answers_.Fallback(id, wish.types))) {
        continue;
      }
      decision.types = wish.types;
      decision.met = wish.types == wanted;
      std::string lacks =
          "; no " + Text(wanted) + " kernel on " + std::string(answers_.FirstName());
      if (!wish.first) {
        lacks += ", runs on " + std::string(answers_.FallbackName(id, wish.types));
        if (!decision.met) lacks += " in " + Text(wish.types);
        decision.reason += lacks;
      } else if (!decision.met) {
        decision.reason += lacks + ", computes in " + Text(wish.types);
      }
      return;
    }
    decision.types = All(origin);
    decision.reason += "; no backend of the placement has a kernel for it";
  }

  Status DecideAsAsked(NodeId id, const std::pair<const std::string, PrecisionOverride>& entry) {
    const Node& node = graph_.node(id);
    const PrecisionOverride& asked = entry.second;
    NodeTypes types = TypesOf(asked, node);
    bool by_node = policy_.nodes.count(entry.first) != 0 && IsKept({entry.first}, node.name);
    std::string what = std::string(by_node ? "precision.node" : "precision.op") + " \"" +
                       entry.first + "\"" + (asked.origin.empty() ? "" : " at " + asked.origin);
    PrecisionDecision& decision = plan_.decisions[id];
    decision.types = types;
    decision.reason = what;
    const bool makes_float =
        std::any_of(node.outputs.begin(), node.outputs.end(),
                    [&](ValueId out) { return IsPrecisionType(graph_.value(out).dtype); });
    if (asked.output_dtype != DType::kInvalid && !makes_float) {
      decision.reason += "; output_dtype has no effect, as the result is no float";
    }
    SetResults(node, types.out);
    NodeTypes inner = All(types.in);
    if (answers_.First(id, types) || answers_.First(id, inner)) return OkStatus();
    bool widens = answers_.Fallback(id, types);
    if (widens || answers_.Fallback(id, inner)) {
      decision.reason += "; no such kernel on " + std::string(answers_.FirstName()) + ", runs on " +
                         std::string(answers_.FallbackName(id, widens ? types : inner));
      return OkStatus();
    }
    return Unimplemented(what + " asks for " + Text(types) +
                         ", and no backend of the placement has a " + node.op +
                         " kernel for it, as '" + node.name + "' needs");
  }

  void SetResults(const Node& node, DType dtype) {
    for (ValueId out : node.outputs) {
      if (IsPrecisionType(graph_.value(out).dtype)) planned_[out] = dtype;
    }
  }

  void NoteUnusedOverrides() {
    for (const auto& [name, asked] : policy_.nodes) {
      bool used = std::any_of(graph_.nodes().begin(), graph_.nodes().end(),
                              [&](const Node& node) { return IsKept({name}, node.name); });
      if (used) continue;
      plan_.notes.push_back("precision.node \"" + name + "\"" +
                            (asked.origin.empty() ? "" : " at " + asked.origin) +
                            " names no node of the optimised graph");
    }
  }

  const Graph& graph_;
  const PrecisionPolicy& policy_;
  KernelAnswers answers_;
  mutable StaticValues static_;  // remembers answers
  std::vector<DType> planned_;   // by value
  PrecisionPlan plan_;
};

bool IsMet(const PrecisionPlan& plan) {
  return std::all_of(plan.decisions.begin(), plan.decisions.end(),
                     [](const PrecisionDecision& decision) { return decision.met; });
}

// The nearest mode that every node can have; empty when there is none.
std::string NearestMode(const Graph& graph, const PrecisionPolicy& policy, const Kernels* kernels) {
  for (std::string_view mode : NearestModes(policy)) {
    auto other = PolicyForMode(mode);
    if (!other.ok()) continue;
    other->keep = policy.keep;
    auto plan = Planner(graph, *other, kernels).Run();
    if (plan.ok() && IsMet(*plan)) return std::string(mode);
  }
  return "";
}

}  // namespace

bool OperandFollows(const Node& node, size_t i) {
  for (const char* op : {"BatchNormalization", "LayerNormalization", "RMSNormalization",
                         "RotaryEmbedding", "Resize"}) {
    if (node.op == op) return i == 0;
  }
  if (node.op == "PythonModel") return false;
  if (node.op == "Attention") return i < 3;
  bool fused = node.domain == kMidstreamDomain && IsMatrixOperator(node);
  return !fused || i < 2;
}

DType OperandDType(const Node& node, size_t i, DType origin, DType dtype) {
  if (!OperandFollows(node, i)) return origin;
  const bool fused = node.domain == kMidstreamDomain && IsMatrixOperator(node);
  return fused && i == 1 && dtype == kF32 ? origin : dtype;
}

Result<PrecisionPlan> PlanPrecision(const Graph& graph, const PrecisionPolicy& policy,
                                    const Kernels* kernels) {
  MS_RETURN_IF_ERROR(CheckPolicy(policy));
  MS_ASSIGN_OR_RETURN(PrecisionPlan plan, Planner(graph, policy, kernels).Run());
  if (IsMet(plan)) return plan;
  std::string nearest = NearestMode(graph, policy, kernels);
  std::string offer = nearest.empty()
                          ? std::string("no other mode can be had there either")
                          : "the nearest mode that can be had there is '" + nearest + "'";
  std::string list;
  size_t count = 0;
  for (NodeId id = 0; id < plan.decisions.size(); ++id) {
    if (plan.decisions[id].met) continue;
    ++count;
    list += "\n  " + graph.node(id).op + " '" + plan.decisions[id].node +
            "': " + plan.decisions[id].reason;
  }
  std::string text = "precision mode '" + policy.mode + "' cannot be had for " +
                     std::to_string(count) + " node(s); " + offer;
  if (policy.refuse_unsupported) {
    return Unimplemented(text + list + "\n(precision.on_unsupported = \"error\")");
  }
  plan.notes.push_back(text);
  return plan;
}

}  // namespace midstream::passes

#include "core/formats/tensorflow/resolver.h"

#include <algorithm>
#include <array>

#include "core/formats/tensorflow/partitioned_lookup.h"
#include "core/formats/tensorflow/scalar.h"
#include "core/formats/tensorflow/tensor_proto.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kBoolType = 10;
constexpr int kDeepestNesting = 200;  // of conditionals
// Predicates seen while finding which conditional a Merge ends; more than this is no model.
constexpr uint64_t kMostVisits = 20'000'000;

constexpr std::array<std::string_view, 13> kPassThrough = {"Identity",
                                                           "RefIdentity",
                                                           "StopGradient",
                                                           "PreventGradient",
                                                           "CheckNumerics",
                                                           "Snapshot",
                                                           "PlaceholderWithDefault",
                                                           "ReadVariableOp",
                                                           "EnsureShape",
                                                           "Switch",
                                                           "RefSwitch",
                                                           "DebugGradientIdentity",
                                                           "Print"};

bool IsPassThrough(std::string_view op) {
  return std::find(kPassThrough.begin(), kPassThrough.end(), op) != kPassThrough.end();
}
// Bits of a side set.
constexpr int kFalseSide = 1;
constexpr int kTrueSide = 2;
constexpr int kBothSides = 3;

bool IsSwitch(std::string_view op) { return op == "Switch" || op == "RefSwitch"; }
bool IsMerge(std::string_view op) { return op == "Merge" || op == "RefMerge"; }

}  // namespace

Result<TensorRef> Resolver::Resolve(TensorRef ref, int depth) {
  if (auto known = resolved_.find(ref); known != resolved_.end()) return known->second;
  if (depth > kDeepestNesting) {
    return InvalidArgument(Describe(graph_.node(ref.node)) +
                           ": conditionals are nested too deeply or form a cycle");
  }
  TensorRef current = ref;
  std::vector<TensorRef> trail;  // all of it comes to the same, so that no chain is walked twice
  while (true) {
    trail.push_back(current);
    // What is looked through has at least one input for each of its outputs.
    if (trail.size() > graph_.input_count() + 1) {
      return InvalidArgument("the graph has a cycle through " + Describe(graph_.node(ref.node)));
    }
    MS_ASSIGN_OR_RETURN(std::optional<TensorRef> next, Next(current, depth));
    if (!next) break;
    current = *next;
    if (auto known = resolved_.find(current); known != resolved_.end()) {
      current = known->second;
      break;
    }
  }
  for (TensorRef passed : trail) resolved_.emplace(passed, current);
  return current;
}

Result<std::optional<TensorRef>> Resolver::Next(TensorRef ref, int depth) {
  std::optional<TensorRef> next;
  if (cut_.count(ref) > 0) return next;
  const NodeDef& node = graph_.node(ref.node);
  bool pass_through = IsPassThrough(node.op);
  if (pass_through || node.op == "IdentityN") {
    MS_ASSIGN_OR_RETURN(TensorRef input, graph_.DataInput(ref.node, pass_through ? 0 : ref.output));
    if (!WaitsForChange(ref.node, input)) next = input;
    return next;
  }
  if (ref.output != 0) return next;
  if (node.op == kChoose) return NextOfChoose(ref, depth);
  if (IsMerge(node.op)) return NextOfMerge(ref, depth);
  if (keep_dropout_) return next;
  if (std::optional<DropoutMatch> match = MatchDropout(graph_, cut_, ref)) {
    next = match->input;
    dropouts_.emplace(ref.node, *std::move(match));
  }
  return next;
}

// Reads that wait for an operator which changes their variable do not give the stored value.
bool Resolver::WaitsForChange(uint32_t reader, TensorRef variable) const {
  if (!IsVariable(graph_.node(variable.node).op)) return false;
  for (uint32_t control : graph_.ControlInputs(reader)) {
    if (!WritesVariable(graph_.node(control).op)) continue;
    auto changed = graph_.DataInput(control, 0);
    if (changed.ok() && *changed == variable) return true;
  }
  return false;
}

Result<std::optional<TensorRef>> Resolver::NextOfMerge(TensorRef ref, int depth) {
  std::optional<TensorRef> next;
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(ref.node));
  for (TensorRef& input : inputs) {
    MS_ASSIGN_OR_RETURN(input, Resolve(input, depth + 1));
  }
  if (!inputs.empty() && std::count(inputs.begin(), inputs.end(), inputs[0]) ==
                             static_cast<std::ptrdiff_t>(inputs.size())) {
    next = inputs[0];
    return next;
  }
  auto choice = FindChoice(ref.node, depth);
  if (!choice.ok()) return next;  // reported when the Merge is translated
  if (std::optional<double> known = Known(choice->predicate, depth)) {
    next = *known != 0 ? choice->if_true : choice->if_false;
  }
  return next;
}

// The branch that is not taken is not even looked at: it may hold what only training can compute.
Result<std::optional<TensorRef>> Resolver::NextOfChoose(TensorRef ref, int depth) {
  std::optional<TensorRef> next;
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(ref.node));
  if (inputs.size() < 2)
    return InvalidArgument(Describe(graph_.node(ref.node)) + " chooses nothing");
  MS_ASSIGN_OR_RETURN(TensorRef selector, Resolve(inputs[0], depth + 1));
  if (std::optional<double> known = Known(selector, depth)) {
    auto last = static_cast<double>(inputs.size() - 2);
    bool inside = *known >= 0 && *known <= last;
    next = inputs[1 + static_cast<size_t>(inside ? *known : last)];
    return next;
  }
  std::optional<TensorRef> same;
  for (size_t i = 1; i < inputs.size(); ++i) {
    MS_ASSIGN_OR_RETURN(TensorRef value, Resolve(inputs[i], depth + 1));
    if (same && value != *same) return next;
    same = value;
  }
  return same;
}

std::optional<double> Resolver::Known(TensorRef scalar, int depth) {
  if (auto bound = bound_.find(scalar); bound != bound_.end()) return bound->second;
  if (cut_.count(scalar) > 0 || depth > kDeepestNesting) return std::nullopt;
  if (auto known = known_.find(scalar); known != known_.end()) return known->second;
  std::optional<double> value = Compute(scalar, depth);
  known_.emplace(scalar, value);
  return value;
}

std::optional<double> Resolver::Compute(TensorRef scalar, int depth) {
  const NodeDef& node = graph_.node(scalar.node);
  if (scalar.output != 0) return std::nullopt;
  if (node.op == "Const") {
    const AttrValue* value = graph_.Attr(node, "value", AttrKind::kTensor);
    if (value == nullptr) return std::nullopt;
    auto tensor = DecodeTensor(value->bytes);
    return tensor.ok() ? ScalarValue(*tensor) : std::nullopt;
  }
  bool to_bool = node.op == "Cast" && graph_.Type(node, "DstT") == kBoolType;
  if (!to_bool && !IsPredicateOperator(node.op)) return std::nullopt;
  std::vector<double> operands;
  for (size_t i = 0; i < std::min<size_t>(graph_.DataInputCount(scalar.node), 3); ++i) {
    auto input = graph_.DataInput(scalar.node, i);
    if (input.ok()) input = Resolve(*input, depth + 1);
    if (!input.ok()) return std::nullopt;
    std::optional<double> value = Known(*input, depth + 1);
    if (!value) return std::nullopt;
    operands.push_back(*value);
  }
  if (!to_bool) return ComputePredicate(node.op, operands);
  return operands.size() == 1 ? std::optional(operands[0] != 0 ? 1.0 : 0.0) : std::nullopt;
}

// What the inputs of a Merge tell about its predicate: sides that exclude each other.
std::vector<TensorRef> Resolver::ClosedBy(const SideSet& first, const SideSet& second) {
  std::vector<TensorRef> closed;
  for (auto [predicate, side] : first) {
    auto other = second.find(predicate);
    if (other != second.end() && (side ^ other->second) == kBothSides) closed.push_back(predicate);
  }
  return closed;
}

Result<Resolver::SideSet> Resolver::SidesOf(TensorRef ref, int depth) {
  SideSet sides = sides_[ref.node];
  if (!IsSwitch(graph_.node(ref.node).op)) return sides;
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(ref.node));
  if (inputs.size() != 2) return sides;
  MS_ASSIGN_OR_RETURN(TensorRef predicate, Resolve(inputs[1], depth + 1));
  sides[predicate] |= ref.output == 0 ? kFalseSide : kTrueSide;
  return sides;
}

// Requires: the sides of every input are known, or the input is the back edge of a loop.
Status Resolver::JoinSides(uint32_t node, int depth) {
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(node));
  std::vector<SideSet> of_inputs;
  for (TensorRef input : inputs) {
    if (cut_.count(input) > 0) continue;
    MS_ASSIGN_OR_RETURN(of_inputs.emplace_back(), SidesOf(input, depth));
  }
  const bool merges = IsMerge(graph_.node(node).op) && of_inputs.size() == 2;
  std::vector<TensorRef> closed;
  if (merges) closed = ClosedBy(of_inputs[0], of_inputs[1]);
  for (uint32_t control : graph_.ControlInputs(node)) {
    MS_ASSIGN_OR_RETURN(of_inputs.emplace_back(), SidesOf({control, 0}, depth));
  }
  SideSet all;
  for (const SideSet& sides : of_inputs) {
    visited_ += 1 + sides.size();
    for (auto [predicate, side] : sides) all[predicate] |= side;
  }
  // What a conditional returns depends on its predicate no more than on any other value.
  for (TensorRef predicate : closed) all.erase(predicate);
  if (visited_ > kMostVisits) {
    return InvalidArgument("the graph has too many conditionals to follow");
  }
  sides_[node] = std::move(all);
  return OkStatus();
}

Status Resolver::FindSides(uint32_t root, int depth) {
  if (sides_found_.empty()) sides_found_.resize(graph_.nodes().size(), false);
  std::vector<std::pair<uint32_t, bool>> stack = {{root, false}};  // node, inputs are done
  while (!stack.empty()) {
    auto [node, ready] = stack.back();
    if (ready) {
      stack.pop_back();
      MS_RETURN_IF_ERROR(JoinSides(node, depth));
      continue;
    }
    if (sides_found_[node]) {
      stack.pop_back();
      continue;
    }
    sides_found_[node] = true;
    stack.back().second = true;
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(node));
    for (TensorRef input : inputs) {
      if (cut_.count(input) == 0) stack.emplace_back(input.node, false);
    }
    for (uint32_t control : graph_.ControlInputs(node)) stack.emplace_back(control, false);
  }
  return OkStatus();
}

Result<Resolver::Choice> Resolver::FindChoice(uint32_t merge, int depth) {
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(merge));
  std::string what = Describe(graph_.node(merge));
  if (inputs.size() != 2) return Unimplemented(what + " does not join two branches");
  std::array<SideSet, 2> sides;
  for (size_t i = 0; i < 2; ++i) {
    MS_RETURN_IF_ERROR(FindSides(inputs[i].node, depth));
    MS_ASSIGN_OR_RETURN(sides[i], SidesOf(inputs[i], depth));
  }
  const std::vector<TensorRef> closed = ClosedBy(sides[0], sides[1]);
  if (closed.empty()) return Unimplemented(what + " is not part of a conditional (a loop?)");
  if (closed.size() > 1) return Unimplemented(what + " depends on several predicates");
  const bool first_is_true = sides[0].at(closed[0]) == kTrueSide;
  return first_is_true ? Choice{closed[0], inputs[0], inputs[1]}
                       : Choice{closed[0], inputs[1], inputs[0]};
}

Result<std::vector<TensorRef>> Resolver::Inputs(uint32_t node) {
  if (IsStitch(graph_.node(node).op)) {
    return FindPartitionedLookup(graph_, cut_, node,
                                 [this](TensorRef ref) { return Resolve(ref); });
  }
  std::vector<TensorRef> inputs;
  if (IsMerge(graph_.node(node).op)) {
    MS_ASSIGN_OR_RETURN(Choice choice, FindChoice(node, 0));
    inputs = {choice.predicate, choice.if_true, choice.if_false};
  } else {
    MS_ASSIGN_OR_RETURN(inputs, graph_.DataInputs(node));
  }
  for (TensorRef& input : inputs) {
    MS_ASSIGN_OR_RETURN(input, Resolve(input, 0));
  }
  return inputs;
}

}  // namespace midstream::tensorflow

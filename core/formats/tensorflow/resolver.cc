#include "core/formats/tensorflow/resolver.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "core/formats/tensorflow/tensor_proto.h"

namespace midstream::tensorflow {
namespace {

constexpr int kDeepestNesting = 200;  // of conditionals
// Finding a conditional's predicate walks what its branches depend on; more than this is no model.
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
  for (size_t steps = 0;; ++steps) {
    if (steps > graph_.nodes().size()) {
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
  resolved_.emplace(ref, current);
  return current;
}

Result<std::optional<TensorRef>> Resolver::Next(TensorRef ref, int depth) {
  std::optional<TensorRef> next;
  if (cut_.count(ref) > 0) return next;
  const NodeDef& node = graph_.node(ref.node);
  bool pass_through = IsPassThrough(node.op);
  if (pass_through || node.op == "IdentityN") {
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(ref.node));
    size_t idx = pass_through ? 0 : ref.output;
    if (idx >= inputs.size()) return InvalidArgument(Describe(node) + " has too few inputs");
    next = inputs[idx];
    return next;
  }
  if (ref.output != 0) return next;
  if (IsMerge(node.op)) return NextOfMerge(ref, depth);
  if (std::optional<DropoutMatch> match = MatchDropout(graph_, cut_, ref)) {
    next = match->input;
    dropouts_.emplace(ref.node, *std::move(match));
  }
  return next;
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
  if (std::optional<bool> known = Known(choice->predicate)) {
    next = *known ? choice->if_true : choice->if_false;
  }
  return next;
}

std::optional<bool> Resolver::Known(TensorRef predicate) const {
  auto bound = predicates_.find(predicate);
  if (bound != predicates_.end()) return bound->second;
  const NodeDef& node = graph_.node(predicate.node);
  if (node.op != "Const" || cut_.count(predicate) > 0) return std::nullopt;
  const AttrValue* value = graph_.Attr(node, "value", AttrKind::kTensor);
  if (value == nullptr) return std::nullopt;
  auto tensor = DecodeTensor(value->bytes);
  if (!tensor.ok() || tensor->dtype() != DType::kBool || tensor->count() != 1) return std::nullopt;
  return tensor->as<uint8_t>()[0] != 0;
}

Result<std::map<TensorRef, int>> Resolver::Sides(TensorRef ref, int depth) {
  std::map<TensorRef, int> sides;
  std::unordered_set<uint32_t> seen;
  std::vector<TensorRef> stack = {ref};
  while (!stack.empty()) {
    TensorRef current = stack.back();
    stack.pop_back();
    if (cut_.count(current) > 0) continue;
    if (++visited_ > kMostVisits) {
      return InvalidArgument("the graph has too many conditionals to follow");
    }
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(current.node));
    visited_ += inputs.size();
    if (IsSwitch(graph_.node(current.node).op) && inputs.size() == 2) {
      MS_ASSIGN_OR_RETURN(TensorRef predicate, Resolve(inputs[1], depth + 1));
      sides[predicate] |= current.output == 0 ? 1 : 2;
    }
    if (!seen.insert(current.node).second) continue;
    stack.insert(stack.end(), inputs.begin(), inputs.end());
    for (uint32_t node : graph_.ControlInputs(current.node)) stack.push_back({node, 0});
  }
  return sides;
}

Result<Resolver::Choice> Resolver::FindChoice(uint32_t merge, int depth) {
  MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(merge));
  std::string what = Describe(graph_.node(merge));
  if (inputs.size() != 2) return Unimplemented(what + " does not join two branches");
  MS_ASSIGN_OR_RETURN(auto first, Sides(inputs[0], depth));
  MS_ASSIGN_OR_RETURN(auto second, Sides(inputs[1], depth));
  std::optional<Choice> found;
  for (auto [predicate, side] : first) {
    auto other = second.find(predicate);
    if (other == second.end() || side + other->second != 3 || side == 3 || side == 0) continue;
    if (found) return Unimplemented(what + " depends on several predicates");
    found = side == 2 ? Choice{predicate, inputs[0], inputs[1]}
                      : Choice{predicate, inputs[1], inputs[0]};
  }
  if (!found) return Unimplemented(what + " is not part of a conditional (a loop?)");
  return *found;
}

Result<std::vector<TensorRef>> Resolver::Inputs(uint32_t node) {
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

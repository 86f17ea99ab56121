#include "core/formats/tensorflow/functions.h"

#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/formats/file.h"
#include "core/formats/tensorflow/function_template.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr uint32_t kDeepestCalls = 100;
constexpr uint64_t kMostResults = 1 << 16;
// What is made for calls may take this much, and some times the size of the library: a body is
// called more than once.
constexpr uint64_t kMostBytes = uint64_t{64} << 20;
constexpr uint64_t kMostTimesLibrary = 32;
constexpr int64_t kBoolType = 10;

std::string TypeList(const std::vector<int64_t>& types) {
  std::string numbers;
  for (int64_t type : types) {
    for (auto rest = static_cast<uint64_t>(type);; rest >>= 7) {
      numbers += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      if (rest <= 0x7f) break;
    }
  }
  std::string size;
  for (uint64_t rest = numbers.size();; rest >>= 7) {
    size += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  return "\x32" + size + numbers;  // field 6, packed
}

AttrValue TypeValue(int64_t type) { return {AttrKind::kType, static_cast<uint64_t>(type), {}}; }

// What a copy of a body gives to the node that calls it.
struct Results {
  std::vector<std::string_view> tensors;
  std::vector<int64_t> types;
  std::vector<std::string_view> controls;  // nodes that run whenever the function does
};

class Inliner {
 public:
  explicit Inliner(MetaGraph* meta) : meta_(*meta) {
    for (const FunctionDef& function : meta_.functions) {
      library_.emplace(function.name, &function);
      most_bytes_ += kMostTimesLibrary * function.bytes.size();
    }
    for (const OpDef& op : meta_.ops) ops_.emplace(op.name, &op);
    for (const NodeDef& node : meta_.nodes) names_.insert(node.name);
  }

  InlinedCalls Run() {
    frames_of_.resize(meta_.nodes.size(), 0);
    // Bodies are appended, and may call on.
    for (uint32_t i = 0; i < meta_.nodes.size(); ++i) {
      Status status = Expand(i);
      if (!status.ok()) inlined_.problems.emplace(i, status.message());
    }
    DefineOperators();
    return std::move(inlined_);
  }

 private:
  // One copied body; frame 0 is the graph itself.
  struct Frame {
    uint32_t parent = 0;
    uint32_t depth = 0;
    const FunctionTemplate* function = nullptr;
  };

  Status Expand(uint32_t idx) {
    std::string_view op = meta_.nodes[idx].op;
    if (op == "PartitionedCall" || op == "StatefulPartitionedCall") return ExpandCall(idx, "f");
    if (op == "If" || op == "StatelessIf") {
      MS_ASSIGN_OR_RETURN(FunctionCall on_false, CallOf(idx, "else_branch"));
      MS_ASSIGN_OR_RETURN(FunctionCall on_true, CallOf(idx, "then_branch"));
      return ExpandChoice(idx, {{"else", on_false}, {"then", on_true}});
    }
    if (op == "Case" || op == "StatelessCase") return ExpandCase(idx);
    if (library_.count(op) > 0) return ExpandCall(idx, "");
    return OkStatus();
  }

  // The function that an attribute names; without an attribute, the node's operator.
  Result<FunctionCall> CallOf(uint32_t idx, std::string_view attr) const {
    const NodeDef& node = meta_.nodes[idx];
    if (attr.empty()) return FunctionCall{node.op, node.attrs};
    const AttrValue* value = FindAttr(node.attrs, attr);
    if (value == nullptr || value->kind != AttrKind::kFunction) {
      return InvalidArgument("does not say which function is its " + std::string(attr));
    }
    return DecodeFunctionCall(value->bytes);
  }

  Status ExpandCall(uint32_t idx, std::string_view attr) {
    MS_ASSIGN_OR_RETURN(FunctionCall call, CallOf(idx, attr));
    std::vector<std::string_view> arguments = DataInputs(idx);
    MS_ASSIGN_OR_RETURN(Results results, Copy(call, idx, "", arguments));
    Replace(idx, results);
    return OkStatus();
  }

  Status ExpandCase(uint32_t idx) {
    const AttrValue* list = FindAttr(meta_.nodes[idx].attrs, "branches");
    if (list == nullptr || list->kind != AttrKind::kList) {
      return InvalidArgument("does not say which functions are its branches");
    }
    MS_ASSIGN_OR_RETURN(std::vector<FunctionCall> calls, DecodeFunctionList(list->bytes));
    if (calls.empty()) return InvalidArgument("has no branches");
    std::vector<std::pair<std::string, FunctionCall>> branches;
    for (size_t i = 0; i < calls.size(); ++i) {
      branches.emplace_back("branch" + std::to_string(i), std::move(calls[i]));
    }
    return ExpandChoice(idx, branches);
  }

  Status ExpandChoice(uint32_t idx,
                      const std::vector<std::pair<std::string, FunctionCall>>& branches) {
    std::vector<std::string_view> arguments = DataInputs(idx);
    if (arguments.empty()) return InvalidArgument("has no predicate");
    std::string_view selector = arguments[0];
    arguments.erase(arguments.begin());
    std::vector<Results> results;
    for (const auto& [suffix, call] : branches) {
      MS_ASSIGN_OR_RETURN(Results branch, Copy(call, idx, suffix, arguments));
      results.push_back(std::move(branch));
      if (results.back().tensors.size() != results[0].tensors.size()) {
        return InvalidArgument("has branches with different numbers of results");
      }
    }
    selector = AsSelector(idx, selector);
    Results chosen;
    chosen.types = results[0].types;
    for (size_t k = 0; k < results[0].tensors.size(); ++k) {
      NodeDef node;
      node.name = NewName(meta_.nodes[idx].name, "choice" + std::to_string(k));
      node.op = kChoose;
      node.attrs = {{"T", TypeValue(chosen.types[k])}};
      node.inputs = {selector};
      for (const Results& branch : results) node.inputs.push_back(branch.tensors[k]);
      MS_RETURN_IF_ERROR(Charge(node));
      chosen.tensors.push_back(node.name);
      Append(std::move(node), frames_of_[idx]);
    }
    for (Results& branch : results) {
      chosen.controls.insert(chosen.controls.end(), branch.controls.begin(), branch.controls.end());
    }
    Replace(idx, chosen);
    return OkStatus();
  }

  // If takes numbers too: all but 0 are true.
  std::string_view AsSelector(uint32_t idx, std::string_view selector) {
    const NodeDef& choice = meta_.nodes[idx];
    const AttrValue* type = FindAttr(choice.attrs, "Tcond");
    if (type == nullptr || type->kind != AttrKind::kType || type->number == kBoolType) {
      return selector;
    }
    NodeDef cast;
    cast.name = NewName(choice.name, "predicate");
    cast.op = "Cast";
    cast.inputs = {selector};
    cast.attrs = {{"SrcT", *type}, {"DstT", TypeValue(kBoolType)}};
    std::string_view name = cast.name;
    Append(std::move(cast), frames_of_[idx]);
    return name;
  }

  std::vector<std::string_view> DataInputs(uint32_t idx) const {
    std::vector<std::string_view> inputs;
    for (std::string_view input : meta_.nodes[idx].inputs) {
      if (!input.starts_with('^')) inputs.push_back(input);
    }
    return inputs;
  }

  // Copies the body of a function behind the graph's nodes. Results are in the graph's grammar.
  Result<Results> Copy(const FunctionCall& call, uint32_t caller, std::string_view suffix,
                       const std::vector<std::string_view>& arguments) {
    MS_ASSIGN_OR_RETURN(const FunctionTemplate* function, Find(call.name));
    MS_ASSIGN_OR_RETURN(uint32_t frame, Enter(function, frames_of_[caller]));
    BodyCopy copy{*function, call.attrs, arguments, {}, {}, 0, {}};
    uint64_t first = 0;
    for (const OpDef::Arg& arg : function->body.signature.inputs) {
      uint64_t count = CountTensors(arg, call.attrs, function->body.signature.defaults);
      copy.first_arguments.push_back(first);
      first += count;
    }
    copy.first_arguments.push_back(first);
    if (first != arguments.size()) {
      return InvalidArgument("passes " + std::to_string(arguments.size()) + " values to function " +
                             Quoted(call.name) + ", which takes " + std::to_string(first));
    }
    std::string prefix(meta_.nodes[caller].name);
    if (!suffix.empty()) prefix += "/" + std::string(suffix);
    for (const NodeDef& node : function->body.nodes) {
      MS_RETURN_IF_ERROR(Charge(node, prefix.size()));
      copy.names.push_back(NewName(prefix, node.name));
    }
    copy.first_node = meta_.nodes.size();
    for (size_t i = 0; i < copy.names.size(); ++i) Append(CopyNode(copy, i), frame);
    for (size_t i = 0; i < copy.names.size(); ++i) MS_RETURN_IF_ERROR(CopyInputs(copy, i));
    return ResultsOf(copy);
  }

  // A body on its way into the graph.
  struct BodyCopy {
    const FunctionTemplate& function;
    const AttrMap& attrs;  // of the call
    const std::vector<std::string_view>& arguments;
    std::vector<uint64_t> first_arguments;  // of each argument of the signature, and the end
    std::vector<std::string_view> names;    // of the body's nodes in the graph
    size_t first_node = 0;                  // of the copies
    std::unordered_map<uint32_t, std::string_view> assumed;  // node -> its only output
  };

  Result<const FunctionTemplate*> Find(std::string_view name) {
    auto known = templates_.find(name);
    if (known == templates_.end()) {
      auto function = library_.find(name);
      if (function == library_.end()) {
        return NotFound("calls function " + Quoted(name) + ", which the file does not have");
      }
      known = templates_.emplace(name, FunctionTemplate::Make(*function->second)).first;
    }
    if (!known->second.ok()) return known->second.status();
    return &*known->second;
  }

  Result<uint32_t> Enter(const FunctionTemplate* function, uint32_t parent) {
    for (uint32_t at = parent; at != 0; at = frames_[at].parent) {
      if (frames_[at].function == function) {
        return InvalidArgument("calls function " + Quoted(function->name) + ", which calls itself");
      }
    }
    uint32_t depth = frames_[parent].depth + 1;
    if (depth > kDeepestCalls) {
      return InvalidArgument("calls function " + Quoted(function->name) +
                             ", with which calls are nested more than " +
                             std::to_string(kDeepestCalls) + " deep");
    }
    frames_.push_back({parent, depth, function});
    return static_cast<uint32_t>(frames_.size() - 1);
  }

  NodeDef CopyNode(const BodyCopy& copy, size_t i) {
    const NodeDef& from = copy.function.body.nodes[i];
    NodeDef node{copy.names[i], from.op, {}, from.attrs};
    for (auto& [key, value] : node.attrs) Bind(copy, &value);
    return node;
  }

  Status CopyInputs(BodyCopy& copy, size_t i) {
    std::vector<std::string_view> inputs;
    for (std::string_view input : copy.function.body.nodes[i].inputs) {
      if (!input.starts_with('^')) {
        MS_RETURN_IF_ERROR(AddTensors(copy, input, std::nullopt, &inputs));
      } else if (auto to = copy.function.nodes.find(input.substr(1));
                 to != copy.function.nodes.end()) {
        inputs.push_back(Keep("^" + std::string(copy.names[to->second])));
      }
    }
    meta_.nodes[copy.first_node + i].inputs = std::move(inputs);
    return OkStatus();
  }

  // Attributes of a body may be those of the call.
  void Bind(const BodyCopy& copy, AttrValue* value) {
    if (value->kind == AttrKind::kPlaceholder) {
      const AttrValue* bound = FindAttr(copy.attrs, value->bytes);
      if (bound == nullptr) bound = FindAttr(copy.function.body.signature.defaults, value->bytes);
      if (bound != nullptr) *value = *bound;
    }
  }

  // The graph's names for what a body calls `text`: a list where that is one. `count` tensors of
  // it, or all.
  Status AddTensors(BodyCopy& copy, std::string_view text, std::optional<uint64_t> count,
                    std::vector<std::string_view>* out) {
    BodyRef ref = ParseBodyRef(text);
    if (auto arg = copy.function.arguments.find(ref.name); arg != copy.function.arguments.end()) {
      uint64_t first = copy.first_arguments[arg->second];
      uint64_t size = copy.first_arguments[arg->second + 1] - first;
      uint64_t index = ref.index.value_or(0);
      uint64_t wanted = ref.index ? 1 : count.value_or(size);
      if (index + wanted > size) return Dangling(copy, text);
      for (uint64_t k = 0; k < wanted; ++k) out->push_back(copy.arguments[first + index + k]);
      return OkStatus();
    }
    auto node = copy.function.nodes.find(ref.name);
    if (node == copy.function.nodes.end()) return Dangling(copy, text);
    MS_ASSIGN_OR_RETURN(uint64_t first, FirstOutput(copy, node->second, ref.output, text));
    first += ref.index.value_or(0);
    for (uint64_t k = 0; k < count.value_or(1); ++k) {
      std::string_view name = copy.names[node->second];
      bool plain = first + k == 0;
      out->push_back(plain ? name : Keep(std::string(name) + ":" + std::to_string(first + k)));
    }
    return OkStatus();
  }

  static Status Dangling(const BodyCopy& copy, std::string_view text) {
    return InvalidArgument("calls function " + Quoted(copy.function.name) + ", which reads " +
                           Quoted(text) + " and has no such tensor");
  }

  // The number of the first tensor of a node's output that has this name.
  Result<uint64_t> FirstOutput(BodyCopy& copy, uint32_t idx, std::string_view output,
                               std::string_view text) {
    if (output.empty()) return 0;
    const NodeDef& node = meta_.nodes[copy.first_node + idx];
    uint64_t first = 0;
    if (const OpDef* op = Definition(node.op)) {
      for (const OpDef::Arg& arg : op->outputs) {
        if (arg.name == output) return first;
        first += CountTensors(arg, node.attrs, op->defaults);
      }
      return Dangling(copy, text);
    }
    std::vector<std::string_view> names = OutputNames(node.op);
    // An operator that nothing is known of: its one output, unless it turns out to have two.
    if (names.empty()) names = {copy.assumed.emplace(idx, output).first->second};
    for (; first < names.size(); ++first) {
      if (names[first] == output) return first;
    }
    return InvalidArgument("calls function " + Quoted(copy.function.name) + ", which reads " +
                           Quoted(text) + " of the operator " + Quoted(node.op) +
                           " that the file does not define");
  }

  const OpDef* Definition(std::string_view op) {
    if (auto known = ops_.find(op); known != ops_.end()) return known->second;
    auto function = Find(op);
    return function.ok() ? &(*function)->body.signature : nullptr;
  }

  Result<Results> ResultsOf(BodyCopy& copy) {
    Results results;
    const FunctionBody& body = copy.function.body;
    std::unordered_map<std::string_view, std::string_view> sources(body.results.begin(),
                                                                   body.results.end());
    for (const OpDef::Arg& arg : body.signature.outputs) {
      auto source = sources.find(arg.name);
      uint64_t count = CountTensors(arg, copy.attrs, body.signature.defaults);
      if (source == sources.end() || count > kMostResults) {
        return InvalidArgument("calls function " + Quoted(copy.function.name) +
                               ", which does not give its result " + Quoted(arg.name));
      }
      MS_RETURN_IF_ERROR(AddTensors(copy, source->second, count, &results.tensors));
      std::vector<int64_t> types = TensorTypes(arg, count, copy.attrs, body.signature.defaults);
      results.types.insert(results.types.end(), types.begin(), types.end());
      if (results.types.size() != results.tensors.size()) return Dangling(copy, source->second);
    }
    for (const auto& [unused, node] : body.control_results) {
      auto found = copy.function.nodes.find(node);
      if (found == copy.function.nodes.end()) continue;
      results.controls.push_back(Keep("^" + std::string(copy.names[found->second])));
    }
    return results;
  }

  // The caller stands for the results from now on.
  void Replace(uint32_t idx, const Results& results) {
    NodeDef& node = meta_.nodes[idx];
    std::vector<std::string_view> inputs = results.tensors;
    for (std::string_view input : node.inputs) {
      if (input.starts_with('^')) inputs.push_back(input);
    }
    inputs.insert(inputs.end(), results.controls.begin(), results.controls.end());
    node.inputs = std::move(inputs);
    AttrMap attrs = {{"T", {AttrKind::kList, 0, Keep(TypeList(results.types))}}};
    if (const AttrValue* shapes = FindAttr(node.attrs, "_output_shapes")) {
      attrs.emplace_back("_output_shapes", *shapes);
    }
    node.attrs = std::move(attrs);
    node.op = "IdentityN";
  }

  // The file may not define what the calls have become.
  void DefineOperators() {
    if (ops_.count("IdentityN") == 0) {
      OpDef op;
      op.name = "IdentityN";
      op.outputs = {{"output", 0, "", "T", ""}};
      meta_.ops.push_back(std::move(op));
    }
    OpDef choose;
    choose.name = kChoose;
    choose.outputs = {{"output", 0, "T", "", ""}};
    meta_.ops.push_back(std::move(choose));
  }

  Status Charge(const NodeDef& node, size_t more = 0) {
    size_t names = node.name.size() + more;
    for (std::string_view input : node.inputs) names += input.size() + more;
    bytes_ += sizeof(NodeDef) + names + node.inputs.size() * sizeof(std::string) +
              node.attrs.size() * sizeof(node.attrs[0]);
    if (bytes_ <= most_bytes_) return OkStatus();
    return InvalidArgument("calls functions that come to more than " +
                           std::to_string(most_bytes_ >> 20) + " MiB of nodes");
  }

  void Append(NodeDef node, uint32_t frame) {
    meta_.nodes.push_back(std::move(node));
    frames_of_.push_back(frame);
  }

  std::string_view Keep(std::string text) { return inlined_.strings.emplace_back(std::move(text)); }

  std::string_view NewName(std::string_view prefix, std::string_view name) {
    std::string text = std::string(prefix) + "/" + std::string(name);
    size_t length = text.size();
    while (names_.count(text) > 0) {
      text.resize(length);
      text += "_" + std::to_string(++renamed_);
    }
    std::string_view kept = Keep(std::move(text));
    names_.insert(kept);
    return kept;
  }

  MetaGraph& meta_;
  std::unordered_map<std::string_view, const FunctionDef*> library_;
  std::unordered_map<std::string_view, const OpDef*> ops_;
  std::unordered_map<std::string_view, Result<FunctionTemplate>> templates_;
  std::unordered_set<std::string_view> names_;
  std::vector<Frame> frames_ = {{}};
  std::vector<uint32_t> frames_of_;  // of each node
  uint64_t bytes_ = 0;
  uint64_t most_bytes_ = kMostBytes;
  uint64_t renamed_ = 0;
  InlinedCalls inlined_;
};

}  // namespace

InlinedCalls InlineFunctions(MetaGraph* meta) {
  if (meta->functions.empty()) return {};
  return Inliner(meta).Run();
}

}  // namespace midstream::tensorflow

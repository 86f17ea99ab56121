#include "core/formats/tensorflow/tf_graph.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "core/formats/file.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

struct ParsedName {
  std::string_view node;
  uint32_t output = 0;
};

// Splits "name:k"; a suffix that is no number belongs to the name.
ParsedName Parse(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {text, 0};
  std::string_view digits = text.substr(colon + 1);
  uint32_t output = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), output);
  if (error != std::errc() || end != digits.data() + digits.size()) return {text, 0};
  return {text.substr(0, colon), output};
}

constexpr TensorRef kBadInput{UINT32_MAX, 0};

const AttrValue* FindAttr(const AttrMap& attrs, std::string_view name, AttrKind kind) {
  for (const auto& [key, value] : attrs) {
    if (key == name) return value.kind == kind ? &value : nullptr;
  }
  return nullptr;
}

}  // namespace

Result<TfGraph> TfGraph::Make(MetaGraph meta) {
  TfGraph graph;
  graph.meta_ = std::move(meta);
  if (graph.meta_.nodes.empty()) return DataLoss("the graph has no nodes");
  graph.calls_ = InlineFunctions(&graph.meta_);
  graph.by_name_.reserve(graph.meta_.nodes.size());
  for (uint32_t i = 0; i < graph.meta_.nodes.size(); ++i) {
    std::string_view name = graph.meta_.nodes[i].name;
    if (!graph.by_name_.emplace(name, i).second) {
      return DataLoss("the graph has two nodes named " + Quoted(name));
    }
  }
  for (const OpDef& op : graph.meta_.ops) graph.ops_.emplace(op.name, &op);
  graph.output_counts_.reserve(graph.meta_.nodes.size());
  for (const NodeDef& node : graph.meta_.nodes) {
    graph.output_counts_.push_back(graph.CountOutputs(node));
  }
  graph.ParseInputs();
  return graph;
}

void TfGraph::ParseInputs() {
  first_inputs_.reserve(meta_.nodes.size() + 1);
  for (const NodeDef& reader : meta_.nodes) {
    first_inputs_.push_back(inputs_.size());
    for (std::string_view input : reader.inputs) {
      if (input.starts_with('^')) continue;
      ParsedName parsed = Parse(input);
      std::optional<uint32_t> node = Find(parsed.node);
      bool bad = !node || parsed.output >= OutputCount(*node).value_or(SIZE_MAX);
      inputs_.push_back(bad ? kBadInput : TensorRef{*node, parsed.output});
    }
  }
  first_inputs_.push_back(inputs_.size());
}

std::optional<uint32_t> TfGraph::Find(std::string_view name) const {
  auto it = by_name_.find(name);
  if (it == by_name_.end()) return std::nullopt;
  return it->second;
}

Result<TensorRef> TfGraph::ParseTensor(std::string_view name) const {
  ParsedName parsed = Parse(name);
  std::optional<uint32_t> node = Find(parsed.node);
  if (!node) return NotFound("the graph has no tensor " + Quoted(name));
  std::optional<size_t> count = OutputCount(*node);
  if (count && parsed.output >= *count) {
    return NotFound("the graph has no tensor " + Quoted(name) + ": " +
                    Describe(meta_.nodes[*node]) + " has " + std::to_string(*count) +
                    (*count == 1 ? " output" : " outputs"));
  }
  return TensorRef{*node, parsed.output};
}

std::string TfGraph::TensorName(TensorRef ref) const {
  std::string name(node(ref.node).name);
  return ref.output == 0 ? name : name + ":" + std::to_string(ref.output);
}

Result<std::vector<TensorRef>> TfGraph::DataInputs(uint32_t idx) const {
  auto begin = inputs_.begin() + static_cast<std::ptrdiff_t>(first_inputs_[idx]);
  auto end = inputs_.begin() + static_cast<std::ptrdiff_t>(first_inputs_[idx + 1]);
  auto bad = std::find(begin, end, kBadInput);
  if (bad != end) return BadInput(idx, static_cast<size_t>(bad - begin));
  return std::vector<TensorRef>(begin, end);
}

Result<TensorRef> TfGraph::DataInput(uint32_t idx, size_t input) const {
  if (input >= DataInputCount(idx))
    return InvalidArgument(Describe(node(idx)) + " has too few inputs");
  TensorRef ref = inputs_[first_inputs_[idx] + input];
  if (ref == kBadInput) return BadInput(idx, input);
  return ref;
}

Status TfGraph::BadInput(uint32_t idx, size_t input) const {
  const NodeDef& reader = node(idx);
  for (std::string_view name : reader.inputs) {
    if (name.starts_with('^') || input-- > 0) continue;
    return InvalidArgument(Describe(reader) + " reads " + Quoted(name) + ", but " +
                           std::string(ParseTensor(name).status().message()));
  }
  return InvalidArgument(Describe(reader) + " has too few inputs");
}

const std::string* TfGraph::CallProblem(uint32_t idx) const {
  auto found = calls_.problems.find(idx);
  return found == calls_.problems.end() ? nullptr : &found->second;
}

std::vector<uint32_t> TfGraph::ControlInputs(uint32_t idx) const {
  std::vector<uint32_t> nodes;
  for (std::string_view input : node(idx).inputs) {
    if (!input.starts_with('^')) continue;
    if (auto found = Find(input.substr(1))) nodes.push_back(*found);
  }
  return nodes;
}

std::optional<size_t> TfGraph::CountOutputs(const NodeDef& n) const {
  auto op = ops_.find(n.op);
  if (op == ops_.end()) return std::nullopt;
  size_t count = 0;
  for (const OpDef::Arg& output : op->second->outputs) {
    if (!output.number_attr.empty()) {
      int64_t number = Int(n, output.number_attr, 0);
      count += number > 0 ? static_cast<size_t>(number) : 0;
    } else if (!output.type_list_attr.empty()) {
      count += Ints(n, output.type_list_attr).size();
    } else {
      ++count;
    }
  }
  return count;
}

int64_t TfGraph::OutputType(TensorRef ref) const {
  const NodeDef& n = node(ref.node);
  auto op = ops_.find(n.op);
  if (op == ops_.end()) {
    int64_t type = Type(n, "dtype");
    return type != 0 ? type : Type(n, "T");
  }
  size_t first = 0;
  for (const OpDef::Arg& output : op->second->outputs) {
    if (!output.type_list_attr.empty()) {
      std::vector<int64_t> types = Ints(n, output.type_list_attr);
      if (ref.output < first + types.size()) return types[ref.output - first];
      first += types.size();
      continue;
    }
    int64_t number = output.number_attr.empty() ? 1 : Int(n, output.number_attr, 0);
    if (number > 0 && ref.output < first + static_cast<size_t>(number)) {
      return output.type_attr.empty() ? output.type : Type(n, output.type_attr);
    }
    first += number > 0 ? static_cast<size_t>(number) : 0;
  }
  return 0;
}

Shape TfGraph::OutputShape(TensorRef ref) const {
  const NodeDef& n = node(ref.node);
  if (const AttrValue* attr = FindAttr(n.attrs, "_output_shapes", AttrKind::kList)) {
    auto shapes = DecodeMessageList(attr->bytes, AttrKind::kShape);
    if (!shapes.ok() || ref.output >= shapes->size()) return Shape::UnknownRank();
    auto shape = DecodeShape((*shapes)[ref.output]);
    return shape.ok() ? *shape : Shape::UnknownRank();
  }
  return n.op == "Placeholder" || n.op == "PlaceholderWithDefault" ? ShapeOf(n, "shape")
                                                                   : Shape::UnknownRank();
}

const AttrValue* TfGraph::Attr(const NodeDef& node, std::string_view name, AttrKind kind) const {
  if (const AttrValue* value = FindAttr(node.attrs, name, kind)) return value;
  auto op = ops_.find(node.op);
  return op == ops_.end() ? nullptr : FindAttr(op->second->defaults, name, kind);
}

int64_t TfGraph::Int(const NodeDef& node, std::string_view name, int64_t fallback) const {
  const AttrValue* value = Attr(node, name, AttrKind::kInt);
  return value ? static_cast<int64_t>(value->number) : fallback;
}

float TfGraph::Float(const NodeDef& node, std::string_view name, float fallback) const {
  const AttrValue* value = Attr(node, name, AttrKind::kFloat);
  return value ? std::bit_cast<float>(static_cast<uint32_t>(value->number)) : fallback;
}

bool TfGraph::Bool(const NodeDef& node, std::string_view name, bool fallback) const {
  const AttrValue* value = Attr(node, name, AttrKind::kBool);
  return value ? value->number != 0 : fallback;
}

std::string_view TfGraph::String(const NodeDef& node, std::string_view name,
                                 std::string_view fallback) const {
  const AttrValue* value = Attr(node, name, AttrKind::kString);
  return value ? value->bytes : fallback;
}

int64_t TfGraph::Type(const NodeDef& node, std::string_view name) const {
  const AttrValue* value = Attr(node, name, AttrKind::kType);
  return value ? static_cast<int64_t>(value->number) : 0;
}

std::vector<int64_t> TfGraph::Ints(const NodeDef& node, std::string_view name) const {
  const AttrValue* value = Attr(node, name, AttrKind::kList);
  if (value == nullptr) return {};
  auto numbers = DecodeNumberList(value->bytes);
  return numbers.ok() ? *std::move(numbers) : std::vector<int64_t>{};
}

Shape TfGraph::ShapeOf(const NodeDef& node, std::string_view name) const {
  const AttrValue* value = Attr(node, name, AttrKind::kShape);
  if (value == nullptr) return Shape::UnknownRank();
  auto shape = DecodeShape(value->bytes);
  return shape.ok() ? *std::move(shape) : Shape::UnknownRank();
}

std::string Describe(const NodeDef& node) {
  return "node " + Quoted(node.name) + " (" + std::string(node.op.substr(0, 80)) + ")";
}

}  // namespace midstream::tensorflow

#include "core/backend/graph_view.h"

#include <algorithm>
#include <cstring>

namespace midstream::backend {
namespace {

const AbiGraph& Self(const ms_graph* handle) { return *reinterpret_cast<const AbiGraph*>(handle); }

ms_str Text(const std::string& text) { return {text.data(), text.size()}; }

// Writes as much of `full` as the plugin's header knows; its struct_size stays.
template <typename T>
ms_code Deliver(const T& full, T* out) {
  uint32_t size = std::min<uint32_t>(out->struct_size, sizeof(T));
  if (size < sizeof(uint32_t)) return MS_INVALID_ARGUMENT;
  std::memcpy(reinterpret_cast<char*>(out) + sizeof(uint32_t),
              reinterpret_cast<const char*>(&full) + sizeof(uint32_t), size - sizeof(uint32_t));
  return MS_OK;
}

uint32_t KindOf(ValueKind kind) {
  switch (kind) {
    case ValueKind::kInput:
      return MS_VALUE_INPUT;
    case ValueKind::kWeight:
      return MS_VALUE_WEIGHT;
    case ValueKind::kConstant:
      return MS_VALUE_CONSTANT;
    case ValueKind::kNode:
      break;
  }
  return MS_VALUE_NODE;
}

}  // namespace

AbiGraph::AbiGraph(const Graph& graph) : graph_(graph), slot_of_(graph.values().size(), MS_NONE) {
  for (uint32_t slot = 0; slot < graph.weights().size(); ++slot)
    slot_of_[graph.weights()[slot]] = slot;
  for (const Node& node : graph.nodes()) {
    for (const auto& [name, value] : node.attrs) {
      const auto* list = std::get_if<std::vector<std::string>>(&value);
      if (list == nullptr) continue;
      string_lists_.emplace_back(list, strings_.size());
      auto& texts = strings_.emplace_back();
      for (const std::string& text : *list) texts.push_back(Text(text));
    }
  }
}

ms_code AbiGraph::GraphInfo(const ms_graph* handle, ms_graph_info* out) {
  const Graph& graph = Self(handle).graph_;
  ms_graph_info info{};
  info.n_nodes = static_cast<uint32_t>(graph.nodes().size());
  info.n_values = static_cast<uint32_t>(graph.values().size());
  info.n_inputs = static_cast<uint32_t>(graph.inputs().size());
  info.n_outputs = static_cast<uint32_t>(graph.outputs().size());
  info.n_slots = static_cast<uint32_t>(graph.weights().size());
  info.inputs = graph.inputs().data();
  info.outputs = graph.outputs().data();
  info.slots = graph.weights().data();
  return Deliver(info, out);
}

ms_code AbiGraph::NodeInfo(const ms_graph* handle, uint32_t id, ms_node_info* out) {
  const Graph& graph = Self(handle).graph_;
  if (id >= graph.nodes().size()) return MS_OUT_OF_RANGE;
  const Node& node = graph.node(id);
  ms_node_info info{};
  info.opset = node.domain.empty() ? kOpset : 1;
  info.op = Text(node.op);
  info.domain = Text(node.domain);
  info.name = Text(node.name);
  info.inputs = node.inputs.data();
  info.outputs = node.outputs.data();
  info.n_inputs = static_cast<uint32_t>(node.inputs.size());
  info.n_outputs = static_cast<uint32_t>(node.outputs.size());
  info.n_attrs = static_cast<uint32_t>(node.attrs.size());
  return Deliver(info, out);
}

ms_code AbiGraph::NodeAttr(const ms_graph* handle, uint32_t id, ms_str name, ms_attr* out) {
  const AbiGraph& self = Self(handle);
  if (id >= self.graph_.nodes().size()) return MS_OUT_OF_RANGE;
  const Attributes& attrs = self.graph_.node(id).attrs;
  auto it = attrs.find(std::string_view(name.data, name.size));
  if (it == attrs.end()) return MS_NOT_FOUND;
  ms_attr attr{};
  attr.name = Text(it->first);
  if (const auto* i = std::get_if<int64_t>(&it->second)) {
    attr.kind = MS_ATTR_INT;
    attr.i = *i;
  } else if (const auto* f = std::get_if<double>(&it->second)) {
    attr.kind = MS_ATTR_FLOAT;
    attr.f = *f;
  } else if (const auto* s = std::get_if<std::string>(&it->second)) {
    attr.kind = MS_ATTR_STRING;
    attr.s = Text(*s);
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&it->second)) {
    attr.kind = MS_ATTR_INTS;
    attr.ints = ints->data();
    attr.count = ints->size();
  } else if (const auto* floats = std::get_if<std::vector<double>>(&it->second)) {
    attr.kind = MS_ATTR_FLOATS;
    attr.floats = floats->data();
    attr.count = floats->size();
  } else {
    const auto* list = &std::get<std::vector<std::string>>(it->second);
    auto found = std::find_if(self.string_lists_.begin(), self.string_lists_.end(),
                              [&](const auto& entry) { return entry.first == list; });
    attr.kind = MS_ATTR_STRINGS;
    attr.strings = self.strings_[found->second].data();
    attr.count = list->size();
  }
  return Deliver(attr, out);
}

ms_code AbiGraph::ValueInfo(const ms_graph* handle, uint32_t id, ms_value_info* out) {
  const AbiGraph& self = Self(handle);
  if (id >= self.graph_.values().size()) return MS_OUT_OF_RANGE;
  const Value& value = self.graph_.value(id);
  ms_value_info info{};
  info.dtype = ToAbi(value.dtype);
  info.name = Text(value.name);
  info.shape = value.shape.dims().data();
  info.rank = static_cast<uint32_t>(value.shape.rank());
  info.flags = value.shape.rank_known() ? 0 : MS_VALUE_RANK_UNKNOWN;
  info.kind = KindOf(value.kind);
  info.slot = self.slot_of_[id];
  info.producer = value.kind == ValueKind::kNode ? value.producer : MS_NONE;
  if (!value.constant.empty()) {
    static constexpr char kNoBytes = 0;  // an empty constant is still a constant
    info.data = value.constant.data() != nullptr ? value.constant.data() : &kNoBytes;
    info.data_bytes = value.constant.byte_size();
  }
  return Deliver(info, out);
}

}  // namespace midstream::backend

#include "core/graph/graph.h"

#include <algorithm>

#include "core/graph/op_schema.h"

namespace midstream {
namespace {

template <typename T>
T AttrOr(const Attributes& attrs, std::string_view name, T fallback) {
  auto it = attrs.find(name);
  if (it == attrs.end()) return fallback;
  const T* value = std::get_if<T>(&it->second);
  return value ? *value : fallback;
}

// Kahn's algorithm; ready nodes keep their old order so that printing and claims are stable.
Result<std::vector<NodeId>> TopologicalOrder(const Graph& graph, const std::vector<bool>& live) {
  const auto& nodes = graph.nodes();
  std::vector<uint32_t> missing(nodes.size(), 0);
  auto consumers = graph.Consumers();
  std::vector<NodeId> ready;
  size_t live_count = 0;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (!live[id]) continue;
    ++live_count;
    for (ValueId in : nodes[id].inputs) {
      if (in != kNoValue && graph.value(in).kind == ValueKind::kNode) ++missing[id];
    }
    if (missing[id] == 0) ready.push_back(id);
  }
  std::make_heap(ready.begin(), ready.end(), std::greater<>());
  std::vector<NodeId> order;
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), std::greater<>());
    NodeId id = ready.back();
    ready.pop_back();
    order.push_back(id);
    for (ValueId out : nodes[id].outputs) {
      for (NodeId user : consumers[out]) {
        if (live[user] && --missing[user] == 0) {
          ready.push_back(user);
          std::push_heap(ready.begin(), ready.end(), std::greater<>());
        }
      }
    }
  }
  if (order.size() == live_count) return order;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (live[id] && missing[id] > 0) {
      return InvalidArgument("the graph has a cycle through node '" + nodes[id].name + "'");
    }
  }
  return Internal("topological sort lost a node");
}

std::vector<bool> LiveNodes(const Graph& graph) {
  std::vector<bool> live(graph.nodes().size(), false);
  std::vector<NodeId> stack;
  auto visit = [&](ValueId id) {
    if (id == kNoValue || graph.value(id).kind != ValueKind::kNode) return;
    NodeId producer = graph.value(id).producer;
    if (live[producer]) return;
    live[producer] = true;
    stack.push_back(producer);
  };
  for (ValueId out : graph.outputs()) visit(out);
  while (!stack.empty()) {
    NodeId id = stack.back();
    stack.pop_back();
    for (ValueId in : graph.node(id).inputs) visit(in);
  }
  return live;
}

void VerifyNode(const Graph& graph, const Node& node, std::vector<bool>* defined,
                std::string* problems) {
  auto complain = [&](const std::string& what) {
    *problems += "\n  node '" + node.name + "' (" + node.op + "): " + what;
  };
  const OpSchema* schema = FindSchema(node.domain, node.op);
  if (schema == nullptr) {
    complain("unknown operator");
  } else if (static_cast<int>(node.inputs.size()) < schema->min_inputs ||
             (schema->max_inputs >= 0 &&
              static_cast<int>(node.inputs.size()) > schema->max_inputs)) {
    complain(std::to_string(node.inputs.size()) + " inputs");
  }
  for (ValueId in : node.inputs) {
    if (in == kNoValue) continue;
    if (in >= graph.values().size()) {
      complain("input id out of range");
    } else if (!(*defined)[in]) {
      complain("reads '" + graph.value(in).name + "' before it is made");
    }
  }
  for (ValueId out : node.outputs) {
    if (out >= graph.values().size()) {
      complain("output id out of range");
    } else if ((*defined)[out]) {
      complain("makes '" + graph.value(out).name + "' a second time");
    } else {
      (*defined)[out] = true;
    }
  }
}

}  // namespace

int64_t Node::Int(std::string_view attr, int64_t fallback) const {
  return AttrOr<int64_t>(attrs, attr, fallback);
}
double Node::Float(std::string_view attr, double fallback) const {
  return AttrOr<double>(attrs, attr, fallback);
}
std::string Node::String(std::string_view attr, std::string_view fallback) const {
  return AttrOr<std::string>(attrs, attr, std::string(fallback));
}
std::vector<int64_t> Node::Ints(std::string_view attr) const {
  return AttrOr<std::vector<int64_t>>(attrs, attr, {});
}

std::string Graph::UniqueName(std::string name) {
  auto [it, fresh] = names_.try_emplace(name, 1);
  if (fresh) return name;
  for (;;) {
    std::string candidate = name + "_" + std::to_string(it->second++);
    if (names_.try_emplace(candidate, 1).second) return candidate;
  }
}

ValueId Graph::AddValue(Value value) {
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId Graph::AddInput(std::string name, DType dtype, Shape shape) {
  Value value{UniqueName(std::move(name)), dtype, std::move(shape), ValueKind::kInput};
  ValueId id = AddValue(std::move(value));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::AddWeight(std::string name, DType dtype, Shape shape) {
  Value value{UniqueName(std::move(name)), dtype, std::move(shape), ValueKind::kWeight};
  ValueId id = AddValue(std::move(value));
  weights_.push_back(id);
  return id;
}

ValueId Graph::AddConstant(std::string name, Tensor tensor) {
  Value value{UniqueName(std::move(name)), tensor.dtype(), tensor.shape(), ValueKind::kConstant};
  value.constant = std::move(tensor);
  return AddValue(std::move(value));
}

NodeId Graph::AddNode(std::string op, std::string name, std::vector<ValueId> inputs,
                      Attributes attrs, size_t n_outputs, std::string domain) {
  Node node;
  node.op = std::move(op);
  node.domain = std::move(domain);
  node.inputs = std::move(inputs);
  node.attrs = std::move(attrs);
  auto id = static_cast<NodeId>(nodes_.size());
  for (size_t i = 0; i < n_outputs; ++i) {
    Value value;
    value.name = UniqueName(i == 0 ? name : name + ":" + std::to_string(i));
    value.producer = id;
    value.producer_output = static_cast<uint32_t>(i);
    node.outputs.push_back(AddValue(std::move(value)));
  }
  node.name = n_outputs > 0 ? values_[node.outputs[0]].name : UniqueName(std::move(name));
  nodes_.push_back(std::move(node));
  return id;
}

ValueId Graph::Add(std::string op, std::string name, std::vector<ValueId> inputs, Attributes attrs,
                   std::string domain) {
  NodeId id = AddNode(std::move(op), std::move(name), std::move(inputs), std::move(attrs), 1,
                      std::move(domain));
  return nodes_[id].outputs[0];
}

void Graph::AddOutput(ValueId value, std::string name) {
  outputs_.push_back(value);
  output_names_.push_back(std::move(name));
}

void Graph::ReplaceUses(ValueId from, ValueId to) {
  for (Node& node : nodes_) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  ReplaceOutputs(from, to);
}

void Graph::ReplaceOutputs(ValueId from, ValueId to) {
  std::replace(outputs_.begin(), outputs_.end(), from, to);
}

std::vector<std::vector<NodeId>> Graph::Consumers() const {
  std::vector<std::vector<NodeId>> consumers(values_.size());
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    for (ValueId in : nodes_[id].inputs) {
      if (in != kNoValue) consumers[in].push_back(id);
    }
  }
  return consumers;
}

Status Graph::Compact() {
  std::vector<bool> live = LiveNodes(*this);
  MS_ASSIGN_OR_RETURN(std::vector<NodeId> order, TopologicalOrder(*this, live));

  std::vector<bool> used(values_.size(), false);
  for (ValueId id : inputs_) used[id] = true;
  for (ValueId id : outputs_) used[id] = true;
  for (NodeId id : order) {
    for (ValueId out : nodes_[id].outputs) used[out] = true;
    for (ValueId in : nodes_[id].inputs) {
      if (in != kNoValue) used[in] = true;
    }
  }

  std::vector<ValueId> new_id(values_.size(), kNoValue);
  std::vector<Value> values;
  names_.clear();
  for (ValueId id = 0; id < values_.size(); ++id) {
    if (!used[id]) continue;
    new_id[id] = static_cast<ValueId>(values.size());
    names_.emplace(values_[id].name, 1);
    values.push_back(std::move(values_[id]));
  }
  std::vector<Node> nodes;
  for (NodeId id : order) {
    Node node = std::move(nodes_[id]);
    for (ValueId& in : node.inputs) in = in == kNoValue ? kNoValue : new_id[in];
    for (ValueId& out : node.outputs) {
      out = new_id[out];
      values[out].producer = static_cast<NodeId>(nodes.size());
    }
    nodes.push_back(std::move(node));
  }
  values_ = std::move(values);
  nodes_ = std::move(nodes);
  for (ValueId& id : inputs_) id = new_id[id];
  for (ValueId& id : outputs_) id = new_id[id];
  std::erase_if(weights_, [&](ValueId id) { return !used[id]; });
  for (ValueId& id : weights_) id = new_id[id];
  return OkStatus();
}

std::string Graph::ToString() const {
  auto name = [&](ValueId id) { return id == kNoValue ? std::string("-") : values_[id].name; };
  std::string text;
  for (const Node& node : nodes_) {
    for (ValueId out : node.outputs) {
      text += name(out) + " " + std::string(DTypeName(values_[out].dtype)) +
              values_[out].shape.ToString() + " ";
    }
    text += "= " + (node.domain.empty() ? "" : node.domain + ".") + node.op + "(";
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      text += (i > 0 ? ", " : "") + name(node.inputs[i]);
    }
    text += ")\n";
  }
  return text;
}

Status Verify(const Graph& graph) {
  std::string problems;
  std::vector<bool> defined(graph.values().size(), false);
  std::map<std::string, int> names;
  for (ValueId id = 0; id < graph.values().size(); ++id) {
    const Value& value = graph.value(id);
    if (value.kind != ValueKind::kNode) defined[id] = true;
    if (++names[value.name] == 2) problems += "\n  two values are named '" + value.name + "'";
  }
  for (const Node& node : graph.nodes()) VerifyNode(graph, node, &defined, &problems);
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    ValueId id = graph.outputs()[i];
    if (id >= graph.values().size() || !defined[id]) {
      problems += "\n  output '" + graph.output_names()[i] + "' is made by no node";
    }
  }
  if (problems.empty()) return OkStatus();
  return Internal("the graph is malformed:" + problems);
}

}  // namespace midstream

#include "core/models/openpi/cut.h"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "core/formats/file.h"
#include "core/graph/named_tensor.h"

namespace midstream::openpi {
namespace {

using formats::Quoted;

class Cutter {
 public:
  Cutter(const Graph& whole, const formats::GraphRequest& request)
      : whole_(whole), request_(request), new_id_(whole.values().size(), kNoValue) {
    for (ValueId id = 0; id < whole.values().size(); ++id) ids_.emplace(whole.value(id).name, id);
  }

  Result<formats::BuiltGraph> Run() {
    if (request_.outputs.empty()) return InvalidArgument("no output was asked for");
    MS_RETURN_IF_ERROR(FindOutputs());
    MS_RETURN_IF_ERROR(Cut());
    MarkNeeded();
    MS_RETURN_IF_ERROR(AddLeaves());
    AddNodes();
    AddOutputs();
    return std::move(built_);
  }

 private:
  Result<ValueId> Find(std::string_view name) const {
    for (std::string_view spelling : {name, WithoutPort(name)}) {
      if (const auto at = ids_.find(spelling); at != ids_.end()) return at->second;
    }
    return NotFound("the model has no tensor " + Quoted(name));
  }

  Status FindOutputs() {
    for (const std::string& name : request_.outputs) {
      MS_ASSIGN_OR_RETURN(const ValueId id, Find(name));
      outputs_.push_back(id);
    }
    return OkStatus();
  }

  Status Cut() {
    for (const std::string& name : request_.feeds) {
      MS_ASSIGN_OR_RETURN(const ValueId id, Find(name));
      if (!cut_.emplace(id, nullptr).second) {
        return InvalidArgument("input " + Quoted(name) + " is fed twice");
      }
      feeds_.push_back(id);
    }
    for (const auto& [name, tensor] : request_.bound) {
      MS_ASSIGN_OR_RETURN(const ValueId id, Find(name));
      if (!cut_.emplace(id, &tensor).second) {
        return InvalidArgument("tensor " + Quoted(name) + " is both fed and bound to a value");
      }
      const Value& value = whole_.value(id);
      if (value.dtype == tensor.dtype() && value.shape.Accepts(tensor.shape())) continue;
      return InvalidArgument("tensor " + Quoted(name) + " is " +
                             std::string(DTypeName(value.dtype)) + value.shape.ToString() +
                             " and cannot be bound to a value of " +
                             std::string(DTypeName(tensor.dtype())) + tensor.shape().ToString());
    }
    return OkStatus();
  }

  // Nodes are in topological order, so what reads a value comes after what makes it.
  void MarkNeeded() {
    needed_.assign(whole_.values().size(), false);
    live_.assign(whole_.nodes().size(), false);
    for (ValueId id : outputs_) needed_[id] = true;
    for (size_t n = whole_.nodes().size(); n-- > 0;) {
      const Node& node = whole_.nodes()[n];
      for (ValueId out : node.outputs) live_[n] = live_[n] || (needed_[out] && !IsCut(out));
      if (!live_[n]) continue;
      for (ValueId in : node.inputs) {
        if (in != kNoValue) needed_[in] = true;
      }
    }
  }

  bool IsCut(ValueId id) const { return cut_.count(id) != 0; }

  // Weights come first: their names are the trainer's, whatever else the graph holds.
  Status AddLeaves() {
    Graph& graph = built_.graph;
    for (ValueId id : whole_.weights()) {
      if (!needed_[id] || IsCut(id)) continue;
      const Value& value = whole_.value(id);
      new_id_[id] = graph.AddWeight(value.name, value.dtype, value.shape);
    }
    for (ValueId id : feeds_) AddFeed(id);
    for (ValueId id = 0; id < whole_.values().size(); ++id) {
      const Value& value = whole_.value(id);
      if (!needed_[id]) continue;
      if (const auto cut = cut_.find(id); cut != cut_.end() && cut->second != nullptr) {
        new_id_[id] = graph.AddConstant(value.name, *cut->second);
      } else if (value.kind == ValueKind::kConstant) {
        new_id_[id] = graph.AddConstant(value.name, value.constant);
      } else if (value.kind == ValueKind::kInput && new_id_[id] == kNoValue) {
        if (!feeds_.empty()) {
          return InvalidArgument("the outputs need input " + Quoted(value.name) +
                                 ", which is not fed");
        }
        AddFeed(id);
      }
    }
    return OkStatus();
  }

  void AddFeed(ValueId id) {
    const Value& value = whole_.value(id);
    if (needed_[id]) {
      new_id_[id] = built_.graph.AddInput(value.name, value.dtype, value.shape);
    } else {
      built_.ignored_feeds.push_back({{value.name, value.dtype, value.shape}, std::nullopt});
    }
  }

  void AddNodes() {
    Graph& graph = built_.graph;
    for (size_t n = 0; n < whole_.nodes().size(); ++n) {
      if (!live_[n]) continue;
      const Node& node = whole_.nodes()[n];
      std::vector<ValueId> inputs;
      for (ValueId in : node.inputs) inputs.push_back(in == kNoValue ? kNoValue : new_id_[in]);
      const NodeId id = graph.AddNode(node.op, node.name, std::move(inputs), node.attrs,
                                      node.outputs.size(), node.domain);
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        if (!IsCut(node.outputs[i])) new_id_[node.outputs[i]] = graph.node(id).outputs[i];
      }
    }
  }

  void AddOutputs() {
    Graph& graph = built_.graph;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      ValueId id = new_id_[outputs_[i]];
      if (graph.value(id).kind != ValueKind::kNode) {
        id = graph.Add("Identity", request_.outputs[i], {id});
      }
      graph.AddOutput(id, request_.outputs[i]);
    }
  }

  const Graph& whole_;
  const formats::GraphRequest& request_;
  std::map<std::string_view, ValueId> ids_;
  std::vector<ValueId> outputs_;
  std::vector<ValueId> feeds_;
  std::map<ValueId, const Tensor*> cut_;  // fed, or bound to a value
  std::vector<bool> needed_;              // values
  std::vector<bool> live_;                // nodes
  std::vector<ValueId> new_id_;
  formats::BuiltGraph built_;
};

}  // namespace

Result<formats::BuiltGraph> CutGraph(const Graph& whole, const formats::GraphRequest& request) {
  MS_ASSIGN_OR_RETURN(formats::BuiltGraph built, Cutter(whole, request).Run());
  MS_RETURN_IF_ERROR(built.graph.Compact());
  return built;
}

}  // namespace midstream::openpi

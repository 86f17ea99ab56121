#include "core/plan/segment.h"

#include <algorithm>
#include <map>

namespace midstream::plan {
namespace {

// Which values made inside `nodes` are needed outside: by other nodes or as outputs of the graph.
std::vector<bool> NeededOutside(const Graph& whole, const std::vector<bool>& inside) {
  std::vector<bool> needed(whole.values().size(), false);
  for (NodeId id = 0; id < whole.nodes().size(); ++id) {
    if (inside[id]) continue;
    for (ValueId in : whole.node(id).inputs) {
      if (in != kNoValue) needed[in] = true;
    }
  }
  for (ValueId out : whole.outputs()) needed[out] = true;
  return needed;
}

class Cutter {
 public:
  Cutter(const Graph& whole, const std::vector<NodeId>& nodes)
      : whole_(whole),
        nodes_(nodes),
        inside_(whole.nodes().size(), false),
        new_id_(whole.values().size(), kNoValue) {
    for (NodeId id : nodes) inside_[id] = true;
  }

  Segment Cut() {
    for (NodeId id : nodes_) AddNode(whole_.node(id));
    std::vector<bool> needed = NeededOutside(whole_, inside_);
    for (NodeId id : nodes_) {
      for (ValueId out : whole_.node(id).outputs) {
        if (!needed[out]) continue;
        segment_.outputs.push_back(out);
        segment_.graph.AddOutput(new_id_[out], whole_.value(out).name);
      }
    }
    return std::move(segment_);
  }

 private:
  ValueId Import(ValueId id) {
    if (id == kNoValue || new_id_[id] != kNoValue) return id == kNoValue ? kNoValue : new_id_[id];
    const Value& value = whole_.value(id);
    if (value.kind == ValueKind::kConstant) {
      new_id_[id] = segment_.graph.AddConstant(value.name, value.constant);
    } else if (value.kind == ValueKind::kWeight) {
      new_id_[id] = segment_.graph.AddWeight(value.name, value.dtype, value.shape);
    } else {
      new_id_[id] = segment_.graph.AddInput(value.name, value.dtype, value.shape);
      segment_.inputs.push_back(id);
    }
    return new_id_[id];
  }

  void AddNode(const Node& node) {
    std::vector<ValueId> inputs;
    for (ValueId in : node.inputs) inputs.push_back(Import(in));
    NodeId added = segment_.graph.AddNode(node.op, node.name, std::move(inputs), node.attrs,
                                          node.outputs.size(), node.domain);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value& from = whole_.value(node.outputs[i]);
      ValueId out = segment_.graph.node(added).outputs[i];
      new_id_[node.outputs[i]] = out;
      Value& to = segment_.graph.value(out);
      to.dtype = from.dtype;
      to.shape = from.shape;
      to.constant = from.constant;
    }
  }

  const Graph& whole_;
  const std::vector<NodeId>& nodes_;
  std::vector<bool> inside_;
  std::vector<ValueId> new_id_;
  Segment segment_;
};

}  // namespace

Segment CutSegment(const Graph& whole, const std::vector<NodeId>& nodes) {
  return Cutter(whole, nodes).Cut();
}

std::vector<SegmentNodes> Partition(const Graph& graph, const std::vector<size_t>& device_of) {
  // A node's level is the largest number of device changes on any path to it. Along an edge the
  // level never falls, and it rises when the device changes, so nodes of equal (level, device) are
  // convex and levels are an order to run in.
  std::vector<size_t> level(graph.nodes().size(), 0);
  std::map<std::pair<size_t, size_t>, std::vector<NodeId>> groups;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    for (ValueId in : graph.node(id).inputs) {
      if (in == kNoValue || graph.value(in).kind != ValueKind::kNode) continue;
      NodeId from = graph.value(in).producer;
      level[id] = std::max(level[id], level[from] + (device_of[from] != device_of[id] ? 1 : 0));
    }
    groups[{level[id], device_of[id]}].push_back(id);
  }
  std::vector<SegmentNodes> segments;
  for (auto& [key, nodes] : groups) segments.push_back({key.second, std::move(nodes)});
  return segments;
}

}  // namespace midstream::plan

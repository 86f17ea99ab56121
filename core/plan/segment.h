// Segment: the part of a graph that one device computes, cut out as a graph of its own.
#ifndef MIDSTREAM_CORE_PLAN_SEGMENT_H_
#define MIDSTREAM_CORE_PLAN_SEGMENT_H_

#include <vector>

#include "core/graph/graph.h"

namespace midstream::plan {

struct Segment {
  Graph graph;  // its inputs and outputs are those below, its weights the weights that it reads
  std::vector<ValueId> inputs;   // ids in the whole graph, in the order of graph.inputs()
  std::vector<ValueId> outputs;  // ids in the whole graph, in the order of graph.outputs()
};

// Cuts out `nodes` (ascending). The numbering inside depends on the nodes alone, so the same call
// on a shaped copy of the graph (BindShapes) numbers alike.
Segment CutSegment(const Graph& whole, const std::vector<NodeId>& nodes);

// Groups nodes into segments of one device each, in an order in which they can run. device_of has
// one entry a node. Each segment is convex: no path leaves it and comes back.
struct SegmentNodes {
  size_t device;
  std::vector<NodeId> nodes;
};
std::vector<SegmentNodes> Partition(const Graph& graph, const std::vector<size_t>& device_of);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_SEGMENT_H_

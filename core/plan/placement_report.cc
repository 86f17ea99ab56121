#include "core/plan/placement_report.h"

#include <deque>

#include "core/plan/shape_policy.h"

namespace midstream::plan {

PlacementReport MakePlacementReport(const Graph& graph, const Placement& placement,
                                    const std::vector<SegmentNodes>& segments,
                                    const std::vector<std::shared_ptr<backend::Device>>& devices) {
  PlacementReport report;
  std::vector<size_t> segment_of(graph.nodes().size());
  for (size_t s = 0; s < segments.size(); ++s) {
    for (NodeId id : segments[s].nodes) segment_of[id] = s;
    const backend::Device& device = *devices[segments[s].device];
    const ms_str& name = device.info().name;
    report.segments.push_back(
        {device.label(), std::string(name.data, name.size), segments[s].nodes.size()});
  }
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    const Node& node = graph.node(id);
    PlacementReport::Node row;
    row.name = node.name;
    row.op = (node.domain.empty() ? "" : node.domain + ".") + node.op;
    row.backend = devices[placement.device_of[id]]->label();
    row.segment = segment_of[id];
    if (placement.rules[id] != nullptr) row.rule = placement.rules[id]->key;
    for (const PlacementRefusal& refusal : placement.refusals[id]) {
      row.refusals.push_back({devices[refusal.device]->label(), refusal.reason});
    }
    report.nodes.push_back(std::move(row));
  }
  return report;
}

void AddTransfers(const Graph& shaped, const std::vector<SegmentNodes>& segments,
                  const std::vector<std::shared_ptr<backend::Device>>& devices,
                  PlacementReport* report) {
  std::deque<Segment> cuts;
  std::vector<PlacedSegment> placed;
  for (const SegmentNodes& segment : segments) {
    cuts.push_back(CutSegment(shaped, segment.nodes));
    placed.push_back({&cuts.back(), segment.device, 0});
  }
  ShapedPlan plan;
  if (!LayOutMemory(shaped, placed, MemoryOf(devices), &plan).ok()) return;
  for (const Transfer& transfer : plan.transfers) {
    const std::string device = devices[transfer.device]->label();
    const bool to_device = transfer.to.space != kHostSpace;
    report->transfers.push_back(
        {transfer.value, to_device ? "host" : device, to_device ? device : "host", transfer.bytes});
  }
  std::vector<Shape> shapes;
  for (ValueId id : shaped.inputs()) shapes.push_back(shaped.value(id).shape);
  report->shapes = DescribeShapes(shaped, shapes);
}

}  // namespace midstream::plan

// The layout of values that cross segments: random graphs over random devices, executed by symbols.
//
// Each device has a queue that falls behind by as much as chance wants, up to the waits of the plan.
// Whatever the order, each piece of work must find the values that it reads where it reads them.
#include "core/plan/memory_layout.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "core/graph/shape_inference.h"

namespace midstream::plan {
namespace {

// Which value each byte range of a space holds.
class Memory {
 public:
  void Write(const std::string& value, uint64_t begin, uint64_t bytes) {
    std::erase_if(ranges_, [&](const Range& range) {
      return range.begin < begin + bytes && begin < range.begin + range.bytes;
    });
    ranges_.push_back({value, begin, bytes});
  }
  bool Holds(const std::string& value, uint64_t begin, uint64_t bytes) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
      return range.value == value && range.begin == begin && range.bytes == bytes;
    });
  }

 private:
  struct Range {
    std::string value;
    uint64_t begin, bytes;
  };
  std::vector<Range> ranges_;
};

struct Access {
  std::string value;
  ValuePlace place;
};

class Machine {
 public:
  Machine(const ShapedPlan& plan, const std::vector<PlacedSegment>& segments,
          const std::vector<DeviceMemory>& devices, const Graph& graph, unsigned seed)
      : plan_(plan), segments_(segments), devices_(devices), graph_(graph), random_(seed) {
    arenas_.resize(plan.arena_bytes.size());
    queues_.resize(devices.size());
    for (ValueId id : graph.inputs()) given_.insert(graph.value(id).name);
  }

  void Run() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& step = plan_.steps[i];
      for (size_t earlier : step.after) {
        auto& queue = queues_[plan_.steps[earlier].device];
        while (!queue.empty() && queue.front() <= earlier) Advance(plan_.steps[earlier].device);
      }
      queues_[step.device].push_back(i);
      if (!devices_[step.device].asynchronous) Advance(step.device);
      for (size_t device = 0; device < queues_.size(); ++device) {
        while (!queues_[device].empty() && random_() % 3 == 0) Advance(device);
      }
    }
    for (size_t device = 0; device < queues_.size(); ++device) {
      while (!queues_[device].empty()) Advance(device);
    }
    for (ValueId id : graph_.outputs()) {
      if (*ByteSize(graph_.value(id).dtype, graph_.value(id).shape) == 0) continue;
      EXPECT_EQ(returned_.count(graph_.value(id).name), 1u) << graph_.value(id).name;
    }
  }

 private:
  void Advance(size_t device) {
    const Step& step = plan_.steps[queues_[device].front()];
    queues_[device].pop_front();
    if (step.kind == Step::Kind::kTransfer) {
      const Transfer& transfer = plan_.transfers[step.idx];
      const uint32_t own = devices_[device].space;
      ASSERT_NE(own, kHostSpace);
      ASSERT_EQ(transfer.from.space + transfer.to.space, own);  // the other is the host's, 0
      Read({transfer.value, transfer.from});
      Write({transfer.value, transfer.to});
      return;
    }
    const ShapedPlan::Segment& segment = plan_.segments[step.idx];
    const Segment& cut = *segments_[step.idx].cut;
    for (size_t i = 0; i < cut.inputs.size(); ++i) {
      ASSERT_EQ(segment.inputs[i].space, devices_[device].space);
      Read({graph_.value(cut.inputs[i]).name, segment.inputs[i]});
    }
    Write({"scratch", segment.scratch});
    for (size_t i = 0; i < cut.outputs.size(); ++i) {
      ASSERT_EQ(segment.outputs[i].space, devices_[device].space);
      Write({graph_.value(cut.outputs[i]).name, segment.outputs[i]});
    }
    for (size_t i = 0; i < cut.inputs.size(); ++i) {  // still there when the outputs are written
      Read({graph_.value(cut.inputs[i]).name, segment.inputs[i]});
    }
  }

  static uint64_t Bytes(const ValuePlace& place) { return *ByteSize(place.dtype, place.shape); }

  void Read(const Access& access) {
    const ValuePlace& place = access.place;
    if (Bytes(place) == 0) return;
    switch (place.kind) {
      case ValuePlace::Kind::kRequestInput:
        EXPECT_EQ(given_.count(access.value), 1u) << access.value;
        break;
      case ValuePlace::Kind::kRequestOutput:
        EXPECT_EQ(returned_.count(access.value), 1u) << access.value;
        break;
      case ValuePlace::Kind::kArena:
        EXPECT_TRUE(arenas_[place.space].Holds(access.value, place.idx, Bytes(place)))
            << access.value << " in space " << place.space;
        break;
    }
  }

  void Write(const Access& access) {
    const ValuePlace& place = access.place;
    ASSERT_NE(place.kind, ValuePlace::Kind::kRequestInput);
    if (place.kind == ValuePlace::Kind::kRequestOutput) {
      returned_.insert(access.value);
      return;
    }
    EXPECT_EQ(place.idx % 64, 0u);
    EXPECT_LE(place.idx + Bytes(place), plan_.arena_bytes[place.space]);
    arenas_[place.space].Write(access.value, place.idx, Bytes(place));
  }

  const ShapedPlan& plan_;
  const std::vector<PlacedSegment>& segments_;
  const std::vector<DeviceMemory>& devices_;
  const Graph& graph_;
  std::minstd_rand random_;
  std::vector<Memory> arenas_;
  std::vector<std::deque<size_t>> queues_;  // steps that were submitted
  std::set<std::string> given_, returned_;
};

Graph RandomGraph(std::minstd_rand& random) {
  Graph graph;
  std::vector<ValueId> values;
  for (int i = 0; i < 2; ++i) {
    values.push_back(graph.AddInput("in" + std::to_string(i), DType::kF32,
                                    {static_cast<int64_t>(random() % 40)}));
  }
  for (int i = 0; i < 12; ++i) {
    const ValueId from = values[random() % values.size()];
    const ValueId other = values[random() % values.size()];
    const bool pair = graph.value(from).shape == graph.value(other).shape && random() % 2 == 0;
    const std::string name = "v" + std::to_string(i);
    const ValueId made =
        pair ? graph.Add("Add", name, {from, other}) : graph.Add("Relu", name, {from});
    graph.value(made).dtype = DType::kF32;
    graph.value(made).shape = graph.value(from).shape;
    values.push_back(made);
    if (random() % 4 == 0) graph.AddOutput(made, name);
  }
  graph.AddOutput(values.back(), "last");
  EXPECT_TRUE(graph.Compact().ok());
  EXPECT_TRUE(InferShapes(graph, nullptr).ok());
  return graph;
}

TEST(MemoryLayout, EveryReadFindsItsValueHoweverLateDevicesAre) {
  // Host, host that works on after the call, two devices with their own memory, one of them at once.
  const std::vector<DeviceMemory> devices = {
      {0, false}, {0, true}, {1, true}, {2, true}, {3, false}};
  for (unsigned seed = 1; seed <= 400 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    const Graph graph = RandomGraph(random);
    std::vector<size_t> device_of;
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      device_of.push_back(random() % devices.size());
    }
    std::deque<Segment> cuts;
    std::vector<PlacedSegment> segments;
    for (const SegmentNodes& part : Partition(graph, device_of)) {
      cuts.push_back(CutSegment(graph, part.nodes));
      segments.push_back({&cuts.back(), part.device, random() % 200});
    }
    ShapedPlan plan;
    ASSERT_TRUE(LayOutMemory(graph, segments, devices, &plan).ok());
    for (unsigned run = 0; run < 5; ++run) {
      Machine(plan, segments, devices, graph, seed * 5 + run).Run();
    }
    std::set<std::tuple<std::string, uint32_t, uint32_t>> crossed;
    for (const Transfer& transfer : plan.transfers) {
      EXPECT_GT(transfer.bytes, 0u);
      EXPECT_TRUE(crossed.insert({transfer.value, transfer.from.space, transfer.to.space}).second)
          << transfer.value << " is transferred twice";
    }
    EXPECT_EQ(plan.traffic.transfers, plan.transfers.size());
  }
}

TEST(MemoryLayout, ScratchOfDevicesThatWorkOnIsTheirOwn) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {16});
  graph.AddOutput(graph.Add("Relu", "a", {x}), "a");
  graph.AddOutput(graph.Add("Neg", "b", {x}), "b");
  graph.AddOutput(graph.Add("Exp", "c", {x}), "c");
  ASSERT_TRUE(graph.Compact().ok());
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  const Segment cuts[] = {CutSegment(graph, {0}), CutSegment(graph, {1}), CutSegment(graph, {2})};
  ShapedPlan plan;
  const std::vector<PlacedSegment> segments = {
      {&cuts[0], 0, 100}, {&cuts[1], 1, 300}, {&cuts[2], 2, 200}};
  ASSERT_TRUE(LayOutMemory(graph, segments, {{0, false}, {0, false}, {0, true}}, &plan).ok());
  EXPECT_EQ(plan.segments[0].scratch.idx, plan.segments[1].scratch.idx);
  EXPECT_NE(plan.segments[0].scratch.idx, plan.segments[2].scratch.idx);
  EXPECT_EQ(plan.arena_bytes[0], 320u + 256u);
}

}  // namespace
}  // namespace midstream::plan

#include "core/plan/memory_layout.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "midstream/arena.hpp"

namespace midstream::plan {
namespace {

constexpr size_t kNone = SIZE_MAX;

class Layouter {
 public:
  Layouter(const Graph& graph, const std::vector<PlacedSegment>& segments,
           const std::vector<DeviceMemory>& devices, ShapedPlan* plan)
      : graph_(graph), segments_(segments), devices_(devices), plan_(*plan) {
    uint32_t spaces = 1;
    for (const DeviceMemory& device : devices) spaces = std::max(spaces, device.space + 1);
    arenas_.resize(spaces);
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      homes_[{graph.inputs()[i], kHostSpace}].place =
          Place(ValuePlace::Kind::kRequestInput, kHostSpace, i, graph.inputs()[i]);
    }
    // One that is asked for twice is made once and copied by the executor.
    for (size_t i = 0; i < graph.outputs().size(); ++i) output_.try_emplace(graph.outputs()[i], i);
    for (const PlacedSegment& segment : segments) {
      for (ValueId id : segment.cut->inputs) readers_[id].insert(SpaceOf(segment.device));
    }
  }

  Status Run() {
    for (const PlacedSegment& segment : segments_) MS_RETURN_IF_ERROR(AddSegment(segment));
    PlaceArenas();
    for (size_t s = 0; s < segments_.size(); ++s) {
      const uint32_t space = SpaceOf(segments_[s].device);
      const Segment& cut = *segments_[s].cut;
      for (ValueId id : cut.inputs) plan_.segments[s].inputs.push_back(PlaceOf(id, space));
      for (ValueId id : cut.outputs) plan_.segments[s].outputs.push_back(PlaceOf(id, space));
    }
    for (size_t t = 0; t < crossings_.size(); ++t) {
      plan_.transfers[t].from = PlaceOf(crossings_[t].value, crossings_[t].from);
      plan_.transfers[t].to = PlaceOf(crossings_[t].value, crossings_[t].to);
    }
    return OkStatus();
  }

 private:
  using Key = std::pair<ValueId, uint32_t>;  // a value in a space
  struct Home {
    ValuePlace place;
    size_t item = kNone;     // in the arena of the space
    size_t written = kNone;  // the step that does
  };
  struct Crossing {
    ValueId value;
    uint32_t from, to;
  };

  uint32_t SpaceOf(size_t device) const { return devices_[device].space; }
  ValuePlace Place(ValuePlace::Kind kind, uint32_t space, uint64_t idx, ValueId id) const {
    return {kind, space, idx, graph_.value(id).dtype, graph_.value(id).shape};
  }
  ValuePlace PlaceOf(ValueId id, uint32_t space) const {
    const Home& home = homes_.at({id, space});
    ValuePlace place = home.place;
    if (home.item != kNone) place.idx = arenas_[space][home.item].offset;
    return place;
  }

  size_t BeginStep(Step::Kind kind, size_t idx, size_t device) {
    plan_.steps.push_back({kind, idx, device, {}});
    return plan_.steps.size() - 1;
  }

  // The value gets a place in the space, where `step` of `device` writes it.
  Status Make(ValueId id, uint32_t space, size_t step, size_t device) {
    Home home;
    auto output = output_.find(id);
    if (space == kHostSpace && output != output_.end()) {
      home.place = Place(ValuePlace::Kind::kRequestOutput, kHostSpace, output->second, id);
    } else {
      MS_ASSIGN_OR_RETURN(size_t bytes, ByteSize(graph_.value(id).dtype, graph_.value(id).shape));
      home.place = Place(ValuePlace::Kind::kArena, space, 0, id);
      home.item = arenas_[space].size();
      const auto at = static_cast<uint32_t>(step);
      arenas_[space].push_back({std::max<uint64_t>(bytes, 1), at, at, 0});
    }
    home.written = step;
    Touch(&homes_.insert_or_assign({id, space}, std::move(home)).first->second, step, device);
    return OkStatus();
  }

  // Memory that `step` uses is not given to others before it has. On the host nobody waits for
  // devices that go on after the call, before the end of the request; a device's own memory is used
  // by its one queue alone, in order.
  void Touch(Home* home, size_t step, size_t device) {
    if (home->item == kNone) return;
    const bool to_the_end = home->place.space == kHostSpace && devices_[device].asynchronous;
    uint32_t& last = arenas_[home->place.space][home->item].last;
    last = to_the_end ? UINT32_MAX : std::max(last, static_cast<uint32_t>(step));
  }

  void Read(ValueId id, uint32_t space, size_t step) {
    Home& home = homes_.at({id, space});
    const size_t device = plan_.steps[step].device;
    Touch(&home, step, device);
    if (home.written == kNone) return;
    const size_t writer = plan_.steps[home.written].device;
    std::vector<size_t>& after = plan_.steps[step].after;
    if (writer != device && devices_[writer].asynchronous &&
        std::find(after.begin(), after.end(), home.written) == after.end()) {
      after.push_back(home.written);
    }
  }

  // Requires: the value has a place in `from`, and none in `to`; one of the two is the host's.
  Status Move(ValueId id, uint32_t from, uint32_t to, size_t device) {
    MS_ASSIGN_OR_RETURN(size_t bytes, ByteSize(graph_.value(id).dtype, graph_.value(id).shape));
    if (bytes == 0) {  // nothing to copy, but a place to name
      MS_RETURN_IF_ERROR(Make(id, to, plan_.steps.size(), device));
      homes_.at({id, to}).written = kNone;
      return OkStatus();
    }
    const size_t step = BeginStep(Step::Kind::kTransfer, plan_.transfers.size(), device);
    crossings_.push_back({id, from, to});
    plan_.transfers.push_back({device, {}, {}, bytes, graph_.value(id).name});
    (to == kHostSpace ? plan_.traffic.from_device_bytes : plan_.traffic.to_device_bytes) += bytes;
    ++plan_.traffic.transfers;
    Read(id, from, step);
    return Make(id, to, step, device);
  }

  Status AddSegment(const PlacedSegment& segment) {
    const uint32_t space = SpaceOf(segment.device);
    for (ValueId id : segment.cut->inputs) {
      if (homes_.count({id, space}) != 0) continue;
      MS_RETURN_IF_ERROR(Move(id, kHostSpace, space, segment.device));
    }
    const size_t step = BeginStep(Step::Kind::kSegment, plan_.segments.size(), segment.device);
    plan_.segments.push_back({plan_.segments.size(), nullptr, {}, {}, {}});
    for (ValueId id : segment.cut->inputs) Read(id, space, step);
    for (ValueId id : segment.cut->outputs)
      MS_RETURN_IF_ERROR(Make(id, space, step, segment.device));
    if (space == kHostSpace) return OkStatus();
    for (ValueId id : segment.cut->outputs) {
      const std::set<uint32_t>& readers = readers_[id];
      const bool leaves =
          output_.count(id) != 0 || std::any_of(readers.begin(), readers.end(),
                                                [&](uint32_t reader) { return reader != space; });
      if (leaves) MS_RETURN_IF_ERROR(Move(id, space, kHostSpace, segment.device));
    }
    return OkStatus();
  }

  // Values first, then scratch: once for all devices whose segments run one after the other, once
  // for each device that is still at work when the next begins.
  void PlaceArenas() {
    for (auto& items : arenas_) plan_.arena_bytes.push_back(sdk::PlanArena(items));
    std::map<std::pair<uint32_t, size_t>, uint64_t> scratch;
    const auto group = [&](size_t device) {
      return std::pair(SpaceOf(device), devices_[device].asynchronous ? device : kNone);
    };
    for (const PlacedSegment& segment : segments_) {
      uint64_t& bytes = scratch[group(segment.device)];
      bytes = std::max(bytes, segment.scratch_bytes);
    }
    for (auto& [key, bytes] : scratch) {
      uint64_t& end = plan_.arena_bytes[key.first];
      const uint64_t offset = std::exchange(end, end + sdk::AlignUp(bytes));
      bytes = offset;
    }
    for (size_t s = 0; s < segments_.size(); ++s) {
      plan_.segments[s].scratch = {ValuePlace::Kind::kArena, SpaceOf(segments_[s].device),
                                   scratch[group(segments_[s].device)], DType::kU8,
                                   Shape{static_cast<int64_t>(segments_[s].scratch_bytes)}};
    }
  }

  const Graph& graph_;
  const std::vector<PlacedSegment>& segments_;
  const std::vector<DeviceMemory>& devices_;
  ShapedPlan& plan_;
  std::vector<std::vector<sdk::ArenaItem>> arenas_;  // by space
  std::map<Key, Home> homes_;
  std::map<ValueId, size_t> output_;               // number in the request's outputs
  std::map<ValueId, std::set<uint32_t>> readers_;  // spaces
  std::vector<Crossing> crossings_;                // parallel to plan_.transfers
};

}  // namespace

std::vector<DeviceMemory> MemoryOf(const std::vector<std::shared_ptr<backend::Device>>& devices) {
  std::vector<DeviceMemory> memory;
  uint32_t spaces = 1;
  for (const auto& device : devices) {
    const uint32_t flags = device->info().flags;
    memory.push_back({(flags & MS_DEVICE_HOST_MEMORY) != 0 ? kHostSpace : spaces++,
                      (flags & MS_DEVICE_SYNC) == 0});
  }
  return memory;
}

Status LayOutMemory(const Graph& shaped, const std::vector<PlacedSegment>& segments,
                    const std::vector<DeviceMemory>& devices, ShapedPlan* plan) {
  return Layouter(shaped, segments, devices, plan).Run();
}

}  // namespace midstream::plan

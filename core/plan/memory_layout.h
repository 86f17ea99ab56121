// MemoryLayout: finds a place for everything that crosses segments, and the transfers between memory
// spaces that this takes.
#ifndef MIDSTREAM_CORE_PLAN_MEMORY_LAYOUT_H_
#define MIDSTREAM_CORE_PLAN_MEMORY_LAYOUT_H_

#include <vector>

#include "core/plan/segment.h"
#include "core/plan/shaped_plan.h"

namespace midstream::plan {

// What the layout asks of a device.
struct DeviceMemory {
  uint32_t space = kHostSpace;
  bool asynchronous = false;  // its work goes on after the call that submits it
};

// One for each device; each without host memory gets a space of its own, numbered from 1.
std::vector<DeviceMemory> MemoryOf(const std::vector<std::shared_ptr<backend::Device>>& devices);

// A segment as the layout sees it.
struct PlacedSegment {
  const Segment* cut = nullptr;
  size_t device = 0;
  uint64_t scratch_bytes = 0;
};

// Fills segments (but for their plans), transfers, steps, arena_bytes and traffic of *plan.
// shaped: every shape known. segments: in the order to run them. A value is transferred once for
// each space that needs it: off a device right behind the segment that makes it, so that the device
// goes on while the host reads; onto a device right before the segment that needs it. Errors: those
// of ByteSize.
Status LayOutMemory(const Graph& shaped, const std::vector<PlacedSegment>& segments,
                    const std::vector<DeviceMemory>& devices, ShapedPlan* plan);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_MEMORY_LAYOUT_H_

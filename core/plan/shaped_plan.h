// ShapedPlan: a program at one set of input shapes: where every value lies and what is done in which
// order.
//
// Memory comes in spaces: the host's, which every device with host memory shares, and one for each
// device that has its own. A request has one arena in each space. Its inputs begin and its outputs
// end on the host; what crosses from space to space is a step of its own.
//
// Threads: immutable once made.
#ifndef MIDSTREAM_CORE_PLAN_SHAPED_PLAN_H_
#define MIDSTREAM_CORE_PLAN_SHAPED_PLAN_H_

#include <memory>
#include <string>
#include <vector>

#include "core/backend/handles.h"

namespace midstream::plan {

constexpr uint32_t kHostSpace = 0;

// Where a value lies while a request runs.
struct ValuePlace {
  enum class Kind : uint8_t { kRequestInput, kRequestOutput, kArena } kind = Kind::kArena;
  uint32_t space = kHostSpace;
  uint64_t idx = 0;  // input or output number; byte offset in the arena of the space
  DType dtype = DType::kInvalid;
  Shape shape;
};

// A copy of a value between the host and the memory of a device, by the device.
struct Transfer {
  size_t device = 0;
  ValuePlace from, to;
  uint64_t bytes = 0;  // > 0
  std::string value;   // its name
};

struct Step {
  enum class Kind : uint8_t { kSegment, kTransfer } kind = Kind::kSegment;
  size_t idx = 0;     // in ShapedPlan::segments or transfers
  size_t device = 0;  // that does it
  // Earlier steps of other devices that the host waits for before it submits this one: they make
  // what it reads, and their devices do not do so at once.
  std::vector<size_t> after;
};

struct ShapedPlan {
  struct Segment {
    size_t segment;  // index into Program::segments()
    std::shared_ptr<backend::Plan> plan;
    std::vector<ValuePlace> inputs;
    std::vector<ValuePlace> outputs;
    ValuePlace scratch;
  };
  struct Traffic {
    uint64_t to_device_bytes = 0;
    uint64_t from_device_bytes = 0;
    uint64_t transfers = 0;
  };
  std::vector<Shape> input_shapes;
  std::vector<Shape> output_shapes;
  std::vector<Segment> segments;
  std::vector<Transfer> transfers;
  std::vector<Step> steps;
  std::vector<uint64_t> arena_bytes;  // by space: values between segments, then scratch
  Traffic traffic;                    // of one request
};

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_SHAPED_PLAN_H_

// ExecContext: what one request at a time needs to run a Program: a queue per device and one block
// of memory in each memory space.
//
// Everything is submitted in order; the host waits only where it needs what a device makes: for a
// segment or a copy of another device, and once at the end. So a request that runs on one device
// waits once.
//
// Threads: one at a time; a session keeps several contexts to run several requests at once.
#ifndef MIDSTREAM_CORE_PLAN_EXECUTOR_H_
#define MIDSTREAM_CORE_PLAN_EXECUTOR_H_

#include <memory>
#include <span>
#include <vector>

#include "core/plan/program.h"

namespace midstream::plan {

// One weight set for each segment of a program; null for a segment without weights.
using ProgramWeights = std::vector<std::shared_ptr<const backend::WeightSet>>;

// A piece of work of a run, timed by its device.
struct TimedWork {
  size_t device = 0;
  size_t step = SIZE_MAX;  // of the plan; SIZE_MAX: none of them
  NodeId node = 0;         // of the program's graph, when the step is a segment
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
  std::string kernel;
};

class ExecContext {
 public:
  static Result<std::unique_ptr<ExecContext>> Create(std::shared_ptr<const Program> program);

  // plan: of this program. inputs: its dtypes and shapes, already checked. outputs: preallocated,
  // one for each graph output. Returns when the outputs are written; also after an error no device
  // uses the memory any more. Allocates only when a plan needs more memory than any before. Errors:
  // what the backend says, also of work that was under way; DEADLINE_EXCEEDED naming device and
  // segment when a device does not answer, and then the context is stuck.
  // times: null, or gets what every device that can tell took, where the run succeeds.
  Status Run(const std::shared_ptr<const ShapedPlan>& plan, const ProgramWeights& weights,
             std::span<const Tensor> inputs, std::span<Tensor> outputs,
             std::vector<TimedWork>* times = nullptr);

  // A device has work of the last run that did not end in time. The context holds all that this
  // work may touch: its queues and arenas, plan, weights, and a share of the request's tensors. It
  // must not run again and must not be destroyed, for closing a queue waits for its work: hand it
  // to Abandon. (Memory that the caller lent to a tensor without an owner stays the caller's to
  // keep.)
  bool stuck() const { return stuck_ != nullptr; }
  // Keeps a stuck context, and `more` that its work may touch, until the process ends.
  static void Abandon(std::unique_ptr<ExecContext> context, std::vector<Tensor> more);

 private:
  struct DeviceState {
    std::unique_ptr<backend::Queue> queue;  // null: to be opened anew
    bool asynchronous = false;
    uint64_t submitted = 0;  // the last signal of work that was accepted
    uint64_t reached = 0;    // known to have been reached
  };
  struct Stuck {
    size_t device;
    std::shared_ptr<const ShapedPlan> plan;
    ProgramWeights weights;
    std::vector<Tensor> tensors;
  };

  explicit ExecContext(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  Status OpenQueues();
  void CloseFailedQueues();
  Status Reserve(const ShapedPlan& plan);
  Status Submit(const ShapedPlan& plan, const ProgramWeights& weights,
                std::span<const Tensor> inputs, std::span<Tensor> outputs);
  Status WaitFor(const ShapedPlan& plan, size_t device, uint64_t signal);
  Status TimeQueues(bool on);
  Status ReadTimes(const ShapedPlan& plan, std::vector<TimedWork>* times);
  // What the device has not ended.
  std::string FirstPending(const ShapedPlan& plan, size_t device);
  ms_tensor Resolve(const ValuePlace& place, std::span<const Tensor> inputs,
                    std::span<Tensor> outputs) const;
  Status SubmitSegment(const ShapedPlan::Segment& segment, size_t device, uint64_t signal,
                       const backend::WeightSet* weights, std::span<const Tensor> inputs,
                       std::span<Tensor> outputs);

  std::shared_ptr<const Program> program_;
  std::vector<DeviceState> devices_;
  Tensor arena_;                                           // of the host
  std::vector<std::unique_ptr<backend::Buffer>> buffers_;  // by memory space; the host's is null
  std::vector<ms_tensor> in_, out_;                        // reused between runs
  std::vector<uint64_t> signals_;                          // of the steps that were submitted
  bool timed_ = false;
  size_t hung_device_ = SIZE_MAX;
  std::unique_ptr<Stuck> stuck_;
};

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_EXECUTOR_H_

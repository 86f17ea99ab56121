// ExecContext: what one request at a time needs to run a Program: a queue per device and one block
// of memory.
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

class ExecContext {
 public:
  static Result<std::unique_ptr<ExecContext>> Create(std::shared_ptr<const Program> program);

  // plan: of this program. inputs: its dtypes and shapes, already checked. outputs: preallocated,
  // one for each graph output. Returns when the outputs are written. Allocates only when a plan
  // needs more memory than any before. Errors: what the backend says; DEADLINE_EXCEEDED after
  // timeout_ns.
  Status Run(const ShapedPlan& plan, const ProgramWeights& weights, std::span<const Tensor> inputs,
             std::span<Tensor> outputs, uint64_t timeout_ns);

 private:
  explicit ExecContext(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  Status EnsureArena(uint64_t bytes);
  ms_tensor Resolve(const ValuePlace& place, std::span<const Tensor> inputs,
                    std::span<Tensor> outputs) const;
  Status RunSegment(const ShapedPlan& plan, const ShapedPlan::Segment& segment,
                    const backend::WeightSet* weights, std::span<const Tensor> inputs,
                    std::span<Tensor> outputs, uint64_t timeout_ns);

  std::shared_ptr<const Program> program_;
  std::vector<std::unique_ptr<backend::Queue>> queues_;  // by device
  Tensor arena_;
  std::vector<ms_tensor> in_, out_;  // reused between runs
};

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_EXECUTOR_H_

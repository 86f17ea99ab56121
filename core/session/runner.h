// Runner: executes requests of one program with the weights of one store, alone or as a batch.
//
// It holds what a session holds of its model: the program, its weight sets in the store, and, in
// lanes, the memory and device queues of requests that execute at the same time.
//
// Threads: any may run, each on a lane of its own.
#ifndef MIDSTREAM_CORE_SESSION_RUNNER_H_
#define MIDSTREAM_CORE_SESSION_RUNNER_H_

#include <memory>
#include <span>
#include <vector>

#include "core/plan/executor.h"
#include "core/session/activity.h"
#include "core/session/request.h"
#include "core/weights/store.h"

namespace midstream::session {

// What one execution at a time needs.
struct Lane {
  std::unique_ptr<plan::ExecContext> context;  // null: to be made, at first or after a failure
  // Memory of batches, grown to the largest so far: an input or output of all rows each.
  std::vector<Tensor> gathered, scattered;
  size_t number = 0;
};

class Runner {
 public:
  // Errors: those of staging the current weights.
  static Result<std::unique_ptr<Runner>> Create(std::shared_ptr<const plan::Program> program,
                                                std::shared_ptr<weights::Store> store);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  const plan::Program& program() const { return *program_; }
  // Outlives the runner.
  const std::shared_ptr<Activity>& activity() const { return activity_; }
  std::shared_ptr<const weights::Version> Pin() const { return store_->Pin(); }
  // Errors: FAILED_PRECONDITION for a version of another model, or without weights for the program.
  Status Check(const weights::Version& version) const;
  Status Prepare(Lane& lane) const;

  // inputs: of the program, complete. Outputs that have the right dtype and shape and share their
  // bytes with no other tensor are written in place. pinned: null for the version that is current
  // when the execution begins. *version: the one that ran. Errors: those of the backends, and
  // RESOURCE_EXHAUSTED; nothing is thrown.
  Status Run(Lane& lane, const weights::Version* pinned, std::span<const Tensor> inputs,
             std::vector<Tensor>* outputs, uint64_t* version) const;

  // Runs requests with equal batch keys as one and gives each its rows. Errors: those of Run; when
  // the outputs do not have one row for each row of the inputs, FAILED_PRECONDITION. Then no
  // request has been answered.
  Status RunBatch(Lane& lane, const weights::Version& version,
                  std::span<const std::shared_ptr<Request>> requests) const;

 private:
  Runner() = default;
  Status RunOrThrow(Lane& lane, const weights::Version* pinned, std::span<const Tensor> inputs,
                    std::vector<Tensor>* outputs, uint64_t* version) const;
  Status RunBatchOrThrow(Lane& lane, const weights::Version& version,
                         std::span<const std::shared_ptr<Request>> requests) const;
  Status Execute(Lane& lane, const std::shared_ptr<const plan::ShapedPlan>& plan,
                 const weights::Version& version, std::span<const Tensor> inputs,
                 std::span<Tensor> outputs) const;

  std::shared_ptr<const plan::Program> program_;
  std::shared_ptr<weights::Store> store_;
  size_t number_ = 0;  // of the program in the store
  bool attached_ = false;
  const std::shared_ptr<Activity> activity_ = std::make_shared<Activity>();
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_RUNNER_H_

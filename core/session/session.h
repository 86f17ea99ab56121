// Session: a model compiled for one set of inputs and outputs, ready to run.
//
// A request, synchronous or not, runs with one version of the weights and says which: the one that
// it asked for, or the one that is current when its execution begins. Requests queue, batch and
// execute as scheduler.h says; a synchronous run that finds nothing queued executes on its own
// thread.
//
// Threads: every method, any thread.
#ifndef MIDSTREAM_CORE_SESSION_SESSION_H_
#define MIDSTREAM_CORE_SESSION_SESSION_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/graph/named_tensor.h"
#include "core/session/response.h"
#include "core/session/scheduler.h"

namespace midstream::session {

// An input that the caller may give although the outputs do not need it; `required` is the only
// value it may have.
struct UnusedInput {
  TensorSpec spec;
  std::optional<double> required;
};

// How a model that computes random numbers gets them.
struct RandomSource {
  std::string key;  // the program's last input, int64[2]; empty: nothing is random
  int64_t seed = 0;
};

struct Options {
  std::vector<UnusedInput> unused;
  RandomSource random;
  size_t lanes = 1;  // requests, or batches, that execute at once
  QueueLimits queue;
  BatchLimits batching;
};

class Session {
 public:
  // Errors: those of staging the current weights.
  static Result<std::shared_ptr<Session>> Create(std::shared_ptr<const plan::Program> program,
                                                 std::shared_ptr<weights::Store> store,
                                                 Options options = {});
  // Cancels what is queued and waits for what executes.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // What the caller gives: the key of random numbers is not among them.
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return *outputs_; }
  const std::vector<std::string>& fallbacks() const { return fallbacks_; }
  const PrecisionReport& precision() const { return *precision_; }
  const PlacementReport& placement() const { return *placement_; }
  // Null when the session is closed.
  std::shared_ptr<const plan::Program> program() const;

  // Inputs by name, with or without ":0". Errors: INVALID_ARGUMENT listing every input that is
  // missing, unknown, or of another dtype or shape than declared; those of the backends, and of the
  // request (response.h). The key of random numbers may be given by name; else request n since the
  // session began has [seed, n].
  Result<RunResult> Run(std::span<const NamedTensor> inputs, const RequestOptions& options = {});

  // The same for callers that count: inputs in the order of inputs(). An output tensor that already
  // has the right dtype and shape and shares its bytes with no other is written in place.
  Status Run(std::span<const Tensor> inputs, std::vector<Tensor>* outputs, uint64_t* version);

  // Returns at once; the response tells the rest. Errors: INVALID_ARGUMENT as for Run;
  // RESOURCE_EXHAUSTED when the queue is full; UNAVAILABLE and FAILED_PRECONDITION when the session
  // drains or is closed.
  Result<Response> Submit(std::span<const NamedTensor> inputs, const RequestOptions& options = {});

  // Refuses new requests from now on and waits until those that there are have completed. Errors:
  // DEADLINE_EXCEEDED.
  Status Drain(std::optional<std::chrono::nanoseconds> timeout = {});
  // Drains, and lets go of memory, program and weights. Errors: FAILED_PRECONDITION in a callback.
  Status Close();

  SessionStats stats() const { return scheduler_->stats(); }
  // From the next request on. Errors: UNIMPLEMENTED naming a backend that cannot time its work;
  // FAILED_PRECONDITION when the session is closed.
  Status EnableProfile(bool on);
  std::vector<NodeProfile> profile() const { return scheduler_->activity().profile(); }

 private:
  Session() = default;
  // The program's inputs, the key of random numbers empty where it is not given.
  Result<std::vector<Tensor>> Arrange(std::span<const NamedTensor> inputs) const;
  // inputs: of the program, complete.
  Status RunProgram(std::span<const Tensor> inputs, const RequestOptions& options,
                    std::vector<Tensor>* outputs, uint64_t* version);
  std::shared_ptr<Request> MakeRequest(std::vector<Tensor> inputs,
                                       const RequestOptions& options) const;
  bool IsRandom() const { return !random_.key.empty(); }
  Tensor NextKey();

  std::vector<TensorSpec> inputs_;
  std::vector<UnusedInput> unused_;
  std::shared_ptr<const std::vector<TensorSpec>> outputs_;
  std::vector<std::string> fallbacks_;
  std::shared_ptr<const PrecisionReport> precision_;
  std::shared_ptr<const PlacementReport> placement_;
  RandomSource random_;
  bool batches_ = false;
  std::atomic<int64_t> requests_{0};  // that had a key of the session's
  std::shared_ptr<Scheduler> scheduler_;

  mutable std::mutex closing_;
  std::shared_ptr<const plan::Program> program_;  // guarded by closing_
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_SESSION_H_

// Session: a model compiled for one set of inputs and outputs, ready to run.
//
// A run pins the weight version that is current when it is admitted, keeps it to the end and says
// which one it was. As many runs execute at once as the session has instances; further ones wait
// for a free instance.
//
// Threads: every method, any thread.
#ifndef MIDSTREAM_CORE_SESSION_SESSION_H_
#define MIDSTREAM_CORE_SESSION_SESSION_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/graph/named_tensor.h"
#include "core/plan/executor.h"
#include "core/weights/store.h"

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

class Session {
 public:
  // store must outlive the session. Errors: those of staging the current weights.
  static Result<std::shared_ptr<Session>> Create(std::shared_ptr<const plan::Program> program,
                                                 std::vector<UnusedInput> unused,
                                                 std::shared_ptr<weights::Store> store,
                                                 size_t instances, RandomSource random = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // What the caller gives: the key of random numbers is not among them.
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  const plan::Program& program() const { return *program_; }

  // Inputs by name, with or without ":0". Errors: INVALID_ARGUMENT listing every input that is
  // missing, unknown, or of another dtype or shape than declared; those of the backends. The key of
  // random numbers may be given by name; else request n since the session began has [seed, n].
  Result<RunResult> Run(std::span<const NamedTensor> inputs);

  // The same for callers that count: inputs in the order of inputs(). An output tensor that already
  // has the right dtype and shape and shares its bytes with no other is written in place.
  Status Run(std::span<const Tensor> inputs, std::vector<Tensor>* outputs, uint64_t* version);

 private:
  Session() = default;
  // The program's inputs, the key of random numbers empty where it is not given.
  Result<std::vector<Tensor>> Arrange(std::span<const NamedTensor> inputs) const;
  // inputs: of the program, complete.
  Status RunProgram(std::span<const Tensor> inputs, std::vector<Tensor>* outputs,
                    uint64_t* version);
  bool IsRandom() const { return !random_.key.empty(); }
  Tensor NextKey();
  Result<std::unique_ptr<plan::ExecContext>> Borrow();
  void GiveBack(std::unique_ptr<plan::ExecContext> context);

  std::shared_ptr<const plan::Program> program_;
  std::shared_ptr<weights::Store> store_;
  size_t number_ = 0;  // of the program in the store
  bool attached_ = false;
  std::vector<TensorSpec> inputs_;
  std::vector<UnusedInput> unused_;
  std::vector<TensorSpec> outputs_;
  RandomSource random_;
  std::atomic<int64_t> requests_{0};                           // that had a key of the session's
  const uint64_t timeout_ns_ = uint64_t{600} * 1'000'000'000;  // a run is given up after this

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<plan::ExecContext>> idle_;  // null: to be made anew, after a failure
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_SESSION_H_

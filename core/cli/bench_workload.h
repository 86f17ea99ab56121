// BenchWorkload: the model, the input and the sets of weights that `midstream bench` measures with.
//
// The trainer pushes two or more sets in turn: the given files, or, with one file, it and the model's
// own values, or, with none, the model's own values and the same ones times 65/64. So every update
// changes every answer, and an answer that mixes two versions shows.
#ifndef MIDSTREAM_CORE_CLI_BENCH_WORKLOAD_H_
#define MIDSTREAM_CORE_CLI_BENCH_WORKLOAD_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cli/bench_cases.h"
#include "core/measure/answer_check.h"
#include "core/measure/load.h"
#include "core/measure/memory_copy.h"
#include "core/measure/rounds.h"
#include "core/measure/updates.h"

namespace midstream::cli {

class BenchWorkload {
 public:
  BenchWorkload(const BenchArgs& args, BenchSetup setup) : args_(args), setup_(std::move(setup)) {}

  // Opens the model, makes a session, and reads every set of weights.
  Outcome Open();
  // Makes inputs and clients, compiles for them, and learns what each set answers. Again for each
  // case of this setup. Requires: Open succeeded.
  Outcome Prepare(const BenchCase& one);

  // Requires, for all below: Prepare succeeded.
  // Threads: as measure::RunRequest.
  measure::Verdict Run(size_t client);
  // Times every node in some more requests, which count for nothing else, and prints the times.
  Status Profile(bool json);
  // A client's requests, one call each; for timing in rounds.
  measure::Subject Rounds();
  // Threads: as measure::SubmitRequest.
  void Submit(measure::Done done);
  // Threads: one at a time.
  Result<measure::UpdateTimes> Update(uint64_t number);
  Result<measure::UpdateTimes> Copy(uint64_t number);

  const BenchSetup& setup() const { return setup_; }
  Engine& engine() { return engine_; }
  Model& model() { return *model_; }
  Session& session() { return *session_; }
  // The backends that the model runs on, in the order of their placement, and their devices.
  const std::string& backend() const { return backend_; }
  const std::string& device() const { return device_; }
  // How many of what the model is for a request brings: the first dimension of its first input.
  int64_t items() const;
  // Of the largest set of weights; 0 without updates.
  uint64_t weight_bytes() const { return weight_bytes_; }
  size_t tensors() const { return sets_.empty() ? 0 : sets_.front().size(); }
  // Why torn answers cannot be told; empty when they can.
  const std::string& unchecked() const { return unchecked_; }

 private:
  struct Client {
    std::vector<Tensor> outputs;
  };

  void NameDevices();
  Status MakeInputs(const BenchCase& one);
  Status MakeSets();
  Status LearnAnswers();
  Result<uint64_t> Commit(size_t set, measure::UpdateTimes* times);

  const BenchArgs& args_;
  const BenchSetup setup_;
  Engine engine_;
  std::string backend_;
  std::string device_;
  std::vector<InputArg> named_;
  std::optional<Model> model_;
  std::optional<Session> session_;
  std::vector<Tensor> inputs_;
  std::vector<NamedTensor> named_inputs_;
  std::vector<std::vector<NamedTensor>> sets_;
  uint64_t weight_bytes_ = 0;
  std::optional<measure::MemoryCopy> copy_;
  std::vector<Client> clients_;
  std::optional<measure::AnswerCheck> check_;
  std::string unchecked_;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_WORKLOAD_H_

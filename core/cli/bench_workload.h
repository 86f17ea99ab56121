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

#include "core/cli/command.h"
#include "core/cli/input_value.h"
#include "core/measure/answer_check.h"
#include "core/measure/load.h"
#include "core/measure/memory_copy.h"
#include "core/measure/updates.h"

namespace midstream::cli {

struct BenchArgs {
  std::string model;
  std::string signature;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::string> weights;
  int64_t batch = 1;
  double rate = 0;
  int64_t clients = 1;
  std::string distribution = "poisson";
  std::optional<double> update_rate;  // 0: as fast as they go
  double duration = 10;               // seconds
  double warmup = 1;
  uint64_t seed = 0;
  std::string save;
  std::string svg;
  bool markdown = false;
  bool json = false;
  std::string trace;
  bool stats = false;
  ConfigArgs config;
};

class BenchWorkload {
 public:
  explicit BenchWorkload(const BenchArgs& args) : args_(args) {}

  // Opens and compiles, reads every set of weights, and learns what each answers.
  Outcome Open();

  // Requires, for all below: Open succeeded.
  // Threads: as measure::RunRequest.
  measure::Verdict Run(size_t client);
  // Threads: as measure::SubmitRequest.
  void Submit(measure::Done done);
  // Threads: one at a time.
  Result<measure::UpdateTimes> Update(uint64_t number);
  Result<measure::UpdateTimes> Copy(uint64_t number);

  Engine& engine() { return engine_; }
  Model& model() { return *model_; }
  Session& session() { return *session_; }
  uint64_t weight_bytes() const { return weight_bytes_; }
  size_t tensors() const { return sets_.front().size(); }
  // Why torn answers cannot be told; empty when they can.
  const std::string& unchecked() const { return unchecked_; }

 private:
  struct Client {
    std::vector<Tensor> outputs;
  };

  Status MakeInputs(const std::vector<InputArg>& named);
  Status MakeSets();
  Status LearnAnswers();
  Result<uint64_t> Commit(size_t set, measure::UpdateTimes* times);

  const BenchArgs& args_;
  Engine engine_;
  std::optional<Model> model_;
  std::optional<Session> session_;
  std::vector<Tensor> inputs_;
  std::vector<NamedTensor> named_inputs_;
  std::vector<std::vector<NamedTensor>> sets_;
  uint64_t weight_bytes_ = 0;
  std::optional<measure::MemoryCopy> copy_;
  std::vector<Client> clients_;
  measure::AnswerCheck check_;
  std::string unchecked_;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_WORKLOAD_H_

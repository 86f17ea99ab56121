// OnlineWorkflow: a model that is compiled and has its inputs, ready for update after update.
//
// Everything that is no update and no run (opening, compiling, reading files) happens outside the
// times that are reported.
#ifndef MIDSTREAM_CORE_CLI_ONLINE_WORKFLOW_H_
#define MIDSTREAM_CORE_CLI_ONLINE_WORKFLOW_H_

#include <optional>
#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/cli/evaluation.h"
#include "core/cli/follow.h"
#include "core/cli/input_value.h"

namespace midstream::cli {

struct OnlineArgs {
  std::string model;
  std::string signature;
  FollowArgs follow;
  int64_t clients = 2;
  std::vector<std::string> inputs;
  std::string output;
  std::vector<std::string> weights;
  std::string images;
  std::string labels;
  int64_t batch = 16;
  int64_t updates = 0;  // 0: one for each of weights, or kDefaultUpdates
  int64_t runs = 20;
  uint64_t seed = 0;
  std::string trace;
  bool stats = false;
  ConfigArgs config;
  bool json = false;

  static constexpr int64_t kDefaultUpdates = 10;

  int64_t update_count() const {
    if (updates > 0) return updates;
    return weights.empty() ? kDefaultUpdates : static_cast<int64_t>(weights.size());
  }
};

// What was opened.
struct OnlineHead {
  std::string model;
  std::string backend;
  std::vector<std::string> inputs;
  std::string output;
  double open_ms = 0;
  double compile_ms = 0;  // with the first run of each batch size
};

struct UpdateReport {
  std::string source;
  size_t tensors = 0;
  uint64_t version = 0;
  double update_ms = 0;     // assign and commit; reading a file is not part of it
  double inference_ms = 0;  // mean over the runs
  std::optional<double> accuracy;
};

class OnlineWorkflow {
 public:
  explicit OnlineWorkflow(const OnlineArgs& args) : args_(args) {}

  Outcome Open();
  // Requires: Open succeeded. Errors: those of reading, updating and running.
  Result<UpdateReport> Update(int64_t index);

  OnlineHead head() const;
  // Requires for the four below: Open succeeded.
  Model& model() { return *model_; }
  Session& session() { return *session_; }
  const Evaluation& evaluation() const { return evaluation_; }
  // What the session is fed for a batch.
  std::vector<Tensor> InputsOf(size_t batch) const;
  // Since Open returned.
  uint64_t compiles() const { return Engine::stats().compiles - compiles_before_; }

 private:
  Status Compile();
  Status MakeInputs(const std::vector<InputArg>& named);
  Result<std::vector<NamedTensor>> NextWeights(int64_t index);
  Status RunBatch(size_t batch);
  Result<double> MeanInferenceTime();
  Result<double> Accuracy();

  const OnlineArgs& args_;
  Engine engine_;
  std::optional<Model> model_;
  std::optional<Session> session_;
  Evaluation evaluation_;
  size_t batch_input_ = 0;      // which of values_ takes the batches
  std::vector<Tensor> values_;  // in the order of the session's inputs
  std::vector<Tensor> outputs_;
  double open_ms_ = 0;
  double compile_ms_ = 0;
  uint64_t compiles_before_ = 0;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_ONLINE_WORKFLOW_H_

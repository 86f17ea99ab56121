// Entry: one part of a model that a runner calls, as a session that is made when it is needed.
//
// What a call fetches beside the part's own results (taps) is compiled into the same session, so that
// weights are packed once: a session that makes other values than those that are asked for is closed
// and made again. Calls that ask for the same ones, in whatever order, cost nothing more.
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_POLICY_ENTRY_H_
#define MIDSTREAM_CORE_POLICY_ENTRY_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/engine.h"

namespace midstream::policy {

using Tensors = std::map<std::string, Tensor, std::less<>>;

class Entry {
 public:
  // `name` is that of the stage in times and errors; `results` are always fetched.
  Entry(std::string name, std::vector<std::string> inputs, std::vector<std::string> results)
      : name_(std::move(name)), inputs_(std::move(inputs)), results_(std::move(results)) {}

  const std::string& name() const { return name_; }
  const std::vector<std::string>& inputs() const { return inputs_; }
  // Sees to it that later calls fetch the results and `values`, nothing else. Errors: those of
  // Model::CreateSession.
  Status Prepare(Model& model, const std::vector<std::string>& values);
  // Requires: Prepare succeeded. Errors: those of Session::Run, naming the stage.
  Result<Tensors> Run(const std::vector<NamedTensor>& inputs, const VersionPin& version);

 private:
  std::string name_;
  std::vector<std::string> inputs_;
  std::vector<std::string> results_;
  std::vector<std::string> outputs_;  // of session_
  std::optional<Session> session_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_ENTRY_H_

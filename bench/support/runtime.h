// What the engine puts between a configuration and a session, for a graph and weights that come
// from a bench instead of a file.
#ifndef MIDSTREAM_BENCH_SUPPORT_RUNTIME_H_
#define MIDSTREAM_BENCH_SUPPORT_RUNTIME_H_

#include <memory>
#include <string>
#include <vector>

#include "core/backend/registry.h"
#include "core/plan/evaluator.h"
#include "core/session/session.h"

namespace midstream::bench {

// A graph on the backend of a configuration, with its weights.
struct Net {
  std::shared_ptr<weights::Store> store;
  std::shared_ptr<session::Session> session;
};

struct RuntimeOptions {
  std::string backend = "cpu_blas";
  uint32_t threads = 1;
  std::string precision = "origin";  // a precision.mode of the configuration
  bool deterministic = false;        // execution.deterministic
  uint32_t instances = 1;            // runs of a net that execute at the same time
  std::string cache = {};            // a folder for backends that keep files; empty: none
};

// The plugins and devices that the options ask for, as the engine opens them. Outlives its nets.
class Runtime {
 public:
  static Result<std::unique_ptr<Runtime>> Open(const RuntimeOptions& options);

  // Errors: as Program::Compile and Session::Create.
  Result<Net> MakeNet(Graph graph, const std::vector<NamedTensor>& weights);

 private:
  Runtime() = default;

  plan::ProgramOptions program_options_;
  size_t instances_ = 1;
  backend::Registry registry_;
  std::vector<std::shared_ptr<backend::Device>> devices_;
  std::unique_ptr<plan::BackendEvaluator> evaluator_;
  weights::Reaper reaper_;
};

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_SUPPORT_RUNTIME_H_

#include "core/compare/arm.h"

#include <algorithm>
#include <utility>

#include "core/base/trace.h"
#include "core/compare/resident.h"

namespace midstream::compare {
namespace {

// Adds what happens in its lifetime to the costs of an arm.
class Account {
 public:
  Account(OpeningCost* cost, double* milliseconds)
      : cost_(cost),
        milliseconds_(milliseconds),
        backend_bytes_(Engine::stats().backend_bytes),
        begin_ns_(trace::Now()) {
    ResetPeak();
  }
  ~Account() {
    *milliseconds_ = static_cast<double>(trace::Now() - begin_ns_) * 1e-6;
    const uint64_t backend_bytes = Engine::stats().backend_bytes;
    cost_->backend_bytes += backend_bytes - std::min(backend_bytes, backend_bytes_);
    const uint64_t peak = ReadResident().peak;
    cost_->peak_bytes = std::max(cost_->peak_bytes, peak - std::min(peak, cost_->start_bytes));
  }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

 private:
  OpeningCost* cost_;
  double* milliseconds_;
  uint64_t backend_bytes_;
  uint64_t begin_ns_;
};

}  // namespace

Status OpenArm(const ArmSpec& spec, Arm* arm) {
  arm->spec = spec;
  arm->cost.start_bytes = ReadResident().now;
  Account account(&arm->cost, &arm->cost.open_ms);
  MS_ASSIGN_OR_RETURN(arm->engine, Engine::Open(spec.config));
  return OkStatus();
}

Status LoadArm(const ModelSpec& model, Arm* arm) {
  Account account(&arm->cost, &arm->cost.compile_ms);
  MS_ASSIGN_OR_RETURN(arm->model, arm->engine.Load(model.path, "", model.signature));
  SessionOptions options;
  options.inputs = model.inputs;
  options.outputs = model.outputs;
  MS_ASSIGN_OR_RETURN(arm->session, arm->model.CreateSession(options));
  return OkStatus();
}

Status CheckBackend(const Config& config, const Session& session) {
  const config::BackendName wanted = config::ParseBackendName(config.backend);
  for (const PlacementReport::Missing& missing : session.placement().missing) {
    const config::BackendName absent = config::ParseBackendName(missing.backend);
    if (absent.plugin == wanted.plugin &&
        std::max<int64_t>(absent.index, 0) == std::max<int64_t>(wanted.index, 0)) {
      return {Code::kUnavailable, missing.reason};
    }
  }
  return OkStatus();
}

Result<RunResult> FirstRun(const std::vector<NamedTensor>& inputs, Arm* arm) {
  Account account(&arm->cost, &arm->cost.first_run_ms);
  return arm->session.Run(inputs);
}

}  // namespace midstream::compare

#include "core/compare/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <utility>

#include "core/base/trace.h"
#include "core/compare/resident.h"

namespace midstream::compare {
namespace {

constexpr int kProfiledRuns = 10;

// Where a process happens to put its memory moves times by so much; no verdict rests on less.
constexpr double kLeastEffect = 1.02;

Verdict VerdictOf(const measure::Interval& ratio, uint64_t rounds) {
  if (rounds < measure::kFewestForInterval) return Verdict::kNone;
  if (ratio.low > kLeastEffect) return Verdict::kSlower;
  return ratio.high < 1 / kLeastEffect ? Verdict::kFaster : Verdict::kNone;
}

std::string NowUtc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, length};
}

std::vector<std::string> CountBackends(const CompiledGraph& graph) {
  std::vector<std::pair<std::string, int>> counts;
  for (const CompiledNode& node : graph.nodes) {
    const auto it = std::find_if(counts.begin(), counts.end(),
                                 [&](const auto& count) { return count.first == node.backend; });
    if (it == counts.end()) {
      counts.emplace_back(node.backend, 1);
    } else {
      ++it->second;
    }
  }
  std::vector<std::string> texts;
  for (const auto& [backend, count] : counts) texts.push_back(fmt::format("{} {}", backend, count));
  return texts;
}

class Runner {
 public:
  explicit Runner(const Request& request) : request_(request) {
    report_.model = request.model.path;
    report_.seed = request.seed;
    report_.baseline = request.baseline;
    report_.time = NowUtc();
    report_.environment = measure::DescribeEnvironment();
    for (const ArmSpec& spec : request.arms) {
      arms_.push_back(std::make_unique<Arm>());
      ArmReport& arm = report_.arms.emplace_back();
      arm.name = spec.name;
      arm.from = spec.from;
    }
  }

  Result<Report> Run() {
    MS_RETURN_IF_ERROR(Start(request_.baseline));
    if (!report_.base().ran()) return std::move(report_);
    for (size_t i = 0; i < arms_.size(); ++i) {
      if (i != request_.baseline) MS_RETURN_IF_ERROR(Start(i));
    }
    MS_RETURN_IF_ERROR(FindLayers(false));
    for (const std::string& weights : request_.weights) {
      MS_RETURN_IF_ERROR(Update(weights));
      if (!report_.base().ran()) return std::move(report_);
      MS_RETURN_IF_ERROR(FindLayers(false));
    }
    MS_RETURN_IF_ERROR(FindLayers(true));
    if (request_.time) MS_RETURN_IF_ERROR(Time());
    MS_RETURN_IF_ERROR(Profile());
    report_.peak_bytes = ReadResident().peak;
    for (const ArmReport& arm : report_.arms) {
      report_.peak_bytes = std::max(report_.peak_bytes, arm.cost.start_bytes + arm.cost.peak_bytes);
    }
    return std::move(report_);
  }

 private:
  void Say(const std::string& what) const {
    if (request_.progress) request_.progress(what);
  }

  void Fail(size_t i, const Status& status, bool unavailable = false) {
    report_.arms[i].problem = status;
    report_.arms[i].unavailable = unavailable;
  }

  // Opens, compiles, runs and compares one arm.
  Status Start(size_t i) {
    Arm& arm = *arms_[i];
    ArmReport& report = report_.arms[i];
    Say(fmt::format("{}: opening and compiling", report.name));
    if (const Status opened = OpenArm(request_.arms[i], &arm); !opened.ok()) {
      Fail(i, opened, true);
      return OkStatus();
    }
    if (const Status loaded = LoadArm(request_.model, &arm); !loaded.ok()) {
      Fail(i, loaded);
      return OkStatus();
    }
    if (const Status there = CheckBackend(request_.arms[i].config, arm.session); !there.ok()) {
      Fail(i, there, true);
      return OkStatus();
    }
    report.precision = arm.session.precision().mode;
    report.backends = CountBackends(arm.session.compiled_graph());
    if (i == request_.baseline) MS_RETURN_IF_ERROR(MakeInputs());
    Result<RunResult> result = FirstRun(inputs_, &arm);
    report.cost = arm.cost;
    if (!result.ok()) {
      Fail(i, result.status());
      return OkStatus();
    }
    Compare(i, *std::move(result), &report.versions.emplace_back());
    return OkStatus();
  }

  Status MakeInputs() {
    const Session& session = arms_[request_.baseline]->session;
    MS_ASSIGN_OR_RETURN(inputs_, request_.make_inputs(session.inputs()));
    for (const NamedTensor& input : inputs_) {
      report_.inputs.push_back({input.name, input.value.dtype(), input.value.shape()});
    }
    std::vector<std::string> outputs;
    for (const TensorSpec& output : session.outputs()) outputs.push_back(output.name);
    MS_RETURN_IF_ERROR(request_.atol.CheckNames(outputs, "--atol"));
    return request_.rtol.CheckNames(outputs, "--rtol");
  }

  // The baseline's answer is kept for those of the others.
  void Compare(size_t i, RunResult result, VersionReport* version) {
    if (i == request_.baseline) {
      expected_ = std::move(result);
      return;
    }
    for (size_t k = 0; k < expected_.outputs.size(); ++k) {
      const NamedTensor& output = result.outputs[k];
      OutputDifference row{output.name, "", {}};
      const Tolerance tolerance{request_.atol.Of(output.name), request_.rtol.Of(output.name)};
      auto difference = compare::Compare(output.value, expected_.outputs[k].value, tolerance);
      if (difference.ok()) {
        row.difference = *difference;
      } else {
        row.problem = difference.status().message();
      }
      version->outputs.push_back(std::move(row));
    }
  }

  // The same new weights for every arm, the baseline first.
  Status Update(const std::string& weights) {
    Say(fmt::format("updating every arm to {}", weights));
    UpdateArm(request_.baseline, weights);
    if (!report_.base().ran()) return OkStatus();
    for (size_t i = 0; i < arms_.size(); ++i) {
      if (i != request_.baseline && report_.arms[i].ran()) UpdateArm(i, weights);
    }
    weights_ = weights;
    return OkStatus();
  }

  void UpdateArm(size_t i, const std::string& weights) {
    VersionReport& version = report_.arms[i].versions.emplace_back();
    version.weights = weights;
    const uint64_t compiles = Engine::stats().compiles;
    const uint64_t begin_ns = trace::Now();
    const Result<uint64_t> made = arms_[i]->model.UpdateFrom(weights);
    if (!made.ok()) return Fail(i, made.status());
    version.update_ms = static_cast<double>(trace::Now() - begin_ns) * 1e-6;
    Result<RunResult> result = arms_[i]->session.Run(inputs_);
    if (!result.ok()) return Fail(i, result.status());
    version.compiles = Engine::stats().compiles - compiles;
    Compare(i, *std::move(result), &version);
  }

  // For each arm once: at the first version whose outputs differ, else at the last.
  Status FindLayers(bool last) {
    if (!request_.layers) return OkStatus();
    for (size_t i = 0; i < arms_.size(); ++i) {
      ArmReport& report = report_.arms[i];
      if (i == request_.baseline || !report.ran() || report.layers) continue;
      const auto& outputs = report.versions.back().outputs;
      const bool agree = std::all_of(outputs.begin(), outputs.end(), [](const auto& output) {
        return output.problem.empty() && output.difference.within();
      });
      if (agree && !last) continue;
      Say(fmt::format("{}: looking for the first node that differs", report.name));
      Result<LayerReport> layers = FindLayer({arms_[i].get(), arms_[request_.baseline].get(),
                                              request_.model, weights_, inputs_, agree});
      if (layers.ok()) {
        report.layers = *std::move(layers);
      } else {
        report.layers_problem = layers.status();
        report.layers.emplace();
      }
    }
    return OkStatus();
  }

  // Inputs in the order of the session.
  std::vector<Tensor> InputsOf(const Session& session) const {
    std::vector<Tensor> ordered;
    for (const TensorSpec& spec : session.inputs()) {
      for (const NamedTensor& input : inputs_) {
        if (WithoutPort(input.name) == WithoutPort(spec.name)) ordered.push_back(input.value);
      }
    }
    return ordered;
  }

  Status Time() {
    struct Call {
      std::vector<Tensor> inputs, outputs;
    };
    std::vector<Call> calls(arms_.size());
    std::vector<measure::Subject> subjects;
    std::vector<size_t> of;
    for (size_t i = 0; i < arms_.size(); ++i) {
      if (!report_.arms[i].ran()) continue;
      calls[i].inputs = InputsOf(arms_[i]->session);
      subjects.push_back({report_.arms[i].name, [&call = calls[i], &session = arms_[i]->session] {
                            return session.Run(call.inputs, &call.outputs, nullptr);
                          }});
      of.push_back(i);
    }
    Say(fmt::format("timing {} arms in interleaved rounds", subjects.size()));
    MS_ASSIGN_OR_RETURN(std::vector<measure::Sample> samples,
                        measure::TimeInRounds(subjects, request_.rounds));
    const auto baseline = std::find(of.begin(), of.end(), request_.baseline) - of.begin();
    const std::vector<double> base = samples[static_cast<size_t>(baseline)].round_medians_ns;
    report_.rounds = base.size();
    for (size_t k = 0; k < of.size(); ++k) {
      report_.seconds += samples[k].seconds;
      report_.arms[of[k]].speed = SpeedOf(std::move(samples[k]), base, of[k]);
    }
    return OkStatus();
  }

  // After the timed calls, which it would slow down.
  Status Profile() {
    for (size_t i = 0; i < arms_.size(); ++i) {
      ArmReport& report = report_.arms[i];
      if (!report.ran()) continue;
      Say(fmt::format("{}: looking at its nodes", report.name));
      Session& session = arms_[i]->session;
      // A backend without a clock has traffic all the same.
      const bool timed = request_.time && session.EnableProfile(true).ok();
      const SessionStats before = session.stats();
      for (int run = 0; run < kProfiledRuns; ++run) {
        const Result<RunResult> result = session.Run(inputs_);
        if (!result.ok()) return result.status().WithContext(report.name);
      }
      const SessionStats after = session.stats();
      report.traffic = {OfOneRun(after.to_device_bytes - before.to_device_bytes),
                        OfOneRun(after.from_device_bytes - before.from_device_bytes),
                        OfOneRun(after.transfers - before.transfers)};
      if (!timed) continue;
      for (const NodeProfile& node : session.profile()) {
        report.nodes.push_back(
            {node.node, node.op, node.backend, node.kernel, OfOneRun(node.total_ns)});
      }
      MS_RETURN_IF_ERROR(session.EnableProfile(false));
    }
    return OkStatus();
  }

  static double OfOneRun(uint64_t total) { return static_cast<double>(total) / kProfiledRuns; }

  Speed SpeedOf(measure::Sample sample, const std::vector<double>& base, size_t arm) const {
    Speed speed;
    speed.median_ns = measure::MedianInterval(sample.round_medians_ns, request_.seed);
    speed.ratio = {1, 1, 1};
    if (arm != request_.baseline) {
      speed.ratio = measure::RatioInterval(base, sample.round_medians_ns, request_.seed);
      speed.verdict = VerdictOf(speed.ratio, base.size());
    }
    speed.calls = sample.calls;
    speed.per_second = sample.seconds > 0 ? static_cast<double>(sample.calls) / sample.seconds : 0;
    speed.latencies_ns = std::move(sample.latencies_ns);
    std::sort(speed.latencies_ns.begin(), speed.latencies_ns.end());
    speed.p50_ns = measure::Quantile(speed.latencies_ns, 0.5);
    speed.p90_ns = measure::Quantile(speed.latencies_ns, 0.9);
    speed.p99_ns = measure::Quantile(speed.latencies_ns, 0.99);
    speed.p999_ns = measure::Quantile(speed.latencies_ns, 0.999);
    return speed;
  }

  const Request& request_;
  std::vector<std::unique_ptr<Arm>> arms_;
  Report report_;
  std::vector<NamedTensor> inputs_;
  RunResult expected_;   // of the baseline, at the current version
  std::string weights_;  // the file of the current version
};

}  // namespace

Result<Report> RunComparison(const Request& request) { return Runner(request).Run(); }

}  // namespace midstream::compare

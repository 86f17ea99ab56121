#include "core/cli/bench_measure.h"

#include <algorithm>
#include <cmath>

#include "core/measure/clock.h"
#include "core/measure/rounds.h"

namespace midstream::cli {
namespace {

using measure::SliceKind;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;

nanoseconds Seconds(double seconds) {
  return duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

measure::LiveUpdateOptions LiveUpdateOptionsOf(const BenchArgs& args, const BenchCase& one) {
  measure::LiveUpdateOptions options;
  options.updates = args.update_rate.has_value();
  options.update_rate = args.update_rate.value_or(0);
  // Slices of a second, longer where that would hold less than five updates.
  double slice = 1;
  if (options.update_rate > 0) slice = std::max(slice, 5 / options.update_rate);
  const double round = slice * (options.updates ? measure::kSliceKinds : 1);
  options.rounds = static_cast<size_t>(std::max(1.0, std::floor(args.duration / round)));
  const double length = args.duration / static_cast<double>(options.rounds) /
                        (options.updates ? measure::kSliceKinds : 1);
  options.warmup = Seconds(args.warmup);
  options.load.rate = one.rate;
  options.load.poisson = args.distribution == "poisson";
  options.load.clients = static_cast<size_t>(one.clients);
  options.load.seed = args.seed;
  options.load.warmup = Seconds(std::min(0.1, length / 10));
  options.load.duration = Seconds(length) - options.load.warmup;
  return options;
}

measure::LiveUpdateResult MeasureSlices(const BenchArgs& args, const BenchCase& one,
                                        BenchWorkload& workload) {
  return measure::MeasureLiveUpdate(
      [&](const measure::LoadOptions& load) {
        if (one.rate > 0) {
          return measure::SubmitLoad([&](measure::Done done) { workload.Submit(std::move(done)); },
                                     load);
        }
        return measure::RunLoad([&](size_t client) { return workload.Run(client); }, load);
      },
      [&](uint64_t number) { return workload.Update(number); },
      [&](uint64_t number) { return workload.Copy(number); }, LiveUpdateOptionsOf(args, one));
}

// As one quiet slice.
measure::LiveUpdateResult FromSample(measure::Sample sample, uint64_t start_ns) {
  measure::LiveUpdateResult result;
  result.start_ns = start_ns;
  measure::SliceSum& sum = result.sums[static_cast<size_t>(SliceKind::kQuiet)];
  sum.medians_ns = std::move(sample.round_medians_ns);
  sum.load.seconds = sample.seconds;
  sum.load.answered = sample.calls;
  Histogram histogram;
  for (size_t i = 0; i < sample.latencies_ns.size(); ++i) {
    const auto latency = static_cast<uint64_t>(sample.latencies_ns[i]);
    histogram.Record(latency);
    sum.load.samples.push_back({sample.began_ns[i], latency});
  }
  sum.load.latency_ns = histogram.TakeSnapshot();
  measure::Slice slice{SliceKind::kQuiet, start_ns, measure::Now(), sum.load, {}};
  slice.load.samples = {};
  result.slices.push_back(std::move(slice));
  return result;
}

Result<measure::LiveUpdateResult> MeasureRounds(const BenchArgs& args, BenchWorkload& workload) {
  const measure::Subject subject = workload.Rounds();
  measure::RoundOptions options;
  options.warmup_calls = 0;
  options.rounds = 1;
  options.seconds = args.warmup;
  if (args.warmup > 0) {
    MS_RETURN_IF_ERROR(measure::TimeInRounds({&subject, 1}, options).status());
  }
  options.rounds = args.rounds;
  options.seconds = args.duration;
  options.calls = args.iterations;
  options.seed = args.seed;
  const uint64_t start_ns = measure::Now();
  MS_ASSIGN_OR_RETURN(std::vector<measure::Sample> samples,
                      measure::TimeInRounds({&subject, 1}, options));
  return FromSample(std::move(samples.front()), start_ns);
}

}  // namespace

Result<BenchReport> MeasureCase(const BenchArgs& args, const BenchCase& one,
                                const std::vector<double>& percentiles, BenchWorkload& workload) {
  measure::LiveUpdateResult result;
  if (one.rate > 0 || args.update_rate) {
    result = MeasureSlices(args, one, workload);
  } else {
    MS_ASSIGN_OR_RETURN(result, MeasureRounds(args, workload));
  }
  const Config& config = workload.engine().config();
  BenchReport report{.model = args.model,
                     .one = one,
                     .backend = workload.backend(),
                     .device = workload.device(),
                     .precision = workload.session().precision().mode,
                     .threads = config.execution.threads,
                     .streams = config.execution.streams,
                     .instances = config.execution.instances,
                     .items = workload.items(),
                     .distribution = args.distribution,
                     .updates = args.update_rate.has_value(),
                     .update_rate = args.update_rate.value_or(0),
                     .weight_bytes = workload.weight_bytes(),
                     .tensors = workload.tensors(),
                     .duration = args.duration,
                     .seed = args.seed,
                     .unchecked = workload.unchecked(),
                     .version = MS_VERSION,
                     .percentiles = percentiles,
                     .threshold = {},
                     .environment = measure::DescribeEnvironment(),
                     .result = std::move(result)};
  if (args.searches()) {
    ThresholdReport threshold{*args.threshold_ms, args.threshold_percentile, true};
    const auto& load = report.result[report.updates ? SliceKind::kUpdates : SliceKind::kQuiet].load;
    const double reached = load.LatencyQuantile(threshold.percentile / 100) * 1e-6;
    threshold.held = reached <= threshold.milliseconds && load.failed == 0 && load.unsent == 0;
    report.threshold = threshold;
  }
  return report;
}

}  // namespace midstream::cli

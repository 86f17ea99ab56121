// The round trip of a model that returns its input: what the way into an interpreter and back costs.
#include <fmt/format.h>

#include <chrono>

#include "bench/python/questions.h"
#include "core/measure/load.h"

namespace midstream::bench {

Status AskHop(const Options& options) {
  PrintRow(options, {"isolation", "spin_us", "p50 us", "p90 us", "p99 us"}, true);
  const struct {
    const char* isolation;
    int spin_us;
  } ways[] = {{"shared", 0}, {"shared", 20}, {"process", 0}, {"process", 20}};
  for (const auto& [isolation, spin_us] : ways) {
    MS_ASSIGN_OR_RETURN(Hosted hosted, Hosted::Open(options, "nothing", isolation, 1, 1, spin_us));
    MS_ASSIGN_OR_RETURN(const std::vector<Tensor> answer, hosted.Ask());
    if (!BitEqual(answer[0], hosted.input)) return Internal("the answer is not the input");
    const auto run = [&](size_t) {
      return hosted.Ask().ok() ? measure::Verdict::kRight : measure::Verdict::kFailed;
    };
    measure::LoadOptions load;
    load.warmup = std::chrono::milliseconds(300);
    load.duration =
        std::chrono::nanoseconds(static_cast<int64_t>(options.seconds * options.rounds * 1e9));
    const measure::LoadResult result = measure::RunLoad(run, load);
    if (result.failed > 0) return Internal("requests failed");
    const std::vector<double> quantiles = result.LatencyQuantiles({0.5, 0.9, 0.99});
    std::vector<std::string> cells = {isolation, std::to_string(spin_us)};
    for (const double quantile : quantiles) cells.push_back(fmt::format("{:.1f}", quantile / 1e3));
    PrintRow(options, cells);
  }
  return OkStatus();
}

}  // namespace midstream::bench

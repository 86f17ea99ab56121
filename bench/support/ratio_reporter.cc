#include "bench/support/ratio_reporter.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace midstream::bench {
namespace {

constexpr const char* kOurs = "midstream";
// Long enough for a stray interrupt not to matter, short enough for many rounds.
constexpr const char* kDefaults[] = {"--benchmark_repetitions=11", "--benchmark_min_time=0.15",
                                     "--benchmark_enable_random_interleaving=true",
                                     "--benchmark_display_aggregates_only=true"};

}  // namespace

void RatioReporter::ReportRuns(const std::vector<Run>& runs) {
  std::vector<Run> shown;
  for (const Run& run : runs) {
    bool alone = run.run_type == Run::RT_Iteration && run.repetitions <= 1;
    if (run.error_occurred || alone || run.aggregate_name == "median") shown.push_back(run);
    if (run.error_occurred || (!alone && run.aggregate_name != "median")) continue;
    const std::string& name = run.run_name.function_name;
    size_t slash = name.rfind('/');
    std::string question = name.substr(0, slash);
    auto at = std::find_if(questions_.begin(), questions_.end(),
                           [&](const Question& q) { return q.name == question; });
    if (at == questions_.end()) at = questions_.insert(at, {question, {}});
    at->entries.push_back(
        {name.substr(slash + 1),
         run.GetAdjustedRealTime() * 1e6 / benchmark::GetTimeUnitMultiplier(run.time_unit)});
  }
  ConsoleReporter::ReportRuns(shown);
}

void RatioReporter::Finalize() {
  std::sort(questions_.begin(), questions_.end(), [](const Question& a, const Question& b) {
    return strverscmp(a.name.c_str(), b.name.c_str()) < 0;  // batch:2 before batch:16
  });
  std::printf("\n%-34s %12s   %s\n", "medians", "midstream us", "midstream / contender");
  for (Question& question : questions_) {
    auto ours = std::find_if(question.entries.begin(), question.entries.end(),
                             [](const Entry& entry) { return entry.contender == kOurs; });
    if (ours == question.entries.end()) continue;
    const double mine = ours->microseconds;
    std::printf("%-34s %12.2f  ", question.name.c_str(), mine);
    std::sort(question.entries.begin(), question.entries.end(),
              [](const Entry& a, const Entry& b) { return a.contender < b.contender; });
    for (const Entry& entry : question.entries) {
      if (entry.contender == kOurs) continue;
      std::printf(" %.2f of %s (%.2f us)", mine / entry.microseconds, entry.contender.c_str(),
                  entry.microseconds);
    }
    std::printf("\n");
  }
}

int RunBenches(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, std::begin(kDefaults), std::end(kDefaults));
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  bool other_format = std::any_of(argv, argv + argc, [](const char* argument) {
    return std::strncmp(argument, "--benchmark_format", 18) == 0;
  });
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(other_format ? nullptr : &reporter);
  benchmark::Shutdown();
  return 0;
}

}  // namespace midstream::bench

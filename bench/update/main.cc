// bench_update [--only=QUESTION] [--backend=NAME] [--scale=X] [--md] [--json=FILE]: what changing the
// weights of a running model costs. Questions: commit, stage, delta, serve, first, rate.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/update/questions.h"

namespace midstream::bench {
namespace {

struct Question {
  const char* name;
  Status (*measure)(const Options& options, Results* results);
};
constexpr Question kQuestions[] = {{"commit", MeasureCommits},     {"stage", MeasureStaging},
                                   {"delta", MeasureDeltas},       {"serve", MeasureServing},
                                   {"first", MeasureFirstAnswers}, {"rate", MeasureUpdateRate}};

bool TakeFlag(std::string_view argument, std::string_view name, std::string* value) {
  if (!argument.starts_with(name)) return false;
  *value = argument.substr(name.size());
  return true;
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && written;
}

int Main(int argc, char** argv) {
  Options options;
  std::string only, json, scale;
  bool markdown = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--benchmark_")) continue;  // those of other benches
    if (TakeFlag(argument, "--only=", &only) || TakeFlag(argument, "--json=", &json) ||
        TakeFlag(argument, "--backend=", &options.backend)) {
      continue;
    }
    if (TakeFlag(argument, "--scale=", &scale)) {
      options.scale = std::strtod(scale.c_str(), nullptr);
    } else if (argument == "--md") {
      markdown = true;
    } else {
      std::fprintf(stderr, "bench_update: unknown option %s\n", argv[i]);
      return 2;
    }
  }
  if (!(options.scale > 0)) options.scale = 1;

  const measure::Environment environment = measure::DescribeEnvironment();
  Results results;
  bool asked = false;
  for (const Question& question : kQuestions) {
    if (!only.empty() && only != question.name) continue;
    asked = true;
    std::fprintf(stderr, "bench_update: %s\n", question.name);
    const Status status = question.measure(options, &results);
    if (status.ok()) continue;
    std::fprintf(stderr, "bench_update: %s: %s\n", question.name, status.ToString().c_str());
    return 1;
  }
  if (!asked) {
    std::fprintf(stderr, "bench_update: no question is called '%s'\n", only.c_str());
    return 2;
  }
  std::printf("%s, %u cores, %s, %s, load %.1f\n%s", environment.cpu.c_str(), environment.cores,
              environment.system.c_str(), environment.compiler.c_str(), environment.load_average,
              results.ToText(markdown).c_str());
  if (json.empty() || WriteFile(json, results.ToJson(environment))) return 0;
  std::fprintf(stderr, "bench_update: cannot write %s\n", json.c_str());
  return 1;
}

}  // namespace
}  // namespace midstream::bench

int main(int argc, char** argv) { return midstream::bench::Main(argc, argv); }

// bench_python [--only=scaling|hop|memory] [--seconds=X] [--rounds=N] [--spin=US] [--md]: models that are Python
// code, on interpreters of this process and on worker processes.
//
// Their containers are written by make_models.py into a folder that is removed at the end. Needs
// /usr/bin/python3 with numpy.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "bench/python/questions.h"
#include "core/base/log.h"

namespace midstream::bench {
namespace {

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&](std::string_view name) {
      return argument.starts_with(name) ? argv[i] + name.size() : nullptr;
    };
    if (const char* only = value("--only=")) {
      options->only = only;
    } else if (const char* seconds = value("--seconds=")) {
      options->seconds = std::atof(seconds);
    } else if (const char* rounds = value("--rounds=")) {
      options->rounds = std::atoi(rounds);
    } else if (const char* spin = value("--spin=")) {
      options->spin_us = std::atoi(spin);
    } else if (argument == "--md") {
      options->markdown = true;
    } else {
      return false;
    }
  }
  return options->seconds > 0 && options->rounds > 0;
}

Status MakeModels(const Options& options) {
  const std::string command = fmt::format("/usr/bin/python3 '{}/bench/python/make_models.py' '{}'",
                                          MS_SOURCE_DIR, options.folder);
  return std::system(command.c_str()) == 0 ? OkStatus() : Internal("failed: " + command);
}

Status Ask(const Options& options) {
  const struct {
    std::string name;
    Status (*ask)(const Options&);
  } questions[] = {{"hop", AskHop}, {"scaling", AskScaling}, {"memory", AskMemory}};
  MS_RETURN_IF_ERROR(MakeModels(options));
  for (const auto& question : questions) {
    if (!question.name.starts_with(options.only)) continue;
    MS_RETURN_IF_ERROR(question.ask(options));
    fmt::print("\n");
  }
  return OkStatus();
}

}  // namespace

void PrintRow(const Options& options, const std::vector<std::string>& cells, bool head) {
  std::string rule;
  for (const std::string& cell : cells) {
    options.markdown ? fmt::print("| {} ", cell) : fmt::print("{:<18}", cell);
    rule += "|---";
  }
  std::fputs(options.markdown ? "|\n" : "\n", stdout);
  if (head && options.markdown) fmt::print("{}|\n", rule);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    fmt::print(stderr,
               "usage: bench_python [--only=scaling|hop|memory] [--seconds=X] [--rounds=N] "
               "[--spin=US] [--md]\n");
    return 2;
  }
  SetLogSink([](LogLevel, std::string_view text) { fmt::print(stderr, "{}\n", text); },
             LogLevel::kWarning);
  char folder[] = "/tmp/bench_python.XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  options.folder = folder;
  const Status status = Ask(options);
  std::filesystem::remove_all(folder);
  if (!status.ok()) fmt::print(stderr, "bench_python: {}\n", status.ToString());
  return status.ok() ? 0 : 1;
}

}  // namespace midstream::bench

int main(int argc, char** argv) { return midstream::bench::Main(argc, argv); }

// bench_backends [--only=speed|start] [--backends=A,B,...] [--threads=N] [--seconds=X] [--rounds=N] [--md]:
// the same model on several backends, on the same cores, and how long each takes to its first answer.

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bench/backends/questions.h"
#include "core/measure/environment.h"

namespace midstream::bench {
namespace {

bool TakeFlag(std::string_view argument, std::string_view name, std::string* value) {
  if (!argument.starts_with(name)) return false;
  *value = argument.substr(name.size());
  return true;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

struct Flags {
  Options options;
  std::string only;
  std::string first_answer;  // the folder of the cache: this process is one of CompareStarts
};

// False: an argument is not known.
bool Parse(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    std::string value;
    if (argument.starts_with("--benchmark_")) continue;  // those of other benches
    if (TakeFlag(argument, "--only=", &flags->only) ||
        TakeFlag(argument, "--first-answer=", &flags->first_answer)) {
      continue;
    }
    if (TakeFlag(argument, "--backends=", &value)) {
      flags->options.backends = Split(value);
    } else if (TakeFlag(argument, "--threads=", &value)) {
      flags->options.threads = static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (TakeFlag(argument, "--seconds=", &value)) {
      flags->options.seconds = std::strtod(value.c_str(), nullptr);
    } else if (TakeFlag(argument, "--rounds=", &value)) {
      flags->options.rounds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (argument == "--md") {
      flags->options.markdown = true;
    } else {
      std::fprintf(stderr, "bench_backends: unknown option %s\n", argv[i]);
      return false;
    }
  }
  return true;
}

int Main(int argc, char** argv) {
  Flags flags;
  if (!Parse(argc, argv, &flags)) return 2;
  if (!flags.first_answer.empty()) {
    const Status status = FirstAnswer(flags.options.backends.front(), flags.first_answer);
    if (!status.ok()) std::fprintf(stderr, "bench_backends: %s\n", status.ToString().c_str());
    return status.ok() ? 0 : 1;
  }
  if (!flags.only.empty() && flags.only != "speed" && flags.only != "start") {
    std::fprintf(stderr, "bench_backends: no question is called '%s'\n", flags.only.c_str());
    return 2;
  }
  const measure::Environment environment = measure::DescribeEnvironment();
  std::printf("%s, %u cores, %s, %s, %s, load %.1f\n\n", environment.cpu.c_str(), environment.cores,
              environment.system.c_str(), environment.compiler.c_str(), environment.commit.c_str(),
              environment.load_average);
  bool failed = false;
  if (flags.only != "start") failed |= !CompareSpeed(flags.options).ok();
  std::printf("\n");
  if (flags.only != "speed") failed |= !CompareStarts(flags.options).ok();
  return failed ? 1 : 0;
}

}  // namespace

std::string Row(const Options& options, const std::vector<std::string>& cells) {
  std::string row;
  for (size_t i = 0; i < cells.size(); ++i) {
    row += options.markdown ? fmt::format("| {} ", cells[i])
                            : fmt::format("{:<{}}  ", cells[i], i == 0 ? 20 : 16);
  }
  return row + (options.markdown ? "|\n" : "\n");
}

std::string Rule(const Options& options, size_t columns) {
  if (!options.markdown) return "";
  std::string rule = "|";
  for (size_t i = 0; i < columns; ++i) rule += "---|";
  return rule + "\n";
}

}  // namespace midstream::bench

int main(int argc, char** argv) { return midstream::bench::Main(argc, argv); }

// The options of midstream bench.
#include "core/cli/bench_args.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "core/cli/input_value.h"
#include "core/cli/observe.h"
#include "core/cli/profile_text.h"
#include "core/cli/stats_text.h"

namespace midstream::cli {
namespace {

constexpr const char* kList = "LIST";

const std::map<std::string, BenchFormat>& Formats() {
  static const std::map<std::string, BenchFormat> kFormats = {{"text", BenchFormat::kText},
                                                              {"csv", BenchFormat::kCsv},
                                                              {"json", BenchFormat::kJson},
                                                              {"jsonl", BenchFormat::kJsonLines},
                                                              {"md", BenchFormat::kMarkdown}};
  return kFormats;
}

// "max" or a number above 0.
std::string ParseUpdateRate(const std::string& text, std::optional<double>* rate) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text == "max") {
    *rate = 0;
  } else if (error == std::errc() && end == text.data() + text.size() && value > 0 &&
             value <= 1e6) {
    *rate = value;
  } else {
    return fmt::format("'{}' is no rate: expected updates a second, up to 1e6, or max", text);
  }
  return "";
}

void AddModelOptions(CLI::App& command, const std::shared_ptr<BenchArgs>& args) {
  AddModel(command, &args->model, &args->signature);
  AddRepeated(
      command, "--input", &args->inputs,
      fmt::format("Feed this tensor; without a SPEC ({}) a random one. Without --input: the "
                  "placeholders that the outputs need (repeatable)",
                  kValueHelp))
      ->type_name("NAME[=SPEC]");
  AddRepeated(command, "--output", &args->outputs,
              "Compute this tensor; without it, the model's own outputs (repeatable)")
      ->type_name("NAME");
}

// Every option here may have several values, and each combination of them is a run.
void AddAxes(CLI::App& command, const std::shared_ptr<BenchArgs>& args) {
  const auto list = [&](const char* name, std::string* to, const char* description) {
    return command.add_option(name, *to, description)->type_name(kList)->check(NotEmpty());
  };
  list("--batch", &args->batches,
       "First dimension of random inputs, where the model leaves it free")
      ->capture_default_str();
  AddRepeated(command, "--shape", &args->shapes,
              "Feed random values of this shape, or of each of several (repeatable)")
      ->type_name("NAME=2x3[,4x3...]");
  CLI::Option* rate =
      list("--rate", &args->rates,
           "Requests submitted a second, whether or not the ones before are answered: latencies "
           "count from the moment at which a request is due");
  list("--clients,--concurrency", &args->clients,
       "Threads that send requests, each when it has its last answer")
      ->capture_default_str()
      ->excludes(rate);
  command.add_option("--request-distribution", args->distribution, "Of the arrivals of --rate")
      ->capture_default_str()
      ->check(CLI::IsMember({"poisson", "constant"}))
      ->needs(rate);
  list("--threads", &args->threads, "execution.threads of the configuration; 0: one per core");
  list("--streams", &args->streams, "execution.streams of the configuration");
  list("--instances", &args->instances, "execution.instances of the configuration");
  list("--precision", &args->precisions, "precision.mode of the configuration")
      ->type_name("MODE[,MODE...]");
  list("--backend", &args->backends, "backend of the configuration")->type_name("NAME[,NAME...]");
  AddRepeated(command, "--config", &args->configs,
              "Configuration file (TOML); without it, the defaults (repeatable)")
      ->type_name("FILE");
  AddRepeated(command, "--set", &args->set,
              "Override one key of every configuration, as precision.mode=force_fp16 (repeatable)")
      ->type_name("KEY=VALUE");
}

void AddMeasurement(CLI::App& command, const std::shared_ptr<BenchArgs>& args) {
  CLI::Option* duration = command.add_option("--duration", args->duration, "Seconds to measure");
  duration->capture_default_str()->check(NumberFrom(0.01, 86400));
  command
      .add_option("--iterations", args->iterations,
                  "Requests to measure, of all clients together, instead of seconds")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->excludes(duration)
      ->excludes("--rate");
  command.add_option("--warmup", args->warmup, "Seconds of load before that")
      ->capture_default_str()
      ->check(NumberFrom(0.0, 3600));
  command
      .add_option(
          "--rounds", args->rounds,
          "Parts that the time of clients is cut into; the interval of the median comes from "
          "the medians of these")
      ->capture_default_str()
      ->check(CLI::Range(uint64_t{1}, uint64_t{10000}));
  AddSeed(command, &args->seed, "Seed of random inputs and arrivals");
  command
      .add_option("--percentiles,--percentile", args->percentiles,
                  "Percentiles of the latency to report")
      ->capture_default_str()
      ->type_name(kList)
      ->check(NotEmpty());
  CLI::Option* threshold = command.add_option(
      "--latency-threshold", args->threshold_ms,
      "Search the highest load at which the 99th percentile of the latency stays within this, "
      "between the bounds --rate LOW-HIGH or --clients LOW-HIGH");
  threshold->type_name("MS")->check(NumberFrom(1e-6, 1e9));
  command
      .add_option("--threshold-percentile", args->threshold_percentile,
                  "Another percentile for --latency-threshold")
      ->capture_default_str()
      ->check(NumberFrom(0.0, 100))
      ->needs(threshold);
}

void AddUpdates(CLI::App& command, const std::shared_ptr<BenchArgs>& args) {
  CLI::Option* rate =
      command
          .add_option_function<std::string>(
              "--update-rate",
              [args](const std::string& text) {
                const std::string problem = ParseUpdateRate(text, &args->update_rate);
                if (!problem.empty()) throw CLI::ValidationError("--update-rate", problem);
              },
              "Push new weights this often a second while requests run; max: as fast as they go")
          ->type_name("HZ")
          ->excludes("--iterations");
  command
      .add_option(
          "--weights", args->weights,
          "Checkpoints, .safetensors, .npz or .mspkg files to push in turn; without it, the "
          "model's own values and slightly larger ones (repeatable)")
      ->type_name("FILE")
      ->check(NotEmpty())
      ->needs(rate);
}

CLI::Option* AddFormat(CLI::App& command, const char* name, std::function<void(BenchFormat)> take,
                       const char* description) {
  std::vector<std::string> names;
  for (const auto& [format, value] : Formats()) names.push_back(format);
  return command
      .add_option_function<std::string>(
          name, [take](const std::string& text) { take(Formats().at(text)); }, description)
      ->check(CLI::IsMember(names));
}

void AddReports(CLI::App& command, const std::shared_ptr<BenchArgs>& args) {
  CLI::Option* format = AddFormat(
      command, "--format", [args](BenchFormat value) { args->format = value; },
      "Format of what is printed; without it, text");
  format->excludes("--json");
  command
      .add_flag_callback(
          "--md", [args] { args->format = BenchFormat::kMarkdown; }, "Short for --format md")
      ->excludes("--json")
      ->excludes(format);
  AddFormat(
      command, "--stderr-format", [args](BenchFormat value) { args->stderr_format = value; },
      "Print the result a second time, on stderr and in this format");
  command
      .add_option(
          "--save", args->save,
          "Also write the result to this file, in the format of its ending: .csv, .jsonl, .md, "
          ".txt, else JSON")
      ->type_name("FILE")
      ->check(NotEmpty());
  command
      .add_option("--svg", args->svg,
                  "Write a picture of the latency over time, with commits marked (one run only)")
      ->type_name("FILE")
      ->check(NotEmpty());
  AddTrace(command, &args->trace);
  AddStats(command, &args->stats);
  AddProfile(command, &args->profile);
}

}  // namespace

void AddBenchOptions(CLI::App& command, const std::shared_ptr<BenchArgs>& args) {
  AddModelOptions(command, args);
  AddAxes(command, args);
  AddMeasurement(command, args);
  AddUpdates(command, args);
  AddReports(command, args);
}

BenchFormat FormatOfFile(const std::string& path) {
  if (path.ends_with(".csv")) return BenchFormat::kCsv;
  if (path.ends_with(".jsonl")) return BenchFormat::kJsonLines;
  if (path.ends_with(".md")) return BenchFormat::kMarkdown;
  return path.ends_with(".txt") ? BenchFormat::kText : BenchFormat::kJson;
}

}  // namespace midstream::cli

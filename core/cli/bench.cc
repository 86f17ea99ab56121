// midstream bench: how fast a model answers, and what weight updates do to that.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/file_replacement.h"
#include "core/cli/bench_report.h"
#include "core/cli/bench_workload.h"
#include "core/cli/observe.h"
#include "core/cli/stats_text.h"
#include "core/measure/latency_chart.h"

namespace midstream::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;

nanoseconds Seconds(double seconds) {
  return duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

measure::LiveUpdateOptions LiveUpdateOptionsOf(const BenchArgs& args) {
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
  options.load.rate = args.rate;
  options.load.poisson = args.distribution == "poisson";
  options.load.clients = static_cast<size_t>(args.clients);
  options.load.seed = args.seed;
  options.load.warmup = Seconds(std::min(0.1, length / 10));
  options.load.duration = Seconds(length) - options.load.warmup;
  return options;
}

BenchReport MakeReport(const BenchArgs& args, BenchWorkload& workload,
                       measure::LiveUpdateResult result) {
  const Config& config = workload.engine().config();
  return {.model = args.model,
          .backend = config.backend,
          .threads = config.execution.threads,
          .batch = args.batch,
          .rate = args.rate,
          .clients = args.clients,
          .distribution = args.distribution,
          .updates = args.update_rate.has_value(),
          .update_rate = args.update_rate.value_or(0),
          .weight_bytes = workload.weight_bytes(),
          .tensors = workload.tensors(),
          .duration = args.duration,
          .seed = args.seed,
          .unchecked = workload.unchecked(),
          .version = MS_VERSION,
          .environment = measure::DescribeEnvironment(),
          .result = std::move(result)};
}

Status WriteText(const std::string& path, const std::string& text) {
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  MS_RETURN_IF_ERROR(file.Append(text));
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

Status WriteFiles(const BenchArgs& args, const BenchReport& report) {
  if (!args.save.empty()) {
    const std::string json = ToJson(report).dump(2, ' ', false, Json::error_handler_t::replace);
    MS_RETURN_IF_ERROR(WriteText(args.save, json + "\n"));
  }
  if (args.svg.empty()) return OkStatus();
  const std::vector<std::string> head = report.Head();
  return WriteText(args.svg, measure::LatencyChart(report.result,
                                                   {head.front(), {head.begin() + 1, head.end()}}));
}

Outcome Bench(const BenchArgs& args) {
  BenchWorkload workload(args);
  if (Outcome opened = workload.Open(); !opened.ok()) return opened;
  measure::LiveUpdateResult result = measure::MeasureLiveUpdate(
      [&](const measure::LoadOptions& load) {
        if (args.rate > 0) {
          return measure::SubmitLoad([&](measure::Done done) { workload.Submit(std::move(done)); },
                                     load);
        }
        return measure::RunLoad([&](size_t client) { return workload.Run(client); }, load);
      },
      [&](uint64_t number) { return workload.Update(number); },
      [&](uint64_t number) { return workload.Copy(number); }, LiveUpdateOptionsOf(args));

  const BenchReport report = MakeReport(args, workload, std::move(result));
  if (args.json) {
    PrintJson(ToJson(report));
  } else {
    PrintText(args.markdown ? ToMarkdown(report) : ToText(report));
  }
  if (args.stats) PrintStats(workload.model(), workload.session(), args.json);
  if (const Status written = WriteFiles(args, report); !written.ok()) {
    return {Exit::kFailed, written};
  }
  for (const measure::SliceSum& sum : report.result.sums) {
    if (sum.load.torn > 0) return {Exit::kFailed, "answers mixed two versions of the weights"};
  }
  return {};
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

void AddLoad(CLI::App& command, BenchArgs* args) {
  command.add_option("--batch", args->batch, "First dimension of random inputs, where it is free")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  auto* rate = command
                   .add_option("--rate", args->rate,
                               "Requests submitted a second, whether or not the ones before are "
                               "answered: latencies count from the moment at which a request is "
                               "due")
                   ->check(CLI::Range(1e-3, 1e7));
  command
      .add_option("--clients", args->clients,
                  "Threads that send requests, each when it has its last answer")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1024}))
      ->excludes(rate);
  command.add_option("--request-distribution", args->distribution, "Of the arrivals of --rate")
      ->capture_default_str()
      ->check(CLI::IsMember({"poisson", "constant"}))
      ->needs(rate);
  command.add_option("--duration", args->duration, "Seconds to measure")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 86400.0));
  command.add_option("--warmup", args->warmup, "Seconds of load before that")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  command.add_option("--seed", args->seed, "Seed of random inputs and arrivals")
      ->capture_default_str();
}

void AddReports(CLI::App& command, BenchArgs* args) {
  command.add_flag("--md", args->markdown, "Print markdown instead of text")->excludes("--json");
  command.add_option("--save", args->save, "Also write the JSON document to this file")
      ->type_name("FILE")
      ->check(NotEmpty());
  command
      .add_option("--svg", args->svg,
                  "Write a picture of the latency over time, with commits marked")
      ->type_name("FILE")
      ->check(NotEmpty());
}

}  // namespace

void AddBench(CLI::App& app, Action* action) {
  auto args = std::make_shared<BenchArgs>();
  CLI::App* command = AddCommand(
      app, "bench", "Measure latency and throughput, quiet and while weights change",
      "  midstream bench model.ckpt-4000 --clients 2\n"
      "  midstream bench model.ckpt-0 --rate 500 --update-rate 10 --weights "
      "model.ckpt-4000 \\\n"
      "    --duration 30 --svg latency.svg --save latency.json\n"
      "  midstream bench model.ckpt-0 --update-rate max --md\n"
      "\n"
      "With --update-rate, slices of about a second take turns: quiet, under updates, and\n"
      "beside plain memory copies of the same bytes at the same rate.\n",
      &args->json);
  AddModel(*command, &args->model, &args->signature);
  AddRepeated(
      *command, "--input", &args->inputs,
      fmt::format("Feed this tensor; without a SPEC ({}) a random one. Without --input: the "
                  "placeholders that the outputs need (repeatable)",
                  kValueHelp))
      ->type_name("NAME[=SPEC]");
  AddRepeated(*command, "--output", &args->outputs,
              "Compute this tensor; without it, the model's own outputs (repeatable)")
      ->type_name("NAME");
  command
      ->add_option_function<std::string>(
          "--update-rate",
          [args](const std::string& text) {
            const std::string problem = ParseUpdateRate(text, &args->update_rate);
            if (!problem.empty()) throw CLI::ValidationError("--update-rate", problem);
          },
          "Push new weights this often a second while requests run; max: as fast as they go")
      ->type_name("HZ");
  command
      ->add_option("--weights", args->weights,
                   "Checkpoints, .safetensors or .npz files to push in turn; without it, the "
                   "model's own values and slightly larger ones (repeatable)")
      ->type_name("FILE")
      ->check(NotEmpty());
  AddLoad(*command, args.get());
  AddReports(*command, args.get());
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  AddTrace(*command, &args->trace);
  AddStats(*command, &args->stats);
  command->callback(
      [=] { *action = [=] { return WithTrace(args->trace, [&] { return Bench(*args); }); }; });
}

}  // namespace midstream::cli

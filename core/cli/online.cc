// midstream online: new weights while the compiled model stays, as in the online-inference sample
// for Ascend: assign all weights by name, time it; run, time it; again.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/cli/command.h"
#include "core/cli/observe.h"
#include "core/cli/online_live.h"
#include "core/cli/online_workflow.h"
#include "core/cli/stats_text.h"
#include "core/cli/stopwatch.h"

namespace midstream::cli {
namespace {

Json ToJson(const OnlineHead& head, const OnlineArgs& args) {
  return {{"model", head.model},     {"backend", head.backend},      {"inputs", head.inputs},
          {"output", head.output},   {"batch", args.batch},          {"runs", args.runs},
          {"open_ms", head.open_ms}, {"compile_ms", head.compile_ms}};
}

std::string ToText(const OnlineHead& head, const OnlineArgs& args) {
  return fmt::format(
      "{}: {} -> {} on {}\nopened in {:.2f} ms, compiled in {:.2f} ms; batch {}, {} runs after "
      "each update\n\n",
      FileName(head.model), fmt::join(head.inputs, ", "), head.output, head.backend, head.open_ms,
      head.compile_ms, args.batch, args.runs);
}

Json ToJson(const UpdateReport& report) {
  Json json = {{"source", report.source},
               {"tensors", report.tensors},
               {"version", report.version},
               {"update_ms", report.update_ms},
               {"inference_ms", report.inference_ms}};
  if (report.accuracy) json["accuracy"] = *report.accuracy;
  return json;
}

std::string ToText(const UpdateReport& report, int64_t index, int64_t count) {
  std::string text = fmt::format(
      "Update {}/{}: {} tensors from {}\n"
      "  Update weight time cost: {:.3f} ms\n"
      "  Inference average time cost: {:.3f} ms\n",
      index + 1, count, report.tensors, FileName(report.source), report.update_ms,
      report.inference_ms);
  if (report.accuracy) text += fmt::format("  Accuracy: {:.2f} %\n", *report.accuracy * 100);
  return text;
}

struct Summary {
  double update_ms = 0;
  double inference_ms = 0;
  uint64_t compiles = 0;
};

Summary Summarize(const std::vector<UpdateReport>& reports, uint64_t compiles) {
  std::vector<double> updates;
  std::vector<double> inferences;
  for (const UpdateReport& report : reports) {
    updates.push_back(report.update_ms);
    inferences.push_back(report.inference_ms);
  }
  return {Median(std::move(updates)), Median(std::move(inferences)), compiles};
}

std::string ToText(const Summary& summary, const std::vector<UpdateReport>& reports) {
  std::string text = fmt::format(
      "\nSummary of {} updates\n"
      "  Update weight time cost, median: {:.3f} ms\n"
      "  Inference average time cost, median: {:.3f} ms\n"
      "  Compilations during the updates: {}\n",
      reports.size(), summary.update_ms, summary.inference_ms, summary.compiles);
  if (reports.front().accuracy) {
    text += fmt::format("  Accuracy: {:.2f} % after the first update, {:.2f} % after the last\n",
                        *reports.front().accuracy * 100, *reports.back().accuracy * 100);
  }
  return text;
}

Outcome Online(const OnlineArgs& args) {
  OnlineWorkflow workflow(args);
  if (Outcome opened = workflow.Open(); !opened.ok()) return opened;
  if (args.follow.any()) return OnlineLive(args, workflow);
  if (!args.json) PrintText(ToText(workflow.head(), args));

  std::vector<UpdateReport> reports;
  const int64_t count = args.update_count();
  for (int64_t index = 0; index < count; ++index) {
    Result<UpdateReport> report = workflow.Update(index);
    if (!report.ok()) return DataFailure(report.status());
    if (!args.json) PrintText(ToText(*report, index, count));
    reports.push_back(*std::move(report));
  }

  if (args.stats) PrintStats(workflow.model(), workflow.session(), args.json);
  const Summary summary = Summarize(reports, workflow.compiles());
  if (!args.json) {
    PrintText(ToText(summary, reports));
    return {};
  }
  Json json = ToJson(workflow.head(), args);
  json["updates"] = Json::array();
  for (const UpdateReport& report : reports) json["updates"].push_back(ToJson(report));
  json["summary"] = {{"median_update_ms", summary.update_ms},
                     {"median_inference_ms", summary.inference_ms},
                     {"compiles", summary.compiles}};
  PrintJson(json);
  return {};
}

}  // namespace

void AddOnline(CLI::App& app, Action* action) {
  auto args = std::make_shared<OnlineArgs>();
  CLI::App* command = AddCommand(
      app, "online", "Update the weights of a compiled model again and again, and time it",
      "  midstream online model.ckpt-0                    its own values as key-value pairs\n"
      "  midstream online model.ckpt-0 --weights model.ckpt-100 model.ckpt-200 \\\n"
      "    --config configs/online.toml --images x.npy --labels y.npy\n"
      "  midstream online model.ckpt-0 --watch runs/7 --images x.npy --labels y.npy   live\n",
      &args->json);
  AddModel(*command, &args->model, &args->signature);
  AddRepeated(*command, "--input", &args->inputs,
              fmt::format("Feed this tensor; the first one without a SPEC ({}) takes the batches. "
                          "Without --input: the placeholders that the output needs (repeatable)",
                          kValueHelp))
      ->type_name("NAME[=SPEC]");
  command
      ->add_option("--output", args->output,
                   "Compute this tensor; without it, the model's first output")
      ->type_name("NAME")
      ->check(NotEmpty());
  const std::vector<CLI::Option*> follow = args->follow.Add(*command);
  CLI::Option* weights = command->add_option(
      "--weights", args->weights,
      "Checkpoints, .safetensors, .npz or .mspkg files to take as new weights, in this order "
      "(repeatable); without it, the model's own values");
  weights->type_name("FILE")->check(NotEmpty());
  command->add_option("--images", args->images, "Batches to run instead of random ones, as .npy")
      ->type_name("FILE")
      ->check(NotEmpty());
  command
      ->add_option("--labels", args->labels,
                   "Class of each image, as .npy: print the accuracy after each update")
      ->type_name("FILE")
      ->check(NotEmpty())
      ->needs("--images");
  command->add_option("--batch", args->batch, "Images in a batch")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command
      ->add_option("--updates", args->updates,
                   "Updates to make: 10, or as many as there are --weights, which are repeated "
                   "in turn when this is more; with --watch or --listen, no limit")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  CLI::Option* runs = command->add_option("--runs", args->runs, "Runs after each update");
  runs->capture_default_str()->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  command
      ->add_option("--clients", args->clients,
                   "With --watch or --listen: clients that send requests all the time")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1024}));
  for (CLI::Option* option : follow) option->excludes(weights)->excludes(runs);
  AddSeed(*command, &args->seed, "Seed of random inputs");
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  AddTrace(*command, &args->trace);
  AddStats(*command, &args->stats);
  command->callback(
      [=] { *action = [=] { return WithTrace(args->trace, [&] { return Online(*args); }); }; });
}

}  // namespace midstream::cli

// midstream compare: the same model and inputs on several backends or configurations, side by side.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/file_replacement.h"
#include "core/cli/command.h"
#include "core/cli/compare_arms.h"
#include "core/cli/compare_inputs.h"
#include "core/cli/compare_report.h"
#include "core/cli/loader_reserve.h"
#include "core/cli/observe.h"
#include "core/cli/progress.h"
#include "core/compare/comparison.h"
#include "core/compare/html.h"

namespace midstream::cli {
namespace {

struct Args {
  CompareArmsArgs arms;
  std::string model;
  std::string signature;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::string> weights;
  std::vector<std::string> ranges;
  std::vector<std::string> atol;
  std::vector<std::string> rtol;
  int64_t batch = 1;
  uint64_t seed = 0;
  bool layers = false;
  bool accuracy_only = false;
  bool require_all = false;
  std::optional<double> max_rel;
  std::optional<double> max_slowdown;
  measure::RoundOptions rounds;
  std::string json, markdown, html;
  std::string trace;
};

Status WriteText(const std::string& path, const std::string& text) {
  if (path.empty()) return OkStatus();
  if (path == "-") {
    PrintText(text);
    return OkStatus();
  }
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  MS_RETURN_IF_ERROR(file.Append(text));
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

// Whether a report can go there, asked before it is worked for.
Status CanWrite(const std::string& path) {
  return path.empty() || path == "-" ? OkStatus() : FileReplacement::Begin(path).status();
}

// Each of them, whatever becomes of the others. Errors: the first one's.
Status WriteReports(const Args& args, const compare::Report& report) {
  const bool to_stdout = args.json == "-" || args.markdown == "-" || args.html == "-";
  if (!to_stdout) PrintText(ToText(report));
  Status first = OkStatus();
  const auto write = [&](const std::string& path, const auto& text) {
    if (path.empty()) return;
    if (const Status written = WriteText(path, text()); first.ok()) first = written;
  };
  write(args.json,
        [&] { return ToJson(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; });
  write(args.markdown, [&] { return ToMarkdown(report); });
  write(args.html, [&] { return compare::ToHtml(report); });
  return first;
}

// What can be told before anything is measured. Empty: nothing.
std::string Contradiction(const Args& args) {
  const std::pair<const char*, const std::string*> reports[] = {
      {"--json", &args.json}, {"--markdown", &args.markdown}, {"--html", &args.html}};
  for (const auto& [one, path] : reports) {
    for (const auto& [other, same] : reports) {
      if (one == other) break;
      if (path->empty() || *path != *same) continue;
      return fmt::format("{} and {} both go to '{}'", other, one, *path);
    }
  }
  const uint64_t rounds =
      args.rounds.calls > 0 ? std::min(args.rounds.calls, args.rounds.rounds) : args.rounds.rounds;
  if (args.max_slowdown && rounds < measure::kFewestForInterval) {
    return fmt::format("--max-slowdown needs {} rounds or more to be sure of, there would be {}",
                       measure::kFewestForInterval, rounds);
  }
  return "";
}

// An output of an arm that is not what was asked for; empty when there is none.
std::string FirstDifference(const Args& args, const compare::Report& report) {
  const bool tolerances = !args.atol.empty() || !args.rtol.empty();
  for (const compare::ArmReport& arm : report.arms) {
    for (const compare::VersionReport& version : arm.versions) {
      const std::string with =
          version.weights.empty() ? "" : fmt::format(" with the weights of {}", version.weights);
      for (const compare::OutputDifference& output : version.outputs) {
        const compare::Difference& difference = output.difference;
        const std::string where = fmt::format("{}{}: output '{}'", arm.name, with, output.output);
        if (args.max_rel && (difference.max_rel > *args.max_rel || difference.nonfinite > 0)) {
          return fmt::format(
              "{}: max rel {:.3g}, {} mismatches of NaN or infinity; --max-rel "
              "allows {:.3g} and none",
              where, difference.max_rel, difference.nonfinite, *args.max_rel);
        }
        if (tolerances && !difference.within()) {
          return fmt::format("{}: {} of {} elements are outside the tolerance", where,
                             difference.outside, difference.elements);
        }
      }
    }
  }
  return "";
}

// What the report means for scripts.
Outcome Judge(const Args& args, const std::vector<CompareArm>& arms,
              const compare::Report& report) {
  size_t ran = 0;
  for (const compare::ArmReport& arm : report.arms) ran += arm.ran() ? 1 : 0;
  for (size_t i = 0; i < arms.size(); ++i) {
    const compare::ArmReport& arm = report.arms[i];
    const std::string message = fmt::format("{}: {}", arm.name, arm.problem.message());
    if (!arm.ran() && !arm.unavailable) return DataFailure(arm.problem.WithContext(arm.name));
    const bool wanted = args.require_all || arms[i].typed || i == report.baseline;
    if (!arm.ran() && wanted) return {Exit::kBackend, message};
    for (const compare::VersionReport& version : arm.versions) {
      for (const compare::OutputDifference& output : version.outputs) {
        if (output.problem.empty()) continue;
        return {Exit::kData,
                fmt::format("{}: output '{}' {}", arm.name, output.output, output.problem)};
      }
    }
    if (!arm.layers_problem.ok()) return DataFailure(arm.layers_problem.WithContext(arm.name));
  }
  if (ran < 2) {
    return {Exit::kBackend, "there is nothing to compare: no arm but the baseline can run"};
  }
  if (std::string difference = FirstDifference(args, report); !difference.empty()) {
    return {Exit::kDiffers, std::move(difference)};
  }
  for (size_t i = 0; i < report.arms.size(); ++i) {
    const compare::ArmReport& arm = report.arms[i];
    if (i == report.baseline || !args.max_slowdown || !arm.speed) continue;
    if (arm.speed->ratio.low <= *args.max_slowdown) continue;
    return {Exit::kSlower,
            fmt::format("{}: takes {:.3g} times as long as {}, with 95 % confidence more than "
                        "{:.3g} times; --max-slowdown allows {:.3g}",
                        arm.name, arm.speed->ratio.value, report.base().name, arm.speed->ratio.low,
                        *args.max_slowdown)};
  }
  return {};
}

// What is independent of any arm, and read before one is opened.
Result<compare::Request> MakeRequest(const Args& args) {
  compare::Request request;
  InputPlan plan;
  MS_ASSIGN_OR_RETURN(plan.named, ParseInputArgs(args.inputs));
  request.model.inputs = InputNames(plan.named);
  MS_ASSIGN_OR_RETURN(plan.ranges, ValueRanges::Parse(args.ranges));
  plan.batch = args.batch;
  plan.seed = args.seed;
  MS_ASSIGN_OR_RETURN(request.atol, compare::PerOutput::Parse(args.atol, "--atol"));
  MS_ASSIGN_OR_RETURN(request.rtol, compare::PerOutput::Parse(args.rtol, "--rtol"));
  request.make_inputs = [plan](const std::vector<TensorSpec>& specs) {
    return MakeInputsInRanges(plan, specs);
  };
  request.model.signature = args.signature;
  request.model.outputs = args.outputs;
  request.weights = args.weights;
  request.seed = args.seed;
  request.layers = args.layers;
  request.time = !args.accuracy_only;
  request.rounds = args.rounds;
  request.rounds.seed = args.seed;
  return request;
}

Outcome Compare(const Args& args) {
  Result<compare::Request> request = MakeRequest(args);
  if (!request.ok()) return {Exit::kUsage, request.status()};
  if (std::string why = Contradiction(args); !why.empty()) return {Exit::kUsage, std::move(why)};
  for (const std::string* path : {&args.json, &args.markdown, &args.html}) {
    if (const Status can = CanWrite(*path); !can.ok()) return {Exit::kFailed, can};
  }
  CompareArms arms;
  if (Outcome found = FindArms(args.arms, &arms); !found.ok()) return found;
  request->model.path = args.model.empty() ? arms.model : args.model;
  if (request->model.path.empty()) {
    return {Exit::kUsage, "there is no model: give --model, or compare.model in the configuration"};
  }
  for (const CompareArm& arm : arms.arms) {
    ReserveForInterpreters(arm.spec.config);
    request->arms.push_back(arm.spec);
  }
  request->baseline = arms.baseline;

  Progress progress;
  request->progress = [&](const std::string& what) { progress.Show(what); };
  Result<compare::Report> report = compare::RunComparison(*request);
  progress.Clear();
  if (!report.ok()) return DataFailure(report.status());
  report->version = MS_VERSION;
  if (report->base().ran()) {
    if (const Status written = WriteReports(args, *report); !written.ok()) {
      return {Exit::kFailed, written};
    }
  }
  return Judge(args, arms.arms, *report);
}

void AddWork(CLI::App& command, Args* args) {
  command
      .add_option("--model", args->model,
                  "Checkpoint prefix, .meta file, or folder of a checkpoint or SavedModel; without "
                  "it, compare.model of the configuration")
      ->type_name("MODEL")
      ->check(NotEmpty());
  command
      .add_option("--signature", args->signature,
                  "Signature of a SavedModel; without it, serving_default or the only one")
      ->type_name("NAME")
      ->check(NotEmpty());
  AddRepeated(command, "--input", &args->inputs,
              fmt::format("Feed this tensor; without a SPEC ({}) a random one. Without --input: "
                          "the placeholders that the outputs need (repeatable)",
                          kValueHelp))
      ->type_name("NAME[=SPEC]");
  AddRepeated(command, "--val-range", &args->ranges,
              "Random values lie in this range, of all inputs or of one; without it floats in "
              "[0, 1), integers 0 or 1 (repeatable)")
      ->type_name("[NAME:]LOW,HIGH");
  command.add_option("--batch", args->batch, "First dimension of random inputs, where it is free")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  AddRepeated(command, "--output", &args->outputs,
              "Compute this tensor; without it, the model's own outputs (repeatable)")
      ->type_name("NAME");
  AddRepeated(command, "--weights", &args->weights,
              "Then update every arm to these weights and compare again: another checkpoint, a "
              ".safetensors, .npz or .mspkg file (repeatable)")
      ->type_name("FILE");
  AddSeed(command, &args->seed, "Seed of random inputs, of rounds and of intervals");
}

void AddAccuracy(CLI::App& command, Args* args) {
  AddRepeated(command, "--atol", &args->atol,
              "Allow |a - b| <= atol + rtol |b|, for all outputs or for one; without it, by dtype "
              "(docs/compare.md). With --atol or --rtol, larger differences end in code 6 "
              "(repeatable)")
      ->type_name("[OUTPUT:]X");
  AddRepeated(command, "--rtol", &args->rtol, "See --atol (repeatable)")->type_name("[OUTPUT:]X");
  command
      .add_option("--max-rel", args->max_rel,
                  "End in code 6 where the max rel of an output is larger, or NaN or infinity "
                  "stand on one side only")
      ->check(NumberFrom(0.0, 2));
  command.add_flag("--layers", args->layers,
                   "Name the first node of each arm's compiled graph that computes something else");
}

void AddSpeed(CLI::App& command, Args* args) {
  auto* accuracy = command.add_flag("--accuracy-only", args->accuracy_only, "Time nothing");
  command.add_option("--seconds", args->rounds.seconds, "Seconds to time each arm, in all rounds")
      ->capture_default_str()
      ->check(NumberFrom(0.001, 86400))
      ->excludes(accuracy);
  command
      .add_option("--calls", args->rounds.calls,
                  "Inferences of each arm to time, instead of --seconds")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 32))
      ->excludes(accuracy);
  command.add_option("--rounds", args->rounds.rounds, "Rounds in which the arms take turns")
      ->capture_default_str()
      ->check(CLI::Range(uint64_t{1}, uint64_t{1000}))
      ->excludes(accuracy);
  command.add_option("--warmup-calls", args->rounds.warmup_calls, "Inferences before, not timed")
      ->capture_default_str()
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 32))
      ->excludes(accuracy);
  command
      .add_option("--max-slowdown", args->max_slowdown,
                  "End in code 7 where an arm takes more than this many times as long as the "
                  "baseline, with 95 % confidence")
      ->check(NumberFrom(1e-6, 1e6))
      ->excludes(accuracy);
}

void AddReports(CLI::App& command, Args* args) {
  const auto add = [&](const char* name, std::string* to, const char* what) {
    command.add_option(name, *to, what)->type_name("FILE")->check(NotEmpty());
  };
  add("--json", &args->json, "Write the report as JSON; - prints it instead of the text");
  add("--markdown", &args->markdown, "The same as markdown");
  add("--html", &args->html, "The same as a page with plots that needs no network");
}

}  // namespace

void AddCompare(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = app.add_subcommand(
      "compare", "Compare backends or configurations on the same model: answers and speed");
  command->footer(
      "Examples:\n"
      "  midstream compare reference cpu_blas --model model.ckpt-4000 --batch 16 --html "
      "report.html\n"
      "  midstream compare --config configs/compare.toml --model model.ckpt-4000 --layers\n"
      "  midstream compare cpu_blas half.toml --model checkpoints/ --accuracy-only \\\n"
      "    --atol 1e-3 --rtol logits:1e-2 --weights model.ckpt-1000 --weights model.ckpt-2000\n"
      "\n"
      "The first arm is the baseline. An arm is the name of a backend, run with the rest of\n"
      "--config, or a configuration file.\n\n" +
      std::string(kExitCodesHelp));
  command
      ->add_option(
          "ARM", args->arms.arms,
          "Backends by name, or configuration files (*.toml); without any, compare.arms of "
          "the configuration")
      ->check(NotEmpty());
  command
      ->add_option("--baseline", args->arms.baseline, "Compare with this arm instead of the first")
      ->type_name("ARM")
      ->check(NotEmpty());
  command->add_flag("--require-all", args->require_all,
                    "An arm of the configuration that cannot be used here is a failure, not a row");
  AddWork(*command, args.get());
  AddAccuracy(*command, args.get());
  AddSpeed(*command, args.get());
  AddReports(*command, args.get());
  args->arms.config.AddFile(*command);
  AddRepeated(*command, "--set", &args->arms.config.set,
              "Override one key of every arm's configuration, as precision.mode=force_fp16 "
              "(repeatable)")
      ->type_name("KEY=VALUE");
  AddTrace(*command, &args->trace);
  command->callback(
      [=] { *action = [=] { return WithTrace(args->trace, [&] { return Compare(*args); }); }; });
}

}  // namespace midstream::cli

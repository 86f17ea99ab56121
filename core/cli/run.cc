// midstream run: one run of a model, with inputs from files and outputs to the terminal or a file.
#include <fmt/format.h>
#include <algorithm>

#include "core/cli/command.h"
#include "core/cli/follow.h"
#include "core/cli/input_value.h"
#include "core/cli/interruption.h"
#include "core/cli/observe.h"
#include "core/cli/profile_text.h"
#include "core/cli/stats_text.h"
#include "core/cli/stopwatch.h"
#include "core/cli/tensor_text.h"
#include "core/formats/npy/npz.h"

namespace midstream::cli {
namespace {

constexpr int64_t kValuesShown = 10;

struct Args {
  std::string model;
  std::string signature;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::string> weights;
  std::string save;
  uint64_t seed = 0;
  std::string trace;
  bool stats = false;
  bool profile = false;
  FollowArgs follow;
  int64_t updates = 0;  // 0: until a signal
  ConfigArgs config;
  bool json = false;
};

// The first checkpoint gives the values to start with; each further one is a live update.
Result<Model> LoadModel(Engine& engine, const Args& args) {
  const std::string initial = args.weights.empty() ? "" : args.weights.front();
  return engine.Load(args.model, initial, args.signature);
}

Result<std::vector<NamedTensor>> ReadInputs(const std::vector<InputArg>& args,
                                            const Session& session, uint64_t seed) {
  std::vector<NamedTensor> values;
  for (size_t i = 0; i < args.size(); ++i) {
    TensorSpec spec{args[i].name, DType::kF32, Shape::UnknownRank()};
    for (const TensorSpec& input : session.inputs()) {
      if (WithoutPort(input.name) == WithoutPort(spec.name)) spec.dtype = input.dtype;
    }
    MS_ASSIGN_OR_RETURN(Tensor value, ReadValue(spec, args[i].spec, seed + i));
    values.push_back({args[i].name, std::move(value)});
  }
  return values;
}

Status Save(const std::string& path, const std::vector<NamedTensor>& outputs) {
  formats::NamedTensors arrays;
  for (const NamedTensor& output : outputs) {
    bool there = std::any_of(arrays.begin(), arrays.end(),
                             [&](const auto& array) { return array.first == output.name; });
    if (!there) arrays.emplace_back(output.name, output.value);  // asked for twice: one array
  }
  return formats::WriteNpz(path, arrays);
}

Json ToJson(const NamedTensor& output) {
  return {{"name", output.name},
          {"dtype", DTypeName(output.value.dtype())},
          {"shape", ShapeJson(output.value.shape())},
          {"first_values", FirstValuesJson(output.value, kValuesShown)}};
}

void Report(const Args& args, const RunResult& result, double milliseconds) {
  if (args.json) {
    Json outputs = Json::array();
    for (const NamedTensor& output : result.outputs) outputs.push_back(ToJson(output));
    const Json json = {
        {"outputs", outputs}, {"version", result.version}, {"milliseconds", milliseconds}};
    return args.follow.any() ? PrintJsonLine(json) : PrintJson(json);
  }
  std::string text;
  for (const NamedTensor& output : result.outputs) {
    text +=
        fmt::format("{}  {} {}\n  {}\n", output.name, DTypeName(output.value.dtype()),
                    output.value.shape().ToString(), FirstValuesText(output.value, kValuesShown));
  }
  PrintText(fmt::format("{}weights version {}, {:.3f} ms\n", text, result.version, milliseconds));
}

Outcome RunOnce(const Args& args, Session& session, const std::vector<NamedTensor>& values) {
  const Stopwatch stopwatch;
  const Result<RunResult> result = session.Run(values);
  const double milliseconds = stopwatch.milliseconds();
  if (!result.ok()) return DataFailure(result.status());
  if (!args.save.empty()) {
    const Status saved = Save(args.save, result->outputs);
    if (!saved.ok()) return {Exit::kFailed, saved};
  }
  Report(args, *result, milliseconds);
  return {};
}

void ReportRefusal(const Args& args, const SourceEvent& event) {
  if (args.json) {
    return PrintJsonLine({{"source", event.source},
                          {"code", CodeName(event.status.code())},
                          {"message", event.status.message()}});
  }
  PrintText(fmt::format("refused: {}\n", event.status.message()));
}

// Once for each new version: while it is being run, no other is made.
Outcome RunAgain(const Args& args, Model& model, Session& session,
                 const std::vector<NamedTensor>& values) {
  const Result<Interruption> end = Interruption::Begin();
  if (!end.ok()) return {Exit::kFailed, end.status()};
  Outcome outcome;
  int64_t updates = 0;
  Result<Source> source = Follow(model, args.follow, [&](const SourceEvent& event) {
    if (!outcome.ok() || (args.updates > 0 && updates == args.updates)) return;  // at the end
    if (!event.status.ok()) return ReportRefusal(args, event);
    outcome = RunOnce(args, session, values);
    if (!outcome.ok() || ++updates == args.updates) end->Finish();
  });
  if (!source.ok()) return DataFailure(source.status());
  end->Wait();
  source->Stop();
  return outcome;
}

Outcome RunModel(const Args& args) {
  SessionOptions options;
  options.outputs = args.outputs;
  const Result<std::vector<InputArg>> inputs = ParseInputArgs(args.inputs);
  if (!inputs.ok()) return {Exit::kUsage, inputs.status()};
  for (const InputArg& input : *inputs) {
    if (!input.spec.empty()) continue;
    return {Exit::kUsage,
            fmt::format("input '{0}' has no value: give {0}={1}", input.name, kValueHelp)};
  }
  options.inputs = InputNames(*inputs);

  Engine engine;
  if (Outcome opened = OpenEngine(args.config, &engine); !opened.ok()) return opened;
  Result<Model> model = LoadModel(engine, args);
  if (!model.ok()) return DataFailure(model.status());
  Result<Session> session = model->CreateSession(options);
  if (!session.ok()) return DataFailure(session.status());
  for (size_t i = 1; i < args.weights.size(); ++i) {
    const Result<uint64_t> version = model->UpdateFrom(args.weights[i]);
    if (!version.ok()) return DataFailure(version.status());
  }
  const auto values = ReadInputs(*inputs, *session, args.seed);
  if (!values.ok()) return DataFailure(values.status());

  if (args.profile) {
    const Status enabled = session->EnableProfile(true);
    if (!enabled.ok()) return DataFailure(enabled);
  }
  Outcome outcome = RunOnce(args, *session, *values);
  if (outcome.ok() && args.follow.any()) outcome = RunAgain(args, *model, *session, *values);
  if (outcome.ok() && args.profile) PrintProfile(*session, args.json);
  if (outcome.ok() && args.stats) PrintStats(*model, *session, args.json);
  return outcome;
}

}  // namespace

void AddRun(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      app, "run", "Run a model and print or save its outputs",
      "  midstream run model.ckpt-4000 --input Placeholder=x.npy --output accuracy/ArgMax\n"
      "  midstream run model.ckpt-0.meta --weights model.ckpt-0 --weights model.ckpt-4000 \\\n"
      "    --input Placeholder=random:16x784 --output fc2/add --backend reference --save out.npz\n"
      "  midstream run model.ckpt-0 --input Placeholder=x.npy --watch runs/7   again and again\n",
      &args->json);
  AddModel(*command, &args->model, &args->signature);
  AddRepeated(
      *command, "--input", &args->inputs,
      fmt::format("Feed a tensor: {}; any tensor of the graph may be fed (repeatable)", kValueHelp))
      ->type_name("NAME=SPEC");
  AddRepeated(*command, "--output", &args->outputs,
              "Compute this tensor; without it, the model's own outputs (repeatable)")
      ->type_name("NAME");
  AddRepeated(*command, "--weights", &args->weights,
              "Take these weights: another checkpoint, a .safetensors, .npz or .mspkg file; each "
              "further one "
              "is applied as a live update before the run (repeatable)")
      ->type_name("FILE");
  command->add_option("--save", args->save, "Write the outputs to this .npz file")
      ->type_name("FILE")
      ->check(NotEmpty());
  AddSeed(*command, &args->seed, "Seed of random: inputs");
  args->follow.Add(*command);
  command
      ->add_option(
          "--updates", args->updates,
          "With --watch or --listen: end after this many new versions. The model is run and "
          "printed once for each; with --json, one document a line")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  AddTrace(*command, &args->trace);
  AddStats(*command, &args->stats);
  AddProfile(*command, &args->profile);
  command->callback(
      [=] { *action = [=] { return WithTrace(args->trace, [&] { return RunModel(*args); }); }; });
}

}  // namespace midstream::cli

// midstream online: new weights while the compiled model stays, as in the online-inference sample
// for Ascend: assign all weights by name, time it; run, time it; again.
#include <fmt/format.h>

#include <filesystem>

#include "core/cli/command.h"
#include "core/cli/evaluation.h"
#include "core/cli/input_value.h"
#include "core/cli/stopwatch.h"
#include "core/formats/model_source.h"

namespace midstream::cli {
namespace {

struct Args {
  std::string model;
  std::vector<std::string> inputs;
  std::string output;
  std::vector<std::string> weights;
  std::string images;
  std::string labels;
  int64_t batch = 16;
  int64_t updates = 0;  // 0: one for each of weights, or kDefaultUpdates
  int64_t runs = 20;
  uint64_t seed = 0;
  ConfigArgs config;
  bool json = false;

  static constexpr int64_t kDefaultUpdates = 10;

  int64_t update_count() const {
    if (updates > 0) return updates;
    return weights.empty() ? kDefaultUpdates : static_cast<int64_t>(weights.size());
  }
};

struct UpdateReport {
  std::string source;
  size_t tensors = 0;
  uint64_t version = 0;
  double update_ms = 0;     // assign and commit; reading a file is not part of it
  double inference_ms = 0;  // mean over the runs
  std::optional<double> accuracy;
};

// A model that is compiled and has its inputs, ready for updates and runs.
class Workflow {
 public:
  explicit Workflow(const Args& args) : args_(args) {}

  Outcome Open();
  Result<UpdateReport> Update(int64_t index);

  // What was opened, before the first update.
  Json HeadJson() const;
  std::string HeadText() const;
  bool has_labels() const { return evaluation_.has_labels(); }
  uint64_t compiles() const { return Engine::stats().compiles - compiles_before_; }

 private:
  Status Compile();
  Status MakeInputs(const std::vector<InputArg>& named);
  Result<std::vector<NamedTensor>> NextWeights(int64_t index) const;
  Status RunBatch(size_t batch);
  Result<double> MeanInferenceTime();
  Result<double> Accuracy();

  const Args& args_;
  Engine engine_;
  std::optional<Model> model_;
  std::optional<Session> session_;
  Evaluation evaluation_;
  size_t batch_input_ = 0;      // which of values_ takes the batches
  std::vector<Tensor> values_;  // in the order of the session's inputs
  std::vector<Tensor> outputs_;
  double open_ms_ = 0;
  double compile_ms_ = 0;
  uint64_t compiles_before_ = 0;
};

// The shape of a random value: the batch where the first dimension is free.
Result<Shape> BatchShape(const TensorSpec& input, int64_t batch) {
  Shape shape = input.shape;
  if (shape.rank_known() && shape.rank() > 0 && shape[0] == kUnknownDim) {
    shape.mutable_dims()[0] = batch;
  }
  if (shape.IsFullyKnown()) return shape;
  return InvalidArgument(
      fmt::format("input '{}' has the shape {}, which does not tell what to feed: give --input "
                  "{}=random:SHAPE or a file",
                  input.name, input.shape.ToString(), input.name));
}

Outcome Workflow::Open() {
  SessionOptions options;
  std::vector<InputArg> named;
  for (const std::string& text : args_.inputs) {
    Result<InputArg> input = ParseInputArg(text);
    if (!input.ok()) return {Exit::kUsage, input.status()};
    options.inputs.push_back(input->name);
    named.push_back(*std::move(input));
  }
  if (Outcome opened = OpenEngine(args_.config, &engine_); !opened.ok()) return opened;
  const Stopwatch opening;
  Result<Model> model = engine_.Load(args_.model);
  if (!model.ok()) return DataFailure(model.status());
  open_ms_ = opening.milliseconds();
  model_ = *std::move(model);

  const auto& own_outputs = model_->source().outputs();
  if (!args_.output.empty()) {
    options.outputs = {args_.output};
  } else if (!own_outputs.empty()) {
    options.outputs = {own_outputs.front().name};
  }
  const Stopwatch compiling;
  Result<Session> session = model_->CreateSession(options);
  if (!session.ok()) return DataFailure(session.status());
  session_ = *std::move(session);
  if (Status made = MakeInputs(named); !made.ok()) return DataFailure(made);
  if (Status compiled = Compile(); !compiled.ok()) return DataFailure(compiled);
  compile_ms_ = compiling.milliseconds();
  compiles_before_ = Engine::stats().compiles;
  return {};
}

// The first input that has no value of its own takes the batches.
Status Workflow::MakeInputs(const std::vector<InputArg>& named) {
  bool batches_placed = false;
  for (const TensorSpec& input : session_->inputs()) {
    std::string spec;
    for (const InputArg& arg : named) {
      if (WithoutPort(arg.name) == WithoutPort(input.name)) spec = arg.spec;
    }
    const uint64_t seed = args_.seed + values_.size();
    Tensor value;
    if (!spec.empty()) {
      MS_ASSIGN_OR_RETURN(value, ReadValue(input, spec, seed));
    } else if (!batches_placed && !args_.images.empty()) {
      MS_ASSIGN_OR_RETURN(evaluation_,
                          Evaluation::FromFiles(args_.images, args_.labels, args_.batch));
      batches_placed = true;
      batch_input_ = values_.size();
    } else {
      MS_ASSIGN_OR_RETURN(const Shape shape, BatchShape(input, args_.batch));
      MS_ASSIGN_OR_RETURN(value, RandomTensor(input.dtype, shape, seed));
    }
    values_.push_back(std::move(value));
  }
  if (batches_placed) return OkStatus();
  if (values_.empty()) return InvalidArgument("the model has no input to feed");
  if (!args_.images.empty()) return InvalidArgument("no input is left to take the images");
  evaluation_ = Evaluation::FromBatch(values_[batch_input_]);
  return OkStatus();
}

// One run of each shape that will occur, so that plans exist before anything is timed.
Status Workflow::Compile() {
  MS_RETURN_IF_ERROR(RunBatch(0));
  return RunBatch(evaluation_.batches().size() - 1);
}

Status Workflow::RunBatch(size_t batch) {
  values_[batch_input_] = evaluation_.batches()[batch];
  return session_->Run(values_, &outputs_, nullptr);
}

// The model's own values, or those of the next checkpoint. Names are given as the trainer's
// framework gives them, with the port.
Result<std::vector<NamedTensor>> Workflow::NextWeights(int64_t index) const {
  std::vector<NamedTensor> weights;
  if (args_.weights.empty()) {
    for (const formats::WeightInfo& weight : model_->source().weights()) {
      if (weight.skipped) continue;
      MS_ASSIGN_OR_RETURN(Tensor value, Model(*model_).ReadWeight(weight.name));
      weights.push_back({weight.name + ":0", std::move(value)});
    }
    return weights;
  }
  const std::string& checkpoint = args_.weights[static_cast<size_t>(index) % args_.weights.size()];
  MS_ASSIGN_OR_RETURN(const auto reader, model_->source().OpenWeights(checkpoint));
  for (const std::string& name : reader->names()) {
    MS_ASSIGN_OR_RETURN(Tensor value, reader->Read(name));
    weights.push_back({name + ":0", std::move(value)});
  }
  return weights;
}

Result<UpdateReport> Workflow::Update(int64_t index) {
  UpdateReport report;
  report.source = args_.weights.empty()
                      ? "own values"
                      : args_.weights[static_cast<size_t>(index) % args_.weights.size()];
  MS_ASSIGN_OR_RETURN(std::vector<NamedTensor> weights, NextWeights(index));
  report.tensors = weights.size();

  const Stopwatch stopwatch;
  midstream::Update update = model_->BeginUpdate();
  for (NamedTensor& weight : weights) update.Assign(weight.name, std::move(weight.value));
  const Result<uint64_t> version = update.Commit();
  report.update_ms = stopwatch.milliseconds();
  if (!version.ok()) return version.status().WithContext(report.source);
  report.version = *version;

  MS_ASSIGN_OR_RETURN(report.inference_ms, MeanInferenceTime());
  if (evaluation_.has_labels()) {
    MS_ASSIGN_OR_RETURN(report.accuracy, Accuracy());
  }
  return report;
}

Result<double> Workflow::MeanInferenceTime() {
  double total = 0;
  for (int64_t run = 0; run < args_.runs; ++run) {
    const Stopwatch stopwatch;
    MS_RETURN_IF_ERROR(RunBatch(static_cast<size_t>(run) % evaluation_.full_batches()));
    total += stopwatch.milliseconds();
  }
  return total / static_cast<double>(args_.runs);
}

Result<double> Workflow::Accuracy() {
  int64_t correct = 0;
  for (size_t batch = 0; batch < evaluation_.batches().size(); ++batch) {
    MS_RETURN_IF_ERROR(RunBatch(batch));
    MS_ASSIGN_OR_RETURN(const int64_t right, evaluation_.CountCorrect(batch, outputs_.front()));
    correct += right;
  }
  return static_cast<double>(correct) / static_cast<double>(evaluation_.images());
}

std::string FileName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

Json Workflow::HeadJson() const {
  Json inputs = Json::array();
  for (const TensorSpec& input : session_->inputs()) inputs.push_back(input.name);
  return {{"model", model_->source().path()},
          {"backend", engine_.config().backend},
          {"inputs", inputs},
          {"output", session_->outputs().front().name},
          {"batch", args_.batch},
          {"runs", args_.runs},
          {"open_ms", open_ms_},
          {"compile_ms", compile_ms_}};
}

std::string Workflow::HeadText() const {
  std::string inputs;
  for (const TensorSpec& input : session_->inputs()) {
    inputs += (inputs.empty() ? "" : ", ") + input.name;
  }
  return fmt::format(
      "{}: {} -> {} on {}\nopened in {:.2f} ms, compiled in {:.2f} ms; batch {}, {} runs after "
      "each update\n\n",
      FileName(model_->source().path()), inputs, session_->outputs().front().name,
      engine_.config().backend, open_ms_, compile_ms_, args_.batch, args_.runs);
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

Outcome Online(const Args& args) {
  Workflow workflow(args);
  if (Outcome opened = workflow.Open(); !opened.ok()) return opened;
  if (!args.json) PrintText(workflow.HeadText());

  std::vector<UpdateReport> reports;
  const int64_t count = args.update_count();
  for (int64_t index = 0; index < count; ++index) {
    Result<UpdateReport> report = workflow.Update(index);
    if (!report.ok()) return DataFailure(report.status());
    if (!args.json) PrintText(ToText(*report, index, count));
    reports.push_back(*std::move(report));
  }

  const Summary summary = Summarize(reports, workflow.compiles());
  if (!args.json) {
    PrintText(ToText(summary, reports));
    return {};
  }
  Json json = workflow.HeadJson();
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
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      app, "online", "Update the weights of a compiled model again and again, and time it",
      "  midstream online model.ckpt-0                    its own values as key-value pairs\n"
      "  midstream online model.ckpt-0 --weights model.ckpt-100 model.ckpt-200 \\\n"
      "    --config configs/online.toml --images x.npy --labels y.npy\n",
      &args->json);
  command->add_option("MODEL", args->model, "Checkpoint prefix, .meta file, or folder")->required();
  AddRepeated(*command, "--input", &args->inputs,
              fmt::format("Feed this tensor; the first one without a SPEC ({}) takes the batches. "
                          "Without --input: the placeholders that the output needs (repeatable)",
                          kValueHelp))
      ->type_name("NAME[=SPEC]");
  command
      ->add_option("--output", args->output,
                   "Compute this tensor; without it, the model's first output")
      ->type_name("NAME");
  command
      ->add_option("--weights", args->weights,
                   "Checkpoints to take as new weights, in this order (repeatable); without "
                   "it, the model's own values")
      ->type_name("CKPT");
  command->add_option("--images", args->images, "Batches to run instead of random ones, as .npy")
      ->type_name("FILE");
  command
      ->add_option("--labels", args->labels,
                   "Class of each image, as .npy: print the accuracy after each update")
      ->type_name("FILE")
      ->needs("--images");
  command->add_option("--batch", args->batch, "Images in a batch")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command
      ->add_option("--updates", args->updates,
                   "Updates to make: 10, or as many as there are --weights, which are repeated "
                   "in turn when this is more")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  command->add_option("--runs", args->runs, "Runs after each update")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  command->add_option("--seed", args->seed, "Seed of random inputs")->capture_default_str();
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  command->callback([=] { *action = [=] { return Online(*args); }; });
}

}  // namespace midstream::cli

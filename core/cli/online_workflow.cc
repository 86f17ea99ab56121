// Opening, updating and running a model, with the times that each takes.
#include "core/cli/online_workflow.h"

#include <fmt/format.h>

#include "core/cli/stopwatch.h"
#include "core/cli/weight_values.h"

namespace midstream::cli {

Outcome OnlineWorkflow::Open() {
  SessionOptions options;
  const Result<std::vector<InputArg>> named = ParseInputArgs(args_.inputs);
  if (!named.ok()) return {Exit::kUsage, named.status()};
  options.inputs = InputNames(*named);
  if (Outcome opened = OpenEngine(args_.config, &engine_); !opened.ok()) return opened;
  const Stopwatch opening;
  Result<Model> model = engine_.Load(args_.model, "", args_.signature);
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
  if (Status made = MakeInputs(*named); !made.ok()) return DataFailure(made);
  if (Status compiled = Compile(); !compiled.ok()) return DataFailure(compiled);
  compile_ms_ = compiling.milliseconds();
  compiles_before_ = Engine::stats().compiles;
  return {};
}

// The first input that has no value of its own takes the batches.
Status OnlineWorkflow::MakeInputs(const std::vector<InputArg>& named) {
  bool batches_placed = false;
  for (const TensorSpec& input : session_->inputs()) {
    const std::string spec = SpecOf(input.name, named);
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
      MS_ASSIGN_OR_RETURN(value, RandomBatch(input, args_.batch, seed));
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
Status OnlineWorkflow::Compile() {
  MS_RETURN_IF_ERROR(RunBatch(0));
  return RunBatch(evaluation_.batches().size() - 1);
}

std::vector<Tensor> OnlineWorkflow::InputsOf(size_t batch) const {
  std::vector<Tensor> values = values_;
  values[batch_input_] = evaluation_.batches()[batch];
  return values;
}

Status OnlineWorkflow::RunBatch(size_t batch) {
  values_[batch_input_] = evaluation_.batches()[batch];
  return session_->Run(values_, &outputs_, nullptr);
}

// The model's own values, or those of the next checkpoint.
Result<std::vector<NamedTensor>> OnlineWorkflow::NextWeights(int64_t index) {
  if (args_.weights.empty()) return OwnWeights(*model_);
  const std::string& checkpoint = args_.weights[static_cast<size_t>(index) % args_.weights.size()];
  return ReadWeights(model_->source(), checkpoint);
}

Result<UpdateReport> OnlineWorkflow::Update(int64_t index) {
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

Result<double> OnlineWorkflow::MeanInferenceTime() {
  double total = 0;
  for (int64_t run = 0; run < args_.runs; ++run) {
    const Stopwatch stopwatch;
    MS_RETURN_IF_ERROR(RunBatch(static_cast<size_t>(run) % evaluation_.full_batches()));
    total += stopwatch.milliseconds();
  }
  return total / static_cast<double>(args_.runs);
}

Result<double> OnlineWorkflow::Accuracy() {
  int64_t correct = 0;
  for (size_t batch = 0; batch < evaluation_.batches().size(); ++batch) {
    MS_RETURN_IF_ERROR(RunBatch(batch));
    MS_ASSIGN_OR_RETURN(const int64_t right, evaluation_.CountCorrect(batch, outputs_.front()));
    correct += right;
  }
  return static_cast<double>(correct) / static_cast<double>(evaluation_.images());
}

OnlineHead OnlineWorkflow::head() const {
  OnlineHead head{.model = model_->source().path(),
                  .backend = engine_.config().backend,
                  .inputs = {},
                  .output = session_->outputs().front().name,
                  .open_ms = open_ms_,
                  .compile_ms = compile_ms_};
  for (const TensorSpec& input : session_->inputs()) head.inputs.push_back(input.name);
  return head;
}

}  // namespace midstream::cli

#include "core/cli/bench_workload.h"

#include <algorithm>
#include <utility>

#include "core/base/trace.h"
#include "core/cli/weight_values.h"
#include "core/formats/model_source.h"

namespace midstream::cli {
namespace {

using measure::UpdateTimes;
using measure::Verdict;

template <typename T>
void Scale(Tensor& tensor) {
  for (T& value : tensor.mutable_as<T>()) value = static_cast<T>(value * T{65} / T{64});
}

// The same values, a little larger where they are ordinary floats.
Result<std::vector<NamedTensor>> Perturbed(const std::vector<NamedTensor>& weights) {
  std::vector<NamedTensor> perturbed;
  for (const NamedTensor& weight : weights) {
    const Tensor& value = weight.value;
    MS_ASSIGN_OR_RETURN(Tensor copy, Tensor::Copy(value.dtype(), value.shape(), value.bytes()));
    if (copy.dtype() == DType::kF32) Scale<float>(copy);
    if (copy.dtype() == DType::kF64) Scale<double>(copy);
    perturbed.push_back({weight.name, std::move(copy)});
  }
  return perturbed;
}

}  // namespace

Outcome BenchWorkload::Open() {
  SessionOptions options;
  options.outputs = args_.outputs;
  const Result<std::vector<InputArg>> named = ParseInputArgs(args_.inputs);
  if (!named.ok()) return {Exit::kUsage, named.status()};
  options.inputs = InputNames(*named);
  if (Outcome opened = OpenEngine(args_.config, &engine_); !opened.ok()) return opened;
  Result<Model> model = engine_.Load(args_.model, "", args_.signature);
  if (!model.ok()) return DataFailure(model.status());
  model_ = *std::move(model);
  Result<Session> session = model_->CreateSession(options);
  if (!session.ok()) return DataFailure(session.status());
  session_ = *std::move(session);
  if (Status made = MakeInputs(*named); !made.ok()) return DataFailure(made);
  if (Status made = MakeSets(); !made.ok()) return DataFailure(made);
  clients_.resize(static_cast<size_t>(args_.clients));
  if (Status learned = LearnAnswers(); !learned.ok()) return DataFailure(learned);
  return {};
}

Status BenchWorkload::MakeInputs(const std::vector<InputArg>& named) {
  MS_ASSIGN_OR_RETURN(named_inputs_,
                      cli::MakeInputs(session_->inputs(), named, args_.batch, args_.seed));
  for (const NamedTensor& input : named_inputs_) inputs_.push_back(input.value);
  return OkStatus();
}

Status BenchWorkload::MakeSets() {
  if (args_.weights.size() < 2) {
    MS_ASSIGN_OR_RETURN(std::vector<NamedTensor> own, OwnWeights(*model_));
    sets_.push_back(std::move(own));
  }
  for (const std::string& path : args_.weights) {
    MS_ASSIGN_OR_RETURN(std::vector<NamedTensor> weights, ReadWeights(model_->source(), path));
    sets_.push_back(std::move(weights));
  }
  if (args_.weights.empty()) {
    MS_ASSIGN_OR_RETURN(std::vector<NamedTensor> perturbed, Perturbed(sets_.front()));
    sets_.push_back(std::move(perturbed));
  }
  for (const auto& set : sets_) {
    uint64_t bytes = 0;
    for (const NamedTensor& weight : set) bytes += weight.value.byte_size();
    weight_bytes_ = std::max(weight_bytes_, bytes);
  }
  if (weight_bytes_ == 0) return InvalidArgument(args_.model + ": there are no weights to update");
  if (!args_.update_rate) return OkStatus();
  MS_ASSIGN_OR_RETURN(
      copy_, measure::MemoryCopy::Make(weight_bytes_,
                                       static_cast<uint32_t>(engine_.config().execution.threads)));
  return OkStatus();
}

// Two rounds, so that every buffer that steady updates need is there before anything is timed.
Status BenchWorkload::LearnAnswers() {
  if (!args_.update_rate) {
    unchecked_ = "no updates were asked for";
    return session_->Run(inputs_, &clients_.front().outputs, nullptr);
  }
  for (int round = 0; round < 2; ++round) {
    for (size_t set = 0; set < sets_.size(); ++set) {
      UpdateTimes times;
      const Result<uint64_t> version = Commit(set, &times);
      if (!version.ok()) return version.status();
      std::vector<Tensor> first, second;
      MS_RETURN_IF_ERROR(session_->Run(inputs_, &first, nullptr));
      MS_RETURN_IF_ERROR(session_->Run(inputs_, &second, nullptr));
      if (round == 0) check_.Learn(first, second);
    }
  }
  if (!check_.Decides()) {
    unchecked_ = "the answers do not tell the sets of weights apart, or are random";
  }
  return OkStatus();
}

Verdict BenchWorkload::Run(size_t client) {
  std::vector<Tensor>& outputs = clients_[client].outputs;
  uint64_t version = 0;
  if (!session_->Run(inputs_, &outputs, &version).ok()) return Verdict::kFailed;
  return check_.Check(outputs, version) ? Verdict::kRight : Verdict::kTorn;
}

void BenchWorkload::Submit(measure::Done done) {
  const Result<Response> response = session_->Submit(named_inputs_);
  if (!response.ok()) return done(Verdict::kFailed);
  response->OnReady([this, done = std::move(done)](const Response& ready) {
    Result<RunResult> result = ready.Get();
    if (!result.ok()) return done(Verdict::kFailed);
    std::vector<Tensor> outputs;
    for (NamedTensor& output : result->outputs) outputs.push_back(std::move(output.value));
    done(check_.Check(outputs, result->version) ? Verdict::kRight : Verdict::kTorn);
  });
}

Result<uint64_t> BenchWorkload::Commit(size_t set, UpdateTimes* times) {
  const uint64_t begin = trace::Now();
  midstream::Update update = model_->BeginUpdate();
  for (const NamedTensor& weight : sets_[set]) update.Assign(weight.name, weight.value);
  MS_RETURN_IF_ERROR(update.Stage());
  const uint64_t staged = trace::Now();
  check_.Announce(model_->version() + 1, set);
  Result<uint64_t> version = update.Commit();
  *times = {staged - begin, trace::Now() - staged};
  return version;
}

Result<UpdateTimes> BenchWorkload::Update(uint64_t number) {
  UpdateTimes times;
  const Result<uint64_t> version = Commit(number % sets_.size(), &times);
  if (!version.ok()) return version.status();
  return times;
}

Result<UpdateTimes> BenchWorkload::Copy(uint64_t number) {
  const uint64_t begin = trace::Now();
  copy_->Copy(sets_[number % sets_.size()]);
  return UpdateTimes{trace::Now() - begin, 0};
}

}  // namespace midstream::cli

#include "core/cli/bench_workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/trace.h"
#include "core/cli/profile_text.h"
#include "core/cli/weight_values.h"
#include "core/compare/arm.h"
#include "core/formats/model_source.h"

namespace midstream::cli {
namespace {

using measure::UpdateTimes;
using measure::Verdict;

constexpr int kProfiledRequests = 20;

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
  Result<std::vector<InputArg>> named = ParseInputArgs(args_.inputs);
  if (!named.ok()) return {Exit::kUsage, named.status()};
  named_ = *std::move(named);
  SessionOptions options;
  options.outputs = args_.outputs;
  options.inputs = InputNames(named_);
  if (Outcome opened = OpenEngine(setup_.config, &engine_); !opened.ok()) return opened;
  Result<Model> model = engine_.Load(args_.model, "", args_.signature);
  if (!model.ok()) return DataFailure(model.status());
  model_ = *std::move(model);
  Result<Session> session = model_->CreateSession(options);
  if (!session.ok()) return DataFailure(session.status());
  session_ = *std::move(session);
  if (!setup_.config.backend.empty()) {  // no other one may pass for it
    const Status there = compare::CheckBackend(engine_.config(), *session_);
    if (!there.ok())
      return {Exit::kBackend, there.WithContext("--backend " + setup_.config.backend)};
  }
  NameDevices();
  if (!args_.update_rate) return {};
  if (Status made = MakeSets(); !made.ok()) return DataFailure(made);
  return {};
}

// Of what runs the model, not of what was asked for.
void BenchWorkload::NameDevices() {
  std::set<std::string> known;
  for (const PlacementReport::Segment& segment : session_->placement().segments) {
    if (!known.insert(segment.backend).second) continue;
    backend_ += (backend_.empty() ? "" : " ") + segment.backend;
    device_ += (device_.empty() ? "" : ", ") + segment.device;
  }
}

Outcome BenchWorkload::Prepare(const BenchCase& one) {
  if (Status made = MakeInputs(one); !made.ok()) return DataFailure(made);
  clients_.resize(static_cast<size_t>(one.clients));
  if (Status learned = LearnAnswers(); !learned.ok()) return DataFailure(learned);
  return {};
}

Status BenchWorkload::MakeInputs(const BenchCase& one) {
  std::vector<InputArg> args = named_;
  for (const InputArg& shape : one.shapes) {
    const auto takes = [&](const TensorSpec& input) {
      return WithoutPort(input.name) == WithoutPort(shape.name);
    };
    const auto& inputs = session_->inputs();
    if (std::any_of(inputs.begin(), inputs.end(), takes)) {
      args.push_back(shape);
      continue;
    }
    std::vector<std::string> names;
    names.reserve(inputs.size());
    for (const TensorSpec& input : inputs) names.push_back(input.name);
    return NotFound(fmt::format("--shape: '{}' is no input that is fed; those are {}", shape.name,
                                fmt::join(names, ", ")));
  }
  MS_ASSIGN_OR_RETURN(named_inputs_,
                      cli::MakeInputs(session_->inputs(), args, one.batch, args_.seed));
  inputs_.clear();
  for (const NamedTensor& input : named_inputs_) inputs_.push_back(input.value);
  return OkStatus();
}

int64_t BenchWorkload::items() const {
  if (inputs_.empty() || inputs_.front().shape().rank() == 0) return 1;
  return inputs_.front().shape()[0];
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
  MS_ASSIGN_OR_RETURN(
      copy_, measure::MemoryCopy::Make(weight_bytes_,
                                       static_cast<uint32_t>(engine_.config().execution.threads)));
  return OkStatus();
}

// Two rounds, so that every buffer that steady updates need is there before anything is timed.
Status BenchWorkload::LearnAnswers() {
  check_.emplace();
  unchecked_.clear();
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
      if (round == 0) check_->Learn(first, second);
    }
  }
  if (!check_->Decides()) {
    unchecked_ = "the answers do not tell the sets of weights apart, or are random";
  }
  return OkStatus();
}

Status BenchWorkload::Profile(bool json) {
  MS_RETURN_IF_ERROR(session_->EnableProfile(true));
  for (int i = 0; i < kProfiledRequests; ++i) {
    MS_RETURN_IF_ERROR(session_->Run(inputs_, &clients_.front().outputs, nullptr));
  }
  PrintProfile(*session_, json);
  return session_->EnableProfile(false);
}

measure::Subject BenchWorkload::Rounds() {
  measure::Subject subject{setup_.config.backend.empty() ? "bench" : setup_.config.backend, {}};
  for (Client& client : clients_) {
    const auto run = [this, &client] { return session_->Run(inputs_, &client.outputs, nullptr); };
    if (!subject.run) {
      subject.run = run;
    } else {
      subject.others.emplace_back(run);
    }
  }
  return subject;
}

Verdict BenchWorkload::Run(size_t client) {
  std::vector<Tensor>& outputs = clients_[client].outputs;
  uint64_t version = 0;
  if (!session_->Run(inputs_, &outputs, &version).ok()) return Verdict::kFailed;
  return check_->Check(outputs, version) ? Verdict::kRight : Verdict::kTorn;
}

void BenchWorkload::Submit(measure::Done done) {
  const Result<Response> response = session_->Submit(named_inputs_);
  if (!response.ok()) return done(Verdict::kFailed);
  response->OnReady([this, done = std::move(done)](const Response& ready) {
    Result<RunResult> result = ready.Get();
    if (!result.ok()) return done(Verdict::kFailed);
    std::vector<Tensor> outputs;
    for (NamedTensor& output : result->outputs) outputs.push_back(std::move(output.value));
    done(check_->Check(outputs, result->version) ? Verdict::kRight : Verdict::kTorn);
  });
}

Result<uint64_t> BenchWorkload::Commit(size_t set, UpdateTimes* times) {
  const uint64_t begin = trace::Now();
  midstream::Update update = model_->BeginUpdate();
  for (const NamedTensor& weight : sets_[set]) update.Assign(weight.name, weight.value);
  MS_RETURN_IF_ERROR(update.Stage());
  const uint64_t staged = trace::Now();
  check_->Announce(model_->version() + 1, set);
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

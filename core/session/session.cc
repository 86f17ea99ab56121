#include "core/session/session.h"

#include <algorithm>

#include "core/graph/element.h"
#include "core/session/batch.h"

namespace midstream::session {
namespace {

std::string Describe(DType dtype, const Shape& shape) {
  return std::string(DTypeName(dtype)) + shape.ToString();
}

bool AllEqual(const Tensor& tensor, double want) {
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (ElementAsDouble(tensor, i) != want) return false;
  }
  return true;
}

std::string Listed(const std::vector<TensorSpec>& specs) {
  std::string text;
  for (const TensorSpec& spec : specs) text += (text.empty() ? "" : ", ") + spec.name;
  return text.empty() ? "none" : text;
}

}  // namespace

Result<std::shared_ptr<Session>> Session::Create(std::shared_ptr<const plan::Program> program,
                                                 std::shared_ptr<weights::Store> store,
                                                 Options options) {
  std::shared_ptr<Session> session(new Session);
  session->program_ = program;
  session->unused_ = std::move(options.unused);
  session->random_ = std::move(options.random);
  const Graph& graph = program->graph();
  for (ValueId id : graph.inputs()) {
    session->inputs_.push_back(
        {graph.value(id).name, graph.value(id).dtype, graph.value(id).shape});
  }
  if (session->IsRandom()) {
    if (session->inputs_.empty() || session->inputs_.back().name != session->random_.key) {
      return Internal("the last input of the program is not its random key");
    }
    session->inputs_.pop_back();
  }
  std::vector<TensorSpec> outputs;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Value& value = graph.value(graph.outputs()[i]);
    outputs.push_back({graph.output_names()[i], value.dtype, value.shape});
  }
  session->outputs_ = std::make_shared<const std::vector<TensorSpec>>(std::move(outputs));
  session->fallbacks_ = program->placement().fallbacks;
  session->precision_ = program->precision_ptr();
  session->placement_ = program->placement_report();
  // A random model's requests have a key each, and that is an input without rows.
  session->batches_ = options.batching.max_rows > 1 && HasFreeRows(graph);
  MS_ASSIGN_OR_RETURN(auto runner, Runner::Create(std::move(program), std::move(store)));
  session->scheduler_ = std::make_shared<Scheduler>(std::move(runner), options.lanes, options.queue,
                                                    options.batching);
  Status prepared = session->scheduler_->Prepare();
  if (!prepared.ok()) return prepared;
  return session;
}

Session::~Session() {
  if (scheduler_ != nullptr) scheduler_->Shutdown();
}

std::shared_ptr<const plan::Program> Session::program() const {
  std::lock_guard lock(closing_);
  return program_;
}

Status Session::Drain(std::optional<std::chrono::nanoseconds> timeout) {
  return scheduler_->Drain(timeout ? After(Now(), *timeout) : kNever);
}

Status Session::Close() {
  if (program() == nullptr) return OkStatus();
  // Callbacks that this waits for may close the session too, or look at it.
  Status drained = scheduler_->Drain(kNever);
  std::lock_guard lock(closing_);
  if (program_ == nullptr) return OkStatus();  // somebody else was faster
  MS_RETURN_IF_ERROR(drained);
  scheduler_->Shutdown();
  program_ = nullptr;
  return OkStatus();
}

Result<std::vector<Tensor>> Session::Arrange(std::span<const NamedTensor> inputs) const {
  std::string problems;
  std::vector<Tensor> arranged(inputs_.size() + (IsRandom() ? 1 : 0));
  const TensorSpec key{random_.key, DType::kI64, Shape{2}};
  auto check = [&](const TensorSpec& spec, const Tensor& value) {
    if (value.dtype() == spec.dtype && spec.shape.Accepts(value.shape())) return true;
    problems += "\n  '" + spec.name + "': expected " + Describe(spec.dtype, spec.shape) + ", got " +
                Describe(value.dtype(), value.shape());
    return false;
  };
  for (const NamedTensor& input : inputs) {
    std::string_view name = WithoutPort(input.name);
    auto match = [&](const TensorSpec& spec) { return WithoutPort(spec.name) == name; };
    auto spec = std::find_if(inputs_.begin(), inputs_.end(), match);
    if (spec != inputs_.end()) {
      Tensor& place = arranged[static_cast<size_t>(spec - inputs_.begin())];
      if (!place.empty()) problems += "\n  '" + spec->name + "': given twice";
      if (check(*spec, input.value)) place = input.value;
      continue;
    }
    if (IsRandom() && name == WithoutPort(random_.key)) {
      if (check(key, input.value)) arranged.back() = input.value;
      continue;
    }
    auto unused = std::find_if(unused_.begin(), unused_.end(),
                               [&](const UnusedInput& u) { return match(u.spec); });
    if (unused == unused_.end()) {
      problems +=
          "\n  '" + input.name + "': the session has no such input; it takes " + Listed(inputs_);
    } else if (check(unused->spec, input.value) && unused->required &&
               !AllEqual(input.value, *unused->required)) {
      std::string want = *unused->required == 1.0 ? "1" : "0";
      problems += "\n  '" + input.name + "': only " + want + " can be fed, its dropout was removed";
    }
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    bool complained = problems.find("'" + inputs_[i].name + "'") != std::string::npos;
    if (arranged[i].empty() && !complained) {
      problems += "\n  '" + inputs_[i].name + "': not given; expected " +
                  Describe(inputs_[i].dtype, inputs_[i].shape);
    }
  }
  if (!problems.empty()) return InvalidArgument("the inputs do not fit:" + problems);
  return arranged;
}

Result<RunResult> Session::Run(std::span<const NamedTensor> inputs, const RequestOptions& options) {
  MS_ASSIGN_OR_RETURN(std::vector<Tensor> arranged, Arrange(inputs));
  if (IsRandom() && arranged.back().empty()) arranged.back() = NextKey();
  RunResult result;
  std::vector<Tensor> outputs;
  MS_RETURN_IF_ERROR(RunProgram(arranged, options, &outputs, &result.version));
  for (size_t i = 0; i < outputs.size(); ++i) {
    result.outputs.push_back({(*outputs_)[i].name, std::move(outputs[i])});
  }
  return result;
}

Result<Response> Session::Submit(std::span<const NamedTensor> inputs,
                                 const RequestOptions& options) {
  MS_ASSIGN_OR_RETURN(std::vector<Tensor> arranged, Arrange(inputs));
  if (IsRandom() && arranged.back().empty()) arranged.back() = NextKey();
  auto request = MakeRequest(std::move(arranged), options);
  MS_RETURN_IF_ERROR(scheduler_->Submit(request));
  return Response(std::move(request));
}

Status Session::Run(std::span<const Tensor> inputs, std::vector<Tensor>* outputs,
                    uint64_t* version) {
  if (inputs.size() != inputs_.size()) {
    return InvalidArgument("the session takes " + std::to_string(inputs_.size()) + " inputs (" +
                           Listed(inputs_) + "), got " + std::to_string(inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].dtype() != inputs_[i].dtype) {
      return InvalidArgument("input '" + inputs_[i].name + "' is " +
                             std::string(DTypeName(inputs_[i].dtype)) + ", got " +
                             std::string(DTypeName(inputs[i].dtype())));
    }
  }
  if (!IsRandom()) return RunProgram(inputs, {}, outputs, version);
  std::vector<Tensor> complete(inputs.begin(), inputs.end());
  complete.push_back(NextKey());
  return RunProgram(complete, {}, outputs, version);
}

Status Session::EnableProfile(bool on) {
  const auto program = this->program();
  if (program == nullptr) return FailedPrecondition("the session is closed");
  for (const plan::Program::Segment& segment : program->segments()) {
    const backend::Device& device = *program->devices()[segment.device];
    if (!on || device.profile() != nullptr) continue;
    return Unimplemented("backend '" + device.label() + "' cannot tell how long its work takes");
  }
  scheduler_->activity().EnableProfile(on);
  return OkStatus();
}

Tensor Session::NextKey() {
  return Tensor::FromInts({random_.seed, requests_.fetch_add(1, std::memory_order_relaxed)});
}

std::shared_ptr<Request> Session::MakeRequest(std::vector<Tensor> inputs,
                                              const RequestOptions& options) const {
  auto request = std::make_shared<Request>();
  request->priority = options.priority;
  request->caller = options.caller;
  request->version = options.version.held();
  request->submitted_ns = Now();
  if (options.timeout) request->deadline_ns = After(request->submitted_ns, *options.timeout);
  for (const Tensor& input : inputs) request->bytes += input.byte_size();
  if (!inputs.empty() && inputs[0].shape().rank() > 0) request->rows = inputs[0].shape()[0];
  if (batches_) request->batch_key = BatchKey(inputs, options.version.held().get());
  request->inputs = std::move(inputs);
  request->output_specs = outputs_;
  request->scheduler = scheduler_;
  return request;
}

Status Session::RunProgram(std::span<const Tensor> inputs, const RequestOptions& options,
                           std::vector<Tensor>* outputs, uint64_t* version) {
  uint64_t unasked = 0;
  if (version == nullptr) version = &unasked;
  if (options.caller == 0) {
    MS_ASSIGN_OR_RETURN(Lane * lane, scheduler_->Enter(options.version.held().get()));
    if (lane != nullptr) {
      const uint64_t begin = Now();
      Status status =
          scheduler_->runner().Run(*lane, options.version.held().get(), inputs, outputs, version);
      scheduler_->Leave(lane, status.ok(), begin, Now());
      return status;
    }
  }
  if (scheduler_->IsInCallback()) {
    return FailedPrecondition(
        "a callback cannot wait for a request that is queued: run without a caller, or submit");
  }
  auto request = MakeRequest({inputs.begin(), inputs.end()}, options);
  request->outputs = std::move(*outputs);
  Status status = scheduler_->Submit(request);
  if (status.ok()) {
    request->WaitUntil(kNever);
    status = request->status;
    *version = request->answered_by;
  }
  *outputs = std::move(request->outputs);
  return status;
}

}  // namespace midstream::session

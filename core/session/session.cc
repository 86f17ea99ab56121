#include "core/session/session.h"

#include <algorithm>

#include "core/graph/element.h"

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
                                                 std::vector<UnusedInput> unused,
                                                 std::shared_ptr<weights::Store> store,
                                                 size_t instances, RandomSource random) {
  std::shared_ptr<Session> session(new Session);
  session->program_ = program;
  session->store_ = std::move(store);
  session->unused_ = std::move(unused);
  session->random_ = std::move(random);
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
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Value& value = graph.value(graph.outputs()[i]);
    session->outputs_.push_back({graph.output_names()[i], value.dtype, value.shape});
  }
  for (size_t i = 0; i < std::max<size_t>(instances, 1); ++i) {
    MS_ASSIGN_OR_RETURN(auto context, plan::ExecContext::Create(program));
    session->idle_.push_back(std::move(context));
  }
  MS_ASSIGN_OR_RETURN(session->number_, session->store_->Attach(program));
  session->attached_ = true;
  return session;
}

Session::~Session() {
  if (attached_) store_->Detach(number_);
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

Result<RunResult> Session::Run(std::span<const NamedTensor> inputs) {
  MS_ASSIGN_OR_RETURN(std::vector<Tensor> arranged, Arrange(inputs));
  if (IsRandom() && arranged.back().empty()) arranged.back() = NextKey();
  RunResult result;
  std::vector<Tensor> outputs;
  MS_RETURN_IF_ERROR(RunProgram(arranged, &outputs, &result.version));
  for (size_t i = 0; i < outputs.size(); ++i) {
    result.outputs.push_back({outputs_[i].name, std::move(outputs[i])});
  }
  return result;
}

Result<std::unique_ptr<plan::ExecContext>> Session::Borrow() {
  std::unique_ptr<plan::ExecContext> context;
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !idle_.empty(); });
    context = std::move(idle_.back());
    idle_.pop_back();
  }
  if (context != nullptr) return context;
  auto fresh = plan::ExecContext::Create(program_);
  if (!fresh.ok()) GiveBack(nullptr);
  return fresh;
}

void Session::GiveBack(std::unique_ptr<plan::ExecContext> context) {
  {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(context));
  }
  freed_.notify_one();
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
  if (!IsRandom()) return RunProgram(inputs, outputs, version);
  std::vector<Tensor> complete(inputs.begin(), inputs.end());
  complete.push_back(NextKey());
  return RunProgram(complete, outputs, version);
}

Tensor Session::NextKey() {
  return Tensor::FromInts({random_.seed, requests_.fetch_add(1, std::memory_order_relaxed)});
}

Status Session::RunProgram(std::span<const Tensor> inputs, std::vector<Tensor>* outputs,
                           uint64_t* version) {
  MS_ASSIGN_OR_RETURN(auto plan, program_->PlanFor(inputs));
  outputs->resize(outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    Tensor& out = (*outputs)[i];
    bool fits = out.dtype() == outputs_[i].dtype && out.shape() == plan->output_shapes[i];
    if (fits && out.sole_owner()) continue;
    auto fresh = Tensor::Allocate(outputs_[i].dtype, plan->output_shapes[i]);
    if (!fresh.ok()) return fresh.status().WithContext("output '" + outputs_[i].name + "'");
    out = *std::move(fresh);
  }

  MS_ASSIGN_OR_RETURN(auto context, Borrow());
  auto pinned = store_->Pin();
  if (!pinned->Has(number_)) {
    GiveBack(std::move(context));
    return FailedPrecondition("the model is unloaded");
  }
  Status status = context->Run(*plan, *pinned->programs[number_], inputs, *outputs, timeout_ns_);
  // After a failure work may still be under way: closing the queues waits for it, while the weights
  // are pinned and the tensors are alive.
  if (!status.ok()) context.reset();
  GiveBack(std::move(context));
  if (version != nullptr) *version = pinned->id;
  return status;
}

}  // namespace midstream::session

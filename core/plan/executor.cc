#include "core/plan/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "core/backend/abandoned.h"
#include "core/backend/host.h"
#include "core/base/trace.h"

namespace midstream::plan {

Result<std::unique_ptr<ExecContext>> ExecContext::Create(std::shared_ptr<const Program> program) {
  std::unique_ptr<ExecContext> context(new ExecContext(std::move(program)));
  for (const auto& device : context->program_->devices()) {
    const bool asynchronous = (device->info().flags & MS_DEVICE_SYNC) == 0;
    context->devices_.push_back({nullptr, asynchronous, 0, 0});
  }
  MS_RETURN_IF_ERROR(context->OpenQueues());
  return context;
}

Status ExecContext::OpenQueues() {
  for (size_t d = 0; d < devices_.size(); ++d) {
    DeviceState& device = devices_[d];
    if (device.queue != nullptr) continue;
    MS_ASSIGN_OR_RETURN(device.queue, backend::Queue::Open(program_->devices()[d], false));
    device.submitted = device.reached = 0;
    timed_ = false;
  }
  return OkStatus();
}

// An error stays on its queue, and a fence that tells it may do so before later work has ended:
// closing the queue waits for that.
void ExecContext::CloseFailedQueues() {
  if (stuck()) return;
  for (DeviceState& device : devices_) {
    if (device.asynchronous) device.queue.reset();
  }
}

// The old block goes first: nothing uses it between runs, and both need not fit at once.
Status ExecContext::Reserve(const ShapedPlan& plan) {
  constexpr std::string_view kWhat = "the graph's intermediate values";
  if (arena_.byte_size() < plan.arena_bytes[kHostSpace]) {
    arena_ = Tensor();
    auto arena = Tensor::Allocate(DType::kU8, {static_cast<int64_t>(plan.arena_bytes[kHostSpace])});
    if (!arena.ok()) return arena.status().WithContext(kWhat);
    arena_ = *std::move(arena);
  }
  buffers_.resize(plan.arena_bytes.size());
  for (uint32_t space = kHostSpace + 1; space < buffers_.size(); ++space) {
    const uint64_t bytes = plan.arena_bytes[space];
    if (bytes == 0 || (buffers_[space] != nullptr && buffers_[space]->bytes() >= bytes)) continue;
    buffers_[space].reset();
    auto buffer = backend::Buffer::Allocate(program_->DeviceOfSpace(space), bytes);
    if (!buffer.ok()) return buffer.status().WithContext(kWhat);
    buffers_[space] = *std::move(buffer);
  }
  return OkStatus();
}

ms_tensor ExecContext::Resolve(const ValuePlace& place, std::span<const Tensor> inputs,
                               std::span<Tensor> outputs) const {
  const void* data = nullptr;
  switch (place.kind) {
    case ValuePlace::Kind::kRequestInput:
      data = inputs[place.idx].data();
      break;
    case ValuePlace::Kind::kRequestOutput:
      data = outputs[place.idx].data();
      break;
    case ValuePlace::Kind::kArena:
      if (place.space == kHostSpace) {
        data = static_cast<const std::byte*>(arena_.data()) + place.idx;
        break;
      }
      ms_tensor tensor = backend::HostTensor(place.dtype, place.shape, nullptr);
      tensor.buffer = buffers_[place.space]->handle();
      tensor.byte_offset = place.idx;
      return tensor;
  }
  return backend::HostTensor(place.dtype, place.shape, data);
}

Status ExecContext::SubmitSegment(const ShapedPlan::Segment& segment, size_t device,
                                  uint64_t signal, const backend::WeightSet* weights,
                                  std::span<const Tensor> inputs, std::span<Tensor> outputs) {
  in_.clear();
  out_.clear();
  for (const ValuePlace& place : segment.inputs) in_.push_back(Resolve(place, inputs, outputs));
  for (const ValuePlace& place : segment.outputs) out_.push_back(Resolve(place, inputs, outputs));
  ms_tensor scratch;
  ms_exec exec{};
  exec.struct_size = sizeof exec;
  exec.weights = weights != nullptr ? weights->handle() : nullptr;
  exec.inputs = in_.data();
  exec.outputs = out_.data();
  exec.n_inputs = static_cast<uint32_t>(in_.size());
  exec.n_outputs = static_cast<uint32_t>(out_.size());
  if (segment.plan->scratch_bytes() > 0) {
    scratch = Resolve(segment.scratch, inputs, outputs);
    exec.scratch = &scratch;
  }
  exec.signal = signal;
  ms_error error;
  error.struct_size = sizeof error;
  error.message[0] = '\0';
  const backend::Queue& queue = *devices_[device].queue;
  ms_code code =
      queue.device()->table().execute(segment.plan->handle(), queue.handle(), &exec, &error);
  return code == MS_OK ? OkStatus()
                       : backend::FromAbi(code, error, queue.device()->plugin_name(), "execute");
}

Status ExecContext::Submit(const ShapedPlan& plan, const ProgramWeights& weights,
                           std::span<const Tensor> inputs, std::span<Tensor> outputs) {
  for (const Step& step : plan.steps) {
    for (size_t earlier : step.after) {
      MS_RETURN_IF_ERROR(WaitFor(plan, plan.steps[earlier].device, signals_[earlier]));
    }
    DeviceState& device = devices_[step.device];
    const uint64_t signal = device.queue->NextSignal();
    if (step.kind == Step::Kind::kSegment) {
      const ShapedPlan::Segment& segment = plan.segments[step.idx];
      MS_RETURN_IF_ERROR(SubmitSegment(segment, step.device, signal, weights[segment.segment].get(),
                                       inputs, outputs));
    } else {
      const Transfer& transfer = plan.transfers[step.idx];
      Status copied = device.queue->Copy(Resolve(transfer.from, inputs, outputs),
                                         Resolve(transfer.to, inputs, outputs), signal);
      if (!copied.ok()) return copied.WithContext("copy of '" + transfer.value + "'");
    }
    signals_.push_back(signal);
    (device.asynchronous ? device.submitted : device.reached) = signal;
  }
  return OkStatus();
}

Status ExecContext::WaitFor(const ShapedPlan& plan, size_t device, uint64_t signal) {
  DeviceState& state = devices_[device];
  if (state.reached >= signal) return OkStatus();
  const trace::Span span("device", "wait");
  const backend::Device& waited = *state.queue->device();
  Status status = state.queue->WaitFor(signal, waited.timeout_ns());
  if (status.ok()) {
    state.reached = signal;
  } else if (status.code() == Code::kDeadlineExceeded) {
    hung_device_ = device;
    const ms_str& name = waited.info().name;
    return DeadlineExceeded(
        fmt::format("backend '{}': device '{}' did not answer for {:.3g} s in {}",
                    waited.plugin_name(), std::string_view(name.data, name.size),
                    static_cast<double>(waited.timeout_ns()) * 1e-9, FirstPending(plan, device)));
  }
  return status;
}

std::string ExecContext::FirstPending(const ShapedPlan& plan, size_t device) {
  for (size_t i = 0; i < signals_.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.device != device || devices_[device].queue->IsReached(signals_[i])) continue;
    if (step.kind == Step::Kind::kSegment) {
      return program_->DescribeSegment(plan.segments[step.idx].segment);
    }
    return "the copy of '" + plan.transfers[step.idx].value + "'";
  }
  return "its last work";  // it ended just now
}

Status ExecContext::Run(const std::shared_ptr<const ShapedPlan>& plan,
                        const ProgramWeights& weights, std::span<const Tensor> inputs,
                        std::span<Tensor> outputs, std::vector<TimedWork>* times) {
  MS_RETURN_IF_ERROR(Reserve(*plan));
  MS_RETURN_IF_ERROR(OpenQueues());
  if (timed_ != (times != nullptr)) MS_RETURN_IF_ERROR(TimeQueues(times != nullptr));
  signals_.clear();
  Status status;
  {
    backend::ThreadLimit limit(program_->options().threads);
    status = Submit(*plan, weights, inputs, outputs);
  }
  for (size_t d = 0; d < devices_.size() && hung_device_ == SIZE_MAX; ++d) {
    if (!devices_[d].asynchronous) continue;
    Status ended = WaitFor(*plan, d, devices_[d].submitted);
    if (status.ok()) status = std::move(ended);
  }
  if (hung_device_ != SIZE_MAX) {
    stuck_ =
        std::make_unique<Stuck>(Stuck{hung_device_, plan, weights, {inputs.begin(), inputs.end()}});
    stuck_->tensors.insert(stuck_->tensors.end(), outputs.begin(), outputs.end());
  }
  if (status.ok() && times != nullptr) status = ReadTimes(*plan, times);
  if (!status.ok()) {
    CloseFailedQueues();
    return status;
  }
  const auto& ids = program_->graph().outputs();
  for (size_t i = 0; i < ids.size(); ++i) {  // an output asked for twice was made once
    for (size_t first = 0; first < i; ++first) {
      if (ids[first] != ids[i]) continue;
      if (outputs[i].byte_size() > 0) {
        std::memcpy(outputs[i].mutable_data(), outputs[first].data(), outputs[i].byte_size());
      }
      break;
    }
  }
  return OkStatus();
}

Status ExecContext::TimeQueues(bool on) {
  for (const DeviceState& device : devices_) {
    if (device.queue->device()->profile() == nullptr) continue;
    MS_RETURN_IF_ERROR(device.queue->EnableProfile(on));
  }
  timed_ = on;
  return OkStatus();
}

Status ExecContext::ReadTimes(const ShapedPlan& plan, std::vector<TimedWork>* times) {
  for (size_t d = 0; d < devices_.size(); ++d) {
    if (devices_[d].queue->device()->profile() == nullptr) continue;
    std::map<const ms_plan*, size_t> segments;
    std::vector<size_t> transfers, others;  // steps; what is no node's, in *times
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const Step& step = plan.steps[i];
      if (step.device != d) continue;
      if (step.kind == Step::Kind::kTransfer) {
        transfers.push_back(i);
      } else {
        segments[plan.segments[step.idx].plan->handle()] = i;
      }
    }
    MS_RETURN_IF_ERROR(devices_[d].queue->ReadProfile([&](const ms_profile_event& event) {
      TimedWork work{d,
                     SIZE_MAX,
                     0,
                     event.begin_ns,
                     std::max(event.begin_ns, event.end_ns),
                     std::string(event.kernel.data, event.kernel.size)};
      const auto segment = segments.find(event.plan);
      if (segment != segments.end() && event.node != MS_NONE) {
        const size_t idx = plan.segments[plan.steps[segment->second].idx].segment;
        const std::vector<NodeId>& nodes = program_->segments()[idx].nodes;
        if (event.node >= nodes.size()) return;
        work.step = segment->second;
        work.node = nodes[event.node];
      } else {
        others.push_back(times->size());
      }
      times->push_back(std::move(work));
    }));
    // The copies are told apart by their order, where there is nothing else among them.
    if (others.size() != transfers.size()) continue;
    for (size_t i = 0; i < others.size(); ++i) (*times)[others[i]].step = transfers[i];
  }
  return OkStatus();
}

void ExecContext::Abandon(std::unique_ptr<ExecContext> context, std::vector<Tensor> more) {
  Stuck& stuck = *context->stuck_;
  stuck.tensors.insert(stuck.tensors.end(), more.begin(), more.end());
  const std::shared_ptr<backend::Device> device = context->devices_[stuck.device].queue->device();
  backend::KeepForever(*device, std::shared_ptr<ExecContext>(std::move(context)));
}

}  // namespace midstream::plan

#include "core/plan/executor.h"

#include <cstring>

#include "core/backend/host.h"

namespace midstream::plan {

Result<std::unique_ptr<ExecContext>> ExecContext::Create(std::shared_ptr<const Program> program) {
  std::unique_ptr<ExecContext> context(new ExecContext(std::move(program)));
  for (const auto& device : context->program_->devices()) {
    MS_ASSIGN_OR_RETURN(auto queue, backend::Queue::Open(device, false));
    context->queues_.push_back(std::move(queue));
  }
  return context;
}

Status ExecContext::EnsureArena(uint64_t bytes) {
  if (arena_.byte_size() >= bytes) return OkStatus();
  auto arena = Tensor::Allocate(DType::kU8, {static_cast<int64_t>(bytes)});
  if (!arena.ok()) return arena.status().WithContext("the graph's intermediate values");
  arena_ = *std::move(arena);
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
      data = static_cast<const std::byte*>(arena_.data()) + place.idx;
      break;
  }
  return backend::HostTensor(place.dtype, place.shape, data);
}

Status ExecContext::RunSegment(const ShapedPlan& plan, const ShapedPlan::Segment& segment,
                               const backend::WeightSet* weights, std::span<const Tensor> inputs,
                               std::span<Tensor> outputs, uint64_t timeout_ns) {
  in_.clear();
  out_.clear();
  for (const ValuePlace& place : segment.inputs) in_.push_back(Resolve(place, inputs, outputs));
  for (const ValuePlace& place : segment.outputs) out_.push_back(Resolve(place, inputs, outputs));

  Shape scratch_shape{static_cast<int64_t>(segment.plan->scratch_bytes())};
  ms_tensor scratch =
      backend::HostTensor(DType::kU8, scratch_shape,
                          static_cast<const std::byte*>(arena_.data()) + plan.scratch_offset);
  size_t device_idx = program_->segments()[segment.segment].device;
  const backend::Device& device = *program_->devices()[device_idx];
  backend::Queue& queue = *queues_[device_idx];
  ms_exec exec{};
  exec.struct_size = sizeof exec;
  exec.weights = weights != nullptr ? weights->handle() : nullptr;
  exec.inputs = in_.data();
  exec.outputs = out_.data();
  exec.n_inputs = static_cast<uint32_t>(in_.size());
  exec.n_outputs = static_cast<uint32_t>(out_.size());
  exec.scratch = &scratch;
  exec.signal = queue.NextSignal();
  ms_error error;
  error.struct_size = sizeof error;
  error.message[0] = '\0';
  ms_code code = device.table().execute(segment.plan->handle(), queue.handle(), &exec, &error);
  if (code != MS_OK) return backend::FromAbi(code, error, device.plugin_name(), "execute");
  if ((device.info().flags & MS_DEVICE_SYNC) != 0) return OkStatus();
  return queue.Wait(timeout_ns);
}

Status ExecContext::Run(const ShapedPlan& plan, const ProgramWeights& weights,
                        std::span<const Tensor> inputs, std::span<Tensor> outputs,
                        uint64_t timeout_ns) {
  MS_RETURN_IF_ERROR(EnsureArena(plan.arena_bytes));
  backend::ThreadLimit limit(program_->options().threads);
  for (const ShapedPlan::Segment& segment : plan.segments) {
    MS_RETURN_IF_ERROR(
        RunSegment(plan, segment, weights[segment.segment].get(), inputs, outputs, timeout_ns));
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

}  // namespace midstream::plan

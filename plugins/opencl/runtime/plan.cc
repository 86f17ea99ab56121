#include "runtime/plan.h"

#include "runtime/buffer.h"
#include "runtime/planner.h"

namespace midstream::opencl {
namespace {

Bindings::Range RangeOf(const ms_tensor& tensor) {
  const Buffer* buffer = BufferOf(tensor);
  if (buffer == nullptr)
    throw sdk::Error(MS_INVALID_ARGUMENT, "execute needs tensors in buffers of the device");
  return {buffer->mem.get(), tensor.byte_offset};
}

class ExecBindings final : public Bindings {
 public:
  ExecBindings(const ms_exec& exec, const Weights* weights) : exec_(exec), weights_(weights) {}

 private:
  Range Find(const Place& place) const override {
    switch (place.where) {
      case Where::kInput:
        return RangeOf(exec_.inputs[place.idx]);
      case Where::kOutput:
        return RangeOf(exec_.outputs[place.idx]);
      case Where::kScratch:
        return RangeOf(*exec_.scratch);
      case Where::kSlot:
        return {weights_->form(place.idx, place.form), 0};
      default:
        return {};
    }
  }
  const ms_exec& exec_;
  const Weights* weights_;
};

}  // namespace

Plan::Plan(const Module* module, const sdk::GraphView& graph) : module_(module) {
  Planner planner(module, graph);
  std::vector<Command> commands = planner.Run();
  scratch_bytes_ = planner.scratch_bytes();
  commands_ = std::make_unique<CommandList>(module->device(), std::move(commands));
  commands_->Warm();
  module->device()->SaveCache();
}

void Plan::Check(const ms_exec& exec) const {
  if (exec.n_inputs != module_->inputs().size() || exec.n_outputs != module_->outputs().size()) {
    throw sdk::Error(MS_INVALID_ARGUMENT, "execute has the wrong number of inputs or outputs");
  }
  const auto* weights = reinterpret_cast<const Weights*>(exec.weights);
  if (weights == nullptr ? !module_->slots().empty()
                         : !weights->sealed() || weights->module() != module_) {
    throw sdk::Error(MS_FAILED_PRECONDITION,
                     "execute needs a sealed weight set of the plan's module");
  }
  if (scratch_bytes_ > 0 && exec.scratch == nullptr) {
    throw sdk::Error(MS_INVALID_ARGUMENT,
                     "execute needs " + std::to_string(scratch_bytes_) + " scratch bytes");
  }
}

void Plan::Execute(const ms_exec& exec, Queue* queue) {
  sdk::CheckSized(exec, "ms_exec");
  Check(exec);
  for (uint32_t i = 0; i < exec.n_waits; ++i) {
    const Event event = reinterpret_cast<Queue*>(exec.waits[i].queue)->Pending(exec.waits[i].value);
    const cl_event raw = event.get();
    if (raw == nullptr) continue;
    opencl::Check(clEnqueueBarrierWithWaitList(queue->raw(), 1, &raw, nullptr),
                  "clEnqueueBarrierWithWaitList");
  }
  commands_->Enqueue(queue, ExecBindings(exec, reinterpret_cast<const Weights*>(exec.weights)),
                     reinterpret_cast<ms_plan*>(this));
  queue->Submit(exec.signal);
}

}  // namespace midstream::opencl

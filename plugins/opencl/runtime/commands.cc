#include "runtime/commands.h"

#include <algorithm>

#include "midstream/arena.hpp"

namespace midstream::opencl {
namespace {

void SetArg(cl_kernel kernel, uint32_t index, size_t size, const void* value) {
  const cl_int code = clSetKernelArg(kernel, index, size, value);
  if (code != CL_SUCCESS) Throw(code, "argument " + std::to_string(index) + " of a kernel");
}

void SetMemory(cl_kernel kernel, uint32_t index, Bindings::Range range, uint32_t width) {
  const cl_ulong first = range.offset / width;
  SetArg(kernel, index, sizeof range.mem, &range.mem);
  SetArg(kernel, index + 1, sizeof first, &first);
}

uint32_t WidthOf(const Operand& operand) { return std::max<uint32_t>(1, operand.dtype.bits / 8u); }

// Work-groups along y or z that every device takes, of which none tells how many it does. More are
// launched in several commands.
constexpr size_t kMostGroups = 65535;

// The command that was just enqueued, as work of `plan`.
void Record(Queue* queue, const Command& command, ms_plan* plan, const std::string& kernel) {
  if (plan == nullptr || queue->recorder() == nullptr) return;
  queue->recorder()->Add(queue->LastEvent(), command.node, plan, kernel);
}

bool HasWork(const Command& command) {
  if (const auto* copy = std::get_if<CopyCommand>(&command.what)) return copy->from.bytes() > 0;
  const Call& call = std::get<Call>(command.what);
  return std::ranges::all_of(call.global, [](size_t n) { return n > 0; });
}

}  // namespace

Bindings::Range Bindings::Resolve(const Place& place) const {
  Range range = place.where == Where::kFixed ? Range{place.mem.get(), 0} : Find(place);
  if (range.mem == nullptr) throw sdk::Error(MS_INTERNAL, "a kernel reads a value without memory");
  range.offset += place.offset;
  return range;
}

// An instance that goes back to its list.
class CommandList::Borrowed {
 public:
  explicit Borrowed(CommandList* list) : list_(list) {
    {
      std::lock_guard lock(list->mutex_);
      if (!list->idle_.empty()) {
        instance_ = std::move(list->idle_.back());
        list->idle_.pop_back();
      }
    }
    if (instance_ == nullptr) instance_ = list->MakeInstance();
  }
  ~Borrowed() {
    std::lock_guard lock(list_->mutex_);
    list_->idle_.push_back(std::move(instance_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  cl_kernel kernel(size_t step) const { return instance_->kernels[step].get(); }

 private:
  CommandList* list_;
  std::unique_ptr<Instance> instance_;
};

CommandList::CommandList(Device* device, std::vector<Command> commands) : device_(device) {
  for (Command& command : commands) {
    if (HasWork(command)) steps_.push_back(MakeStep(std::move(command)));
  }
  idle_.push_back(MakeInstance());
  for (size_t i = 0; i < steps_.size(); ++i) {
    auto* call = std::get_if<Call>(&steps_[i].command.what);
    if (call != nullptr) device_->FitGroup(idle_.front()->kernels[i].get(), call);
  }
}

CommandList::~CommandList() = default;

CommandList::Step CommandList::MakeStep(Command command) const {
  Step step{std::move(command), {}};
  const auto* call = std::get_if<Call>(&step.command.what);
  if (call == nullptr) return step;
  uint32_t index = 0;
  for (const Arg& arg : call->args) {
    const auto* operand = std::get_if<Operand>(&arg);
    if (operand != nullptr && operand->place.where != Where::kFixed) {
      step.patches.push_back({index, WidthOf(*operand), operand->place});
    }
    index += operand != nullptr ? 2 : 1;
  }
  return step;
}

// The kernel with every argument that never changes.
KernelObject CommandList::MakeKernel(const Call& call) const {
  KernelObject kernel = device_->programs().MakeKernel(call);
  uint32_t index = 0;
  for (const Arg& arg : call.args) {
    if (const auto* operand = std::get_if<Operand>(&arg)) {
      const Place& place = operand->place;
      if (place.where == Where::kFixed) {
        SetMemory(kernel.get(), index, {place.mem.get(), place.offset}, WidthOf(*operand));
      }
      ++index;
    } else if (const auto* scalar = std::get_if<Scalar>(&arg)) {
      SetArg(kernel.get(), index, scalar->size, scalar->bytes.data());
    } else {
      SetArg(kernel.get(), index, std::get<LocalBytes>(arg).bytes, nullptr);
    }
    ++index;
  }
  return kernel;
}

std::unique_ptr<CommandList::Instance> CommandList::MakeInstance() const {
  auto instance = std::make_unique<Instance>();
  for (const Step& step : steps_) {
    const auto* call = std::get_if<Call>(&step.command.what);
    instance->kernels.push_back(call != nullptr ? MakeKernel(*call) : KernelObject());
  }
  return instance;
}

void CommandList::EnqueueCopy(Queue* queue, const Command& command, const Bindings& bindings,
                              ms_plan* plan) {
  const auto& copy = std::get<CopyCommand>(command.what);
  const Bindings::Range from = bindings.Resolve(copy.from.place);
  const Bindings::Range to = bindings.Resolve(copy.to.place);
  Check(clEnqueueCopyBuffer(queue->raw(), from.mem, to.mem, from.offset, to.offset,
                            copy.from.bytes(), 0, nullptr, queue->NextEvent()),
        "clEnqueueCopyBuffer");
  Record(queue, command, plan, "copy");
}

void CommandList::EnqueueCall(Queue* queue, const Step& step, cl_kernel kernel,
                              const Bindings& bindings, ms_plan* plan) {
  for (const Patch& patch : step.patches) {
    SetMemory(kernel, patch.arg, bindings.Resolve(patch.place), patch.width);
  }
  const Call& call = std::get<Call>(step.command.what);
  const size_t most_y = kMostGroups * call.local[1], most_z = kMostGroups * call.local[2];
  for (size_t z = 0; z < call.global[2]; z += most_z) {
    for (size_t y = 0; y < call.global[1]; y += most_y) {
      const Size3 first{0, y, z};
      const Size3 size{call.global[0], std::min(call.global[1] - y, most_y),
                       std::min(call.global[2] - z, most_z)};
      const cl_int code =
          clEnqueueNDRangeKernel(queue->raw(), kernel, 3, y + z > 0 ? first.data() : nullptr,
                                 size.data(), call.local.data(), 0, nullptr, queue->NextEvent());
      if (code != CL_SUCCESS) Throw(code, "launch of kernel " + call.kernel);
      Record(queue, step.command, plan, call.kernel);
    }
  }
}

void CommandList::Enqueue(Queue* queue, const Bindings& bindings, ms_plan* plan) {
  if (steps_.empty()) return;
  const Borrowed instance(this);
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (std::holds_alternative<CopyCommand>(steps_[i].command.what)) {
      EnqueueCopy(queue, steps_[i].command, bindings, plan);
    } else {
      EnqueueCall(queue, steps_[i], instance.kernel(i), bindings, plan);
    }
  }
}

void CommandList::Warm() {
  std::vector<size_t> cold;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto* call = std::get_if<Call>(&steps_[i].command.what);
    if (call != nullptr && !device_->programs().IsWarm(*call)) cold.push_back(i);
  }
  if (cold.empty()) return;
  const DummyMemory memory(device_, *this);
  const Borrowed instance(this);
  std::map<std::string, const Call*> warmed;  // the list may have several that are alike
  device_->RunNow([&](Queue* queue) {
    for (size_t i : cold) {
      const Call& call = std::get<Call>(steps_[i].command.what);
      if (!warmed.emplace(Programs::NameOfLaunch(call), &call).second) continue;
      EnqueueCall(queue, steps_[i], instance.kernel(i), memory, nullptr);
    }
  });
  for (const auto& [name, call] : warmed) device_->programs().SetWarm(*call);
}

DummyMemory::DummyMemory(Device* device, const CommandList& list) {
  uint64_t read = 1, written = 0;
  std::map<Region, uint64_t> sizes;
  for (const CommandList::Step& step : list.steps_) {
    const auto* call = std::get_if<Call>(&step.command.what);
    if (call == nullptr) continue;
    for (const Arg& arg : call->args) {
      const auto* operand = std::get_if<Operand>(&arg);
      if (operand == nullptr || operand->place.where == Where::kFixed) continue;
      uint64_t& most = IsRead(operand->place) ? read : sizes[RegionOf(operand->place)];
      most = std::max(most, operand->place.offset + operand->bytes());
    }
  }
  for (const auto& [region, bytes] : sizes) {
    regions_[region] = written;
    written = sdk::AlignUp(written + bytes);
  }
  read_ = device->Allocate(read);
  written_ = device->Allocate(std::max<uint64_t>(written, 1));
  device->RunNow([&](Queue* queue) {
    const cl_uchar zero = 0;
    for (const auto& [mem, bytes] : {std::pair(read_.get(), read), {written_.get(), written}}) {
      if (bytes == 0) continue;
      Check(clEnqueueFillBuffer(queue->raw(), mem, &zero, sizeof zero, 0, bytes, 0, nullptr,
                                queue->NextEvent()),
            "clEnqueueFillBuffer");
    }
  });
}

bool DummyMemory::IsRead(const Place& place) {
  return place.where == Where::kInput || place.where == Where::kSlot;
}

// Scratch places have their offsets already.
DummyMemory::Region DummyMemory::RegionOf(const Place& place) {
  return {place.where, place.where == Where::kScratch ? 0 : place.idx};
}

Bindings::Range DummyMemory::Find(const Place& place) const {
  if (IsRead(place)) return {read_.get(), 0};
  return {written_.get(), regions_.at(RegionOf(place))};
}

}  // namespace midstream::opencl

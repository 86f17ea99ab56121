#include "tests/far_plugin/far.h"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "midstream/view.hpp"

namespace midstream::far {
namespace {

using sdk::Error;
using sdk::Fail;
using sdk::Guard;

// Never destroyed: queues of devices that hang outlive everything.
FarControl& control = *new FarControl;
const ms_host* host = nullptr;

// The plugin whose kernels compute. It has no state but its host, which is the process's.
const ms_plugin* Inner() {
  static const ms_plugin* const inner = [] {
    void* library = dlopen(MS_REFERENCE_PLUGIN, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void* query = library == nullptr ? nullptr : dlsym(library, "midstream_backend_query");
    if (query == nullptr) throw Error(MS_NOT_FOUND, std::string("no ") + MS_REFERENCE_PLUGIN);
    return reinterpret_cast<const ms_plugin* (*)(uint16_t, uint16_t)>(query)(MS_ABI_MAJOR,
                                                                             MS_ABI_MINOR);
  }();
  return inner;
}
const ms_backend& Kernels() { return *Inner()->backend; }

void Check(ms_code code, const ms_error& error) {
  if (code != MS_OK) throw Error(code, error.message);
}

struct Device {
  uint32_t index = 0;
  ms_device* inner = nullptr;
  std::string name;
};

struct Buffer {
  std::unique_ptr<std::byte[]> memory;
  uint64_t bytes = 0;
};

template <typename T, typename Handle>
T* As(Handle* handle) {
  return reinterpret_cast<T*>(handle);
}

// A tensor of the core with its shape, which need not outlive the call.
struct Held {
  ms_tensor tensor;
  std::vector<int64_t> shape;

  explicit Held(const ms_tensor& from) : tensor(from), shape(from.shape, from.shape + from.rank) {}
  uint64_t bytes() const {
    return static_cast<uint64_t>(sdk::Count(shape)) * sdk::ByteWidth(tensor.dtype);
  }
  std::byte* address() const {
    if (tensor.buffer == nullptr) return static_cast<std::byte*>(tensor.data);
    return As<Buffer>(tensor.buffer)->memory.get() + tensor.byte_offset;
  }
  // As the kernels take it: an address.
  ms_tensor Plain() const {
    ms_tensor plain = tensor;
    plain.data = address();
    plain.buffer = nullptr;
    plain.byte_offset = 0;
    plain.shape = shape.data();
    return plain;
  }
};

Held HoldMine(const ms_tensor& tensor, const char* what) {
  Held held(tensor);
  if (tensor.buffer == nullptr) {
    throw Error(MS_INVALID_ARGUMENT, std::string(what) + " of execute is at a host address");
  }
  if (tensor.byte_offset % 64 != 0) {
    throw Error(MS_INVALID_ARGUMENT, std::string(what) + " of execute is not aligned");
  }
  const uint64_t size = As<Buffer>(tensor.buffer)->bytes;
  if (tensor.byte_offset > size || held.bytes() > size - tensor.byte_offset) {
    throw Error(MS_INVALID_ARGUMENT, std::string(what) + " of execute passes its buffer's end");
  }
  return held;
}

uint64_t Now() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

class Queue {
 public:
  explicit Queue(Device* device) {
    ms_error error = sdk::Sized<ms_error>();
    Check(Kernels().queue_open(device->inner, 0, &inner_, &error), error);
    worker_ = std::thread([this] { Work(); });
    ++control.queues;
  }
  ~Queue() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    worker_.join();
    Kernels().queue_close(inner_);
    --control.queues;
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  ms_queue* inner() const { return inner_; }

  // signal 0: none.
  void Submit(uint64_t signal, std::function<void()> work, bool executes = false) {
    ++control.submitted;
    const std::lock_guard lock(mutex_);
    tasks_.push_back({signal, executes, std::move(work)});
    changed_.notify_all();
  }

  ms_code Wait(uint64_t value, uint64_t timeout_ns, ms_error* error) {
    std::unique_lock lock(mutex_);
    const auto done = [&] { return reached_ >= value || failed_ != MS_OK; };
    if (timeout_ns > uint64_t{3600} * 1'000'000'000) {
      changed_.wait(lock, done);
    } else if (!changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), done)) {
      return Fail(error, timeout_ns == 0 ? MS_UNAVAILABLE : MS_DEADLINE_EXCEEDED, "not reached");
    }
    return reached_ >= value ? MS_OK : Fail(error, failed_, message_);
  }

  void Time(bool on) {
    Submit(0, [this, on] {
      ms_error error = sdk::Sized<ms_error>();
      InnerProfile()->enable(inner_, on ? 1 : 0, &error);
      timed_ = on;
      copies_.clear();
    });
  }
  void AddCopy(uint64_t begin_ns) {
    if (!timed_) return;
    copies_.push_back(
        {sizeof(ms_profile_event), MS_NONE, nullptr, begin_ns, Now(), sdk::Str("copy")});
  }
  // Requires: nothing is under way.
  std::vector<ms_profile_event> TakeEvents() {
    const std::lock_guard lock(mutex_);
    std::vector<ms_profile_event> events = std::exchange(copies_, {});
    ms_error error = sdk::Sized<ms_error>();
    InnerProfile()->read(
        inner_,
        [](void* user, const ms_profile_event* event) {
          static_cast<std::vector<ms_profile_event>*>(user)->push_back(*event);
        },
        &events, &error);
    std::sort(events.begin(), events.end(),
              [](const auto& a, const auto& b) { return a.begin_ns < b.begin_ns; });
    return events;
  }

 private:
  struct Task {
    uint64_t signal;
    bool executes;
    std::function<void()> work;
  };

  static const ms_profile_api* InnerProfile() {
    return static_cast<const ms_profile_api*>(Inner()->get_extension(MS_EXT_PROFILE));
  }

  void Work() {
    std::minstd_rand random(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(this) >> 4));
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return closing_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      const bool skipped = failed_ != MS_OK;
      lock.unlock();
      PassHold(task.executes);
      if (const uint32_t most = control.jitter; most > 0) Dawdle(random() % most);
      ms_error error = sdk::Sized<ms_error>();
      const ms_code code = skipped ? MS_OK : Guard(&error, task.work);
      task.work = nullptr;
      ++control.done;
      lock.lock();
      if (code != MS_OK) {
        failed_ = code;
        message_ = error.message;
      }
      if (failed_ == MS_OK && task.signal > 0) reached_ = task.signal;
      changed_.notify_all();
    }
  }
  // Some microseconds, mostly without giving the processor away: on a busy machine that takes long.
  static void Dawdle(uint64_t units) {
    if (units % 8 == 7) std::this_thread::yield();
    for (std::atomic<uint64_t> spins{units * 256}; spins > 0;) --spins;
  }
  static void PassHold(bool executes) {
    const auto free = [&] { return !control.held && !(executes && control.hold_before_execute); };
    std::unique_lock lock(control.mutex);
    if (free()) return;
    ++control.at_hold;
    control.changed.notify_all();
    control.changed.wait(lock, free);
    --control.at_hold;
  }

  ms_queue* inner_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  uint64_t reached_ = 0;
  ms_code failed_ = MS_OK;
  std::string message_;
  bool closing_ = false;
  bool timed_ = false;                    // the worker's
  std::vector<ms_profile_event> copies_;  // the worker's, and a reader's when nothing is under way
  std::thread worker_;
};

// Throws when the fault strikes.
void Strike(FarControl::Fault FarControl::*fault) {
  const std::lock_guard lock(control.mutex);
  FarControl::Fault& at = control.*fault;
  if (at.Strikes()) throw Error(at.code, at.message);
}
// The error that the work that is submitted now is to end with.
std::shared_ptr<Error> Late(FarControl::Fault FarControl::*fault) {
  const std::lock_guard lock(control.mutex);
  FarControl::Fault& at = control.*fault;
  return at.Strikes() ? std::make_shared<Error>(at.code, at.message) : nullptr;
}

void Refuse(const FarControl::Refusal& refusal, const ms_graph* graph, uint32_t device) {
  const std::lock_guard lock(control.mutex);
  if (refusal.code == MS_OK || (refusal.device != UINT32_MAX && refusal.device != device)) return;
  const sdk::GraphView view(host, graph);
  for (uint32_t id = 0; id < view.node_count(); ++id) {
    if (view.node(id).op() == refusal.op) {
      throw Error(refusal.code,
                  "no room for " + refusal.op + " '" + std::string(view.node(id).name()) + "'");
    }
  }
}

ms_code Startup(const ms_host* given, ms_error* error) {
  host = given;
  return Guard(error, [&] {
    ms_error inner = sdk::Sized<ms_error>();
    Check(Inner()->startup(given, &inner), inner);
  });
}
void Shutdown() {}

ms_code DeviceCount(uint32_t* out, ms_error*) {
  *out = kDevices;
  return MS_OK;
}
ms_code DeviceOpen(uint32_t index, const ms_kv* options, uint32_t n, ms_device** out,
                   ms_error* error) {
  return Guard(error, [&] {
    if (index >= kDevices) {
      throw Error(MS_OUT_OF_RANGE, "there are " + std::to_string(kDevices) +
                                       " devices, from 0; got " + std::to_string(index));
    }
    if (n > 0)
      throw Error(MS_INVALID_ARGUMENT, "no option " + std::string(sdk::View(options[0].key)));
    Strike(&FarControl::open);
    auto device = std::make_unique<Device>();
    ms_error inner = sdk::Sized<ms_error>();
    Check(Kernels().device_open(0, nullptr, 0, &device->inner, &inner), inner);
    device->index = index;
    device->name = "far " + std::to_string(index);
    *out = reinterpret_cast<ms_device*>(device.release());
  });
}
void DeviceClose(ms_device* handle) {
  std::unique_ptr<Device> device(As<Device>(handle));
  Kernels().device_close(device->inner);
}
ms_code DeviceInfo(ms_device* handle, ms_device_info* info, ms_error*) {
  info->flags = 0;
  info->capabilities = MS_CAP_WEIGHTS_VERSIONED | MS_CAP_WEIGHTS_ROWS | MS_CAP_WEIGHTS_GET;
  info->layout = MS_LAYOUT_NCHW;
  info->name = sdk::Str(As<Device>(handle)->name);
  info->isa = sdk::Str("generic");
  info->alignment = 64;
  return MS_OK;
}

ms_code BufferAlloc(ms_device*, uint64_t bytes, ms_buffer** out, ms_error* error) {
  return Guard(error, [&] {
    Strike(&FarControl::allocate);
    auto buffer = std::make_unique<Buffer>();
    buffer->memory = std::make_unique_for_overwrite<std::byte[]>(bytes);
    buffer->bytes = bytes;
    std::memset(buffer->memory.get(), 0xA5, bytes);
    ++control.buffers;
    *out = reinterpret_cast<ms_buffer*>(buffer.release());
  });
}
ms_code BufferImport(ms_device*, void*, uint64_t, void (*)(void*), void*, ms_buffer**,
                     ms_error* error) {
  return Fail(error, MS_UNIMPLEMENTED, "no host memory");
}
ms_code BufferMap(ms_buffer*, void**, ms_error* error) {
  return Fail(error, MS_UNIMPLEMENTED, "the host cannot see it");
}
void BufferRelease(ms_buffer* buffer) {
  --control.buffers;
  delete As<Buffer>(buffer);
}

ms_code QueueOpen(ms_device* device, uint32_t, ms_queue** out, ms_error* error) {
  return Guard(error, [&] { *out = reinterpret_cast<ms_queue*>(new Queue(As<Device>(device))); });
}
ms_code QueueCopy(ms_queue* queue, const ms_tensor* src, const ms_tensor* dst, uint64_t signal,
                  ms_error* error) {
  return Guard(error, [&] {
    ++control.copies;
    const Held from(*src), to(*dst);
    if (from.bytes() == 0 || from.bytes() != to.bytes()) {
      throw Error(MS_INVALID_ARGUMENT, "a copy of nothing or between sizes");
    }
    const auto late = Late(&FarControl::copy_late);
    As<Queue>(queue)->Submit(signal, [queue, from, to, late] {
      if (late != nullptr) throw Error(*late);
      const uint64_t begin = Now();
      std::memcpy(to.address(), from.address(), from.bytes());
      As<Queue>(queue)->AddCopy(begin);
    });
  });
}
void QueueClose(ms_queue* queue) { delete As<Queue>(queue); }

ms_code FenceQuery(const ms_fence* fence, ms_error* error) {
  return As<Queue>(fence->queue)->Wait(fence->value, 0, error);
}
ms_code FenceWait(const ms_fence* fence, uint64_t timeout_ns, ms_error* error) {
  ++control.waits;
  return As<Queue>(fence->queue)->Wait(fence->value, std::max<uint64_t>(timeout_ns, 1), error);
}

ms_code ClaimNodes(ms_device* device, const ms_graph* graph, ms_claim* claims, uint32_t n,
                   ms_error* error) {
  const ms_code code = Kernels().claim(As<Device>(device)->inner, graph, claims, n, error);
  if (code != MS_OK) return code;
  return Guard(error, [&] {
    const std::lock_guard lock(control.mutex);
    const sdk::GraphView view(host, graph);
    for (uint32_t id = 0; id < n; ++id) {
      const std::string op(view.node(id).op());
      const std::string here = op + "@" + std::to_string(As<Device>(device)->index);
      if (control.claims_refused.count(op) + control.claims_refused.count(here) == 0) continue;
      claims[id].group = -1;
      claims[id].reason = MS_REASON_OP;
    }
  });
}
ms_code ModuleCreate(ms_device* handle, const ms_graph* graph, const ms_module_options* options,
                     ms_module** out, ms_error* error) {
  return Guard(error, [&] {
    const Device& device = *As<Device>(handle);
    Refuse(control.module_refused, graph, device.index);
    ms_error inner = sdk::Sized<ms_error>();
    Check(Kernels().module_create(device.inner, graph, options, out, &inner), inner);
    ++control.modules;
  });
}
ms_code PlanCreate(ms_module* module, const ms_graph* graph, ms_plan** out, uint64_t* scratch,
                   ms_error* error) {
  return Guard(error, [&] {
    Refuse(control.plan_refused, graph, UINT32_MAX - 1);
    ms_error inner = sdk::Sized<ms_error>();
    Check(Kernels().plan_create(module, graph, out, scratch, &inner), inner);
    ++control.plans;
  });
}
void PlanRelease(ms_plan* plan) {
  --control.plans;
  Kernels().plan_release(plan);
}
void ModuleRelease(ms_module* module) {
  --control.modules;
  Kernels().module_release(module);
}

ms_code Execute(ms_plan* plan, ms_queue* queue, const ms_exec* exec, ms_error* error) {
  return Guard(error, [&] {
    ++control.executes;
    Strike(&FarControl::execute);
    std::vector<Held> inputs, outputs, scratch;
    for (uint32_t i = 0; i < exec->n_inputs; ++i) {
      inputs.push_back(HoldMine(exec->inputs[i], "an input"));
    }
    for (uint32_t i = 0; i < exec->n_outputs; ++i) {
      outputs.push_back(HoldMine(exec->outputs[i], "an output"));
    }
    if (exec->scratch != nullptr) scratch.push_back(HoldMine(*exec->scratch, "the scratch"));
    const auto late = Late(&FarControl::execute_late);
    As<Queue>(queue)->Submit(
        exec->signal,
        [plan, queue, inputs = std::move(inputs), outputs = std::move(outputs),
         scratch = std::move(scratch), weights = exec->weights, late] {
          if (late != nullptr) throw Error(*late);
          std::vector<ms_tensor> in, out;
          for (const Held& held : inputs) in.push_back(held.Plain());
          for (const Held& held : outputs) out.push_back(held.Plain());
          auto run = sdk::Sized<ms_exec>();
          ms_tensor memory;
          if (!scratch.empty()) {
            memory = scratch[0].Plain();
            run.scratch = &memory;
          }
          run.weights = weights;
          run.inputs = in.data();
          run.n_inputs = static_cast<uint32_t>(in.size());
          run.outputs = out.data();
          run.n_outputs = static_cast<uint32_t>(out.size());
          run.signal = 1;
          ms_error inner = sdk::Sized<ms_error>();
          Check(Kernels().execute(plan, As<Queue>(queue)->inner(), &run, &inner), inner);
        },
        true);
  });
}

ms_code WeightsBegin(ms_module* module, const ms_weights* base, ms_weights** out, ms_error* error) {
  const ms_code code = Kernels().weights_begin(module, base, out, error);
  if (code == MS_OK) ++control.weights;
  return code;
}
ms_code WeightsPut(ms_weights* weights, ms_queue* queue, const ms_put* put, ms_error* error) {
  return Guard(error, [&] {
    const Held value(*put->value);
    As<Queue>(queue)->Submit(0, [weights, value, queue, put = *put]() mutable {
      const ms_tensor plain = value.Plain();
      put.value = &plain;
      ms_error inner = sdk::Sized<ms_error>();
      Check(Kernels().weights_put(weights, As<Queue>(queue)->inner(), &put, &inner), inner);
    });
  });
}
ms_code WeightsSeal(ms_weights* weights, ms_queue* queue, uint64_t signal, ms_error* error) {
  return Guard(error, [&] {
    const auto late = Late(&FarControl::seal_late);
    As<Queue>(queue)->Submit(signal, [weights, queue, late] {
      if (late != nullptr) throw Error(*late);
      ms_error inner = sdk::Sized<ms_error>();
      Check(Kernels().weights_seal(weights, As<Queue>(queue)->inner(), 1, &inner), inner);
    });
  });
}
ms_code WeightsCost(ms_module* module, const ms_weights* base, const uint32_t* slots, uint32_t n,
                    uint64_t* extra, ms_error* error) {
  return Kernels().weights_cost(module, base, slots, n, extra, error);
}
ms_code WeightsGet(const ms_weights* weights, uint32_t slot, const ms_tensor* value,
                   ms_error* error) {
  return Kernels().weights_get(weights, slot, value, error);
}
void WeightsRelease(ms_weights* weights) {
  --control.weights;
  Kernels().weights_release(weights);
}

ms_code ProfileEnable(ms_queue* queue, uint32_t on, ms_error* error) {
  return Guard(error, [&] { As<Queue>(queue)->Time(on != 0); });
}
ms_code ProfileRead(ms_queue* queue, void (*sink)(void*, const ms_profile_event*), void* user,
                    ms_error* error) {
  return Guard(error, [&] {
    for (const ms_profile_event& event : As<Queue>(queue)->TakeEvents()) sink(user, &event);
  });
}
constexpr ms_profile_api kProfile = {sizeof(ms_profile_api), 0, ProfileEnable, ProfileRead};

const void* GetExtension(const char* id) {
  if (std::string_view(id) == kFarControl) return &control;
  return std::string_view(id) == MS_EXT_PROFILE ? &kProfile : nullptr;
}

constexpr ms_backend kBackend = {sizeof(ms_backend),
                                 0,
                                 DeviceCount,
                                 DeviceOpen,
                                 DeviceClose,
                                 DeviceInfo,
                                 BufferAlloc,
                                 BufferImport,
                                 BufferMap,
                                 BufferRelease,
                                 QueueOpen,
                                 QueueCopy,
                                 QueueClose,
                                 FenceQuery,
                                 FenceWait,
                                 ClaimNodes,
                                 ModuleCreate,
                                 PlanCreate,
                                 PlanRelease,
                                 ModuleRelease,
                                 Execute,
                                 WeightsCost,
                                 WeightsBegin,
                                 WeightsPut,
                                 WeightsSeal,
                                 WeightsGet,
                                 WeightsRelease};
constexpr ms_plugin kPlugin = {MS_PLUGIN_MAGIC,    sizeof(ms_plugin),
                               MS_ABI_MAJOR,       MS_TARGET_MINOR,
                               {"far", 3},         {"of the tests", 12},
                               MS_SANITIZER_BUILT, 0,
                               &kBackend,          Startup,
                               Shutdown,           GetExtension};

}  // namespace
}  // namespace midstream::far

MS_BACKEND_NOTE("far");

extern "C" const ms_plugin* midstream_backend_query(uint16_t host_major, uint16_t) {
  return host_major == MS_ABI_MAJOR ? &midstream::far::kPlugin : nullptr;
}

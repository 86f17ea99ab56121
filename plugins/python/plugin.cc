// The plugin `python`: models that are Python code, as one operator of the graph. This file is its
// function table: handles in and out, nothing thrown past it.
#include "plugins/python/module.h"

namespace midstream::python {
namespace {

const ms_host* g_host = nullptr;

struct Buffer {
  sdk::Block own;
  void* data = nullptr;
  void (*released)(void*) = nullptr;
  void* user = nullptr;
};

template <typename T, typename Handle>
T* As(Handle* handle) {
  return reinterpret_cast<T*>(handle);
}
template <typename T, typename Handle>
const T* As(const Handle* handle) {
  return reinterpret_cast<const T*>(handle);
}

std::byte* Address(const ms_tensor& tensor) {
  void* base = tensor.buffer != nullptr ? As<Buffer>(tensor.buffer)->data : tensor.data;
  return static_cast<std::byte*>(base) + tensor.byte_offset;
}
sdk::TensorView ToView(const ms_tensor& tensor) {
  return {Address(tensor), tensor.shape, tensor.rank, tensor.dtype};
}

ms_code Startup(const ms_host* host, ms_error*) {
  g_host = host;
  return MS_OK;
}
void Shutdown() { g_host = nullptr; }

// ---- Extensions

ms_code ProfileEnable(ms_queue* queue, uint32_t on, ms_error* error) {
  return sdk::Guard(error, [&] {
    auto& times = As<Queue>(queue)->times;
    times = on != 0 ? std::make_unique<sdk::detail::Timeline>() : nullptr;
  });
}
ms_code ProfileRead(ms_queue* queue, void (*sink)(void*, const ms_profile_event*), void* user,
                    ms_error* error) {
  return sdk::Guard(error, [&] {
    auto& times = As<Queue>(queue)->times;
    if (times == nullptr) return;
    for (const ms_profile_event& event : times->Take()) sink(user, &event);
  });
}
constexpr ms_profile_api kProfile = {sizeof(ms_profile_api), 0, ProfileEnable, ProfileRead};

const void* GetExtension(const char* id) {
  return std::string_view(id) == MS_EXT_PROFILE ? &kProfile : nullptr;
}

// ---- Devices

ms_code DeviceCount(uint32_t* out, ms_error*) {
  *out = 1;
  return MS_OK;
}
ms_code DeviceOpen(uint32_t index, const ms_kv* options, uint32_t n, ms_device** out,
                   ms_error* error) {
  return sdk::Guard(error, [&] {
    if (index != 0) {
      throw sdk::Error(MS_OUT_OF_RANGE,
                       "there is one device, index 0; got " + std::to_string(index));
    }
    *out = As<ms_device>(new Device(g_host, ParseOptions({options, n})));
  });
}
void DeviceClose(ms_device* device) { delete As<Device>(device); }
ms_code DeviceInfo(ms_device* handle, ms_device_info* info, ms_error*) {
  const auto* device = As<Device>(handle);
  auto full = sdk::Sized<ms_device_info>();
  full.flags = MS_DEVICE_HOST_MEMORY | MS_DEVICE_SYNC;
  full.capabilities = MS_CAP_WEIGHTS_VERSIONED | MS_CAP_WEIGHTS_GET | MS_CAP_WEIGHTS_ADOPT;
  full.layout = MS_LAYOUT_NCHW;
  full.name = sdk::Str(device->name());
  full.isa = sdk::Str(device->isa());
  full.alignment = sdk::kArenaAlignment;
  const uint32_t size = std::min<uint32_t>(info->struct_size, sizeof full);
  full.struct_size = info->struct_size;
  std::memcpy(info, &full, size);
  return MS_OK;
}

// ---- Buffers

ms_code BufferAlloc(ms_device* device, uint64_t bytes, ms_buffer** out, ms_error* error) {
  return sdk::Guard(error, [&] {
    auto buffer = std::make_unique<Buffer>();
    buffer->own = sdk::Block(As<Device>(device)->host(), std::max<uint64_t>(bytes, 1));
    buffer->data = buffer->own.data();
    *out = As<ms_buffer>(buffer.release());
  });
}
ms_code BufferImport(ms_device*, void* host, uint64_t, void (*released)(void*), void* user,
                     ms_buffer** out, ms_error* error) {
  return sdk::Guard(error, [&] { *out = As<ms_buffer>(new Buffer{{}, host, released, user}); });
}
ms_code BufferMap(ms_buffer* buffer, void** out, ms_error*) {
  *out = As<Buffer>(buffer)->data;
  return MS_OK;
}
void BufferRelease(ms_buffer* handle) {
  const std::unique_ptr<Buffer> buffer(As<Buffer>(handle));
  if (buffer->released != nullptr) buffer->released(buffer->user);
}

// ---- Queues and fences: work is done before its call returns

ms_code QueueOpen(ms_device*, uint32_t, ms_queue** out, ms_error* error) {
  return sdk::Guard(error, [&] { *out = As<ms_queue>(new Queue); });
}
ms_code QueueCopy(ms_queue* queue, const ms_tensor* src, const ms_tensor* dst, uint64_t signal,
                  ms_error* error) {
  return sdk::Guard(error, [&] {
    const sdk::TensorView from = ToView(*src), to = ToView(*dst);
    if (!sdk::Same(from.dtype, to.dtype) || !std::ranges::equal(from.shape(), to.shape()))
      throw sdk::Error(MS_INVALID_ARGUMENT, "queue_copy needs equal dtypes and shapes");
    if (from.bytes() > 0) std::memcpy(to.data, from.data, from.bytes());
    As<Queue>(queue)->reached.store(signal, std::memory_order_release);
  });
}
void QueueClose(ms_queue* queue) { delete As<Queue>(queue); }

ms_code FenceQuery(const ms_fence* fence, ms_error* error) {
  const bool reached =
      As<Queue>(fence->queue)->reached.load(std::memory_order_acquire) >= fence->value;
  return reached ? MS_OK : sdk::Fail(error, MS_UNAVAILABLE, "the fence is not reached yet");
}
ms_code FenceWait(const ms_fence* fence, uint64_t timeout_ns, ms_error* error) {
  const auto start = Clock::now();
  const std::chrono::nanoseconds limit(std::min<uint64_t>(timeout_ns, INT64_MAX));
  while (FenceQuery(fence, error) != MS_OK) {
    if (Clock::now() - start >= limit)
      return sdk::Fail(error, MS_DEADLINE_EXCEEDED, "the fence was not reached in time");
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return MS_OK;
}

// ---- Claims, modules, plans

ms_code ClaimNodes(ms_device* device, const ms_graph* graph, ms_claim* claims, uint32_t n,
                   ms_error* error) {
  return sdk::Guard(error, [&] {
    const sdk::GraphView view(As<Device>(device)->host(), graph);
    for (uint32_t id = 0; id < std::min(n, view.node_count()); ++id) {
      const sdk::Claim claim = ClaimNode(view, view.node(id));
      claims[id].group = claim.mine ? 0 : -1;
      claims[id].compute = claim.compute;
      claims[id].accumulate = claim.accumulate;
      claims[id].reason = claim.reason;
    }
  });
}
ms_code ModuleCreate(ms_device* handle, const ms_graph* graph, const ms_module_options* options,
                     ms_module** out, ms_error* error) {
  return sdk::Guard(error, [&] {
    auto* device = As<Device>(handle);
    sdk::CheckSized(*options, "ms_module_options");
    const sdk::GraphView view(device->host(), graph);
    auto pool = device->UsePool();
    try {
      *out = As<ms_module>(new Module(device, pool, view));
    } catch (const LoaderExhausted& e) {
      if (!device->FallBack(pool, e.what())) throw;
      *out = As<ms_module>(new Module(device, device->UsePool(), view));
    }
  });
}
ms_code PlanCreate(ms_module* handle, const ms_graph* graph, ms_plan** out, uint64_t* scratch_bytes,
                   ms_error* error) {
  return sdk::Guard(error, [&] {
    const auto* module = As<Module>(handle);
    auto plan = std::make_unique<Plan>(module, sdk::GraphView(module->device()->host(), graph));
    *scratch_bytes = plan->scratch_bytes();
    *out = As<ms_plan>(plan.release());
  });
}
void PlanRelease(ms_plan* plan) { delete As<Plan>(plan); }
void ModuleRelease(ms_module* module) { delete As<Module>(module); }

void CheckExec(const Plan& plan, const Weights* weights, const ms_exec& exec) {
  sdk::CheckSized(exec, "ms_exec");
  const Module* module = plan.module();
  if (exec.n_inputs != module->inputs().size() || exec.n_outputs != module->outputs().size())
    throw sdk::Error(MS_INVALID_ARGUMENT, "execute has the wrong number of inputs or outputs");
  if (weights == nullptr ? !module->slots().empty()
                         : !weights->sealed() || weights->module() != module) {
    throw sdk::Error(MS_FAILED_PRECONDITION,
                     "execute needs a sealed weight set of the plan's module");
  }
  if (plan.scratch_bytes() > 0 && exec.scratch == nullptr) {
    throw sdk::Error(MS_INVALID_ARGUMENT,
                     "execute needs " + std::to_string(plan.scratch_bytes()) + " scratch bytes");
  }
  ms_error ignored = sdk::Sized<ms_error>();
  for (uint32_t i = 0; i < exec.n_waits; ++i) {
    if (FenceQuery(&exec.waits[i], &ignored) != MS_OK) {
      throw sdk::Error(MS_FAILED_PRECONDITION,
                       "execute waits for a fence that nothing has signalled");
    }
  }
}
ms_code Execute(ms_plan* handle, ms_queue* queue, const ms_exec* exec, ms_error* error) {
  return sdk::Guard(error, [&] {
    auto* plan = As<Plan>(handle);
    const auto* weights = As<Weights>(exec->weights);
    CheckExec(*plan, weights, *exec);
    plan->Execute(weights, *exec, Address, As<Queue>(queue));
    As<Queue>(queue)->reached.store(exec->signal, std::memory_order_release);
  });
}

// ---- Weights

ms_code WeightsCost(ms_module* handle, const ms_weights*, const uint32_t* slots, uint32_t n,
                    uint64_t* extra, ms_error* error) {
  return sdk::Guard(error, [&] {
    const auto& infos = As<Module>(handle)->slots();
    *extra = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (slots[i] >= infos.size())
        throw sdk::Error(MS_OUT_OF_RANGE, "no weight slot " + std::to_string(slots[i]));
      *extra += infos[slots[i]].View().bytes();
    }
  });
}
ms_code WeightsBegin(ms_module* module, const ms_weights* base, ms_weights** out, ms_error* error) {
  return sdk::Guard(
      error, [&] { *out = As<ms_weights>(new Weights(As<Module>(module), As<Weights>(base))); });
}
ms_code WeightsPut(ms_weights* weights, ms_queue*, const ms_put* put, ms_error* error) {
  return sdk::Guard(error, [&] {
    sdk::CheckSized(*put, "ms_put");
    if (put->row_count >= 0)
      throw sdk::Error(MS_UNIMPLEMENTED, "python takes whole tensors, not rows");
    As<Weights>(weights)->Put(put->slot, ToView(*put->value), put->released, put->released_user);
  });
}
ms_code WeightsSeal(ms_weights* weights, ms_queue* queue, uint64_t signal, ms_error* error) {
  return sdk::Guard(error, [&] {
    As<Weights>(weights)->Seal();
    As<Queue>(queue)->reached.store(signal, std::memory_order_release);
  });
}
ms_code WeightsGet(const ms_weights* weights, uint32_t slot, const ms_tensor* value,
                   ms_error* error) {
  return sdk::Guard(error, [&] { As<Weights>(weights)->Get(slot, ToView(*value)); });
}
void WeightsRelease(ms_weights* weights) { delete As<Weights>(weights); }

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

constexpr ms_plugin kPlugin = {{'M', 'I', 'D', 'S', 'T', 'R', 'M', 0},
                               sizeof(ms_plugin),
                               MS_ABI_MAJOR,
                               MS_TARGET_MINOR,
                               {"python", 6},
                               {"0.1", 3},
                               MS_SANITIZER_BUILT,
                               0,
                               &kBackend,
                               Startup,
                               Shutdown,
                               GetExtension};

}  // namespace
}  // namespace midstream::python

MS_BACKEND_NOTE("python");
extern "C" const ms_plugin* midstream_backend_query(uint16_t host_major, uint16_t) {
  return host_major == MS_ABI_MAJOR ? &midstream::python::kPlugin : nullptr;
}

// The plugin's function table: handles in and out, nothing thrown past it.
#include <algorithm>

#include "midstream/cache.h"
#include "runtime/buffer.h"
#include "runtime/plan.h"

namespace midstream::opencl {
namespace {

const ms_host* g_host = nullptr;

template <typename T, typename H>
T* As(H* handle) {
  return reinterpret_cast<T*>(handle);
}
template <typename T, typename H>
const T* As(const H* handle) {
  return reinterpret_cast<const T*>(handle);
}

ms_code Startup(const ms_host* host, ms_error*) {
  g_host = host;
  return MS_OK;
}
void Shutdown() { g_host = nullptr; }
// ---- Extensions

ms_code ProfileEnable(ms_queue* queue, uint32_t on, ms_error* error) {
  return sdk::Guard(error, [&] { As<Queue>(queue)->Profile(on != 0); });
}
ms_code ProfileRead(ms_queue* queue, void (*sink)(void*, const ms_profile_event*), void* user,
                    ms_error* error) {
  return sdk::Guard(error, [&] {
    Recorder* recorder = As<Queue>(queue)->recorder();
    if (recorder != nullptr)
      recorder->Read([&](const ms_profile_event& event) { sink(user, &event); });
  });
}
constexpr ms_profile_api kProfile = {sizeof(ms_profile_api), 0, ProfileEnable, ProfileRead};

const void* GetExtension(const char* id) {
  static constexpr char kKnown = 0;
  if (std::string_view(id) == MS_EXT_PROFILE) return &kProfile;
  return std::string_view(id) == MS_EXT_CACHE ? &kKnown : nullptr;
}

// ---- Devices

ms_code DeviceCount(uint32_t* out, ms_error* error) {
  return sdk::Guard(error, [&] { *out = static_cast<uint32_t>(AllDevices().size()); });
}
ms_code DeviceOpen(uint32_t index, const ms_kv* options, uint32_t n, ms_device** out,
                   ms_error* error) {
  return sdk::Guard(error, [&] {
    *out = As<ms_device>(new Device(g_host, index, ParseOptions({options, n})));
  });
}
void DeviceClose(ms_device* device) { delete As<Device>(device); }
ms_code DeviceInfo(ms_device* handle, ms_device_info* info, ms_error*) {
  const auto* device = As<Device>(handle);
  auto full = sdk::Sized<ms_device_info>();
  full.capabilities = MS_CAP_WEIGHTS_VERSIONED | MS_CAP_WEIGHTS_ROWS | MS_CAP_WEIGHTS_GET;
  full.layout = MS_LAYOUT_NHWC;
  full.name = sdk::Str(device->traits().name);
  full.isa = sdk::Str(device->isa());
  full.memory_bytes = device->traits().global_bytes;
  full.alignment = 64;
  const uint32_t size = std::min<uint32_t>(info->struct_size, sizeof full);
  full.struct_size = info->struct_size;
  std::memcpy(info, &full, size);
  return MS_OK;
}

// ---- Buffers

ms_code BufferAlloc(ms_device* handle, uint64_t bytes, ms_buffer** out, ms_error* error) {
  return sdk::Guard(error, [&] {
    auto* device = As<Device>(handle);
    *out = As<ms_buffer>(new Buffer{device, device->Allocate(bytes), bytes});
  });
}
ms_code BufferImport(ms_device* handle, void* host, uint64_t bytes, void (*released)(void*),
                     void* user, ms_buffer** out, ms_error* error) {
  return sdk::Guard(error, [&] {
    auto* device = As<Device>(handle);
    *out = As<ms_buffer>(new Buffer{device, device->Import(host, bytes), bytes, released, user});
  });
}
// OpenCL 1.2 lets the host see a buffer only while no kernel uses it.
ms_code BufferMap(ms_buffer*, void**, ms_error* error) {
  return sdk::Fail(error, MS_UNIMPLEMENTED, "buffers of opencl cannot stay mapped while in use");
}
void BufferRelease(ms_buffer* handle) {
  const std::unique_ptr<Buffer> buffer(As<Buffer>(handle));
  buffer->mem = Mem();
  if (buffer->released != nullptr) buffer->released(buffer->user);
}

// ---- Queues and fences

ms_code QueueOpen(ms_device* device, uint32_t, ms_queue** out, ms_error* error) {
  return sdk::Guard(error, [&] { *out = As<ms_queue>(new Queue(As<Device>(device))); });
}
ms_code QueueCopy(ms_queue* handle, const ms_tensor* src, const ms_tensor* dst, uint64_t signal,
                  ms_error* error) {
  return sdk::Guard(error, [&] {
    if (!sdk::Same(src->dtype, dst->dtype) ||
        !std::ranges::equal(std::span(src->shape, src->rank), std::span(dst->shape, dst->rank))) {
      throw sdk::Error(MS_INVALID_ARGUMENT, "queue_copy needs equal dtypes and shapes");
    }
    auto* queue = As<Queue>(handle);
    if (EnqueueCopy(queue, *src, *dst) && queue->recorder() != nullptr)
      queue->recorder()->Add(queue->LastEvent(), MS_NONE, nullptr, "copy");
    queue->Submit(signal);
  });
}
void QueueClose(ms_queue* queue) { delete As<Queue>(queue); }
ms_code FenceQuery(const ms_fence* fence, ms_error* error) {
  return As<Queue>(fence->queue)->Query(fence->value, error);
}
ms_code FenceWait(const ms_fence* fence, uint64_t timeout_ns, ms_error* error) {
  ms_code answer = MS_OK;
  const ms_code code = sdk::Guard(error, [&] {
    const std::chrono::nanoseconds timeout(std::min<uint64_t>(timeout_ns, INT64_MAX));
    answer = As<Queue>(fence->queue)->Wait(fence->value, timeout, error);
  });
  return code != MS_OK ? code : answer;
}

// ---- Claims, modules, plans

ms_code ClaimNodes(ms_device* handle, const ms_graph* graph, ms_claim* claims, uint32_t n,
                   ms_error* error) {
  return sdk::Guard(error, [&] {
    const auto* device = As<Device>(handle);
    const sdk::GraphView view(device->host(), graph);
    for (uint32_t id = 0; id < std::min(n, view.node_count()); ++id) {
      const sdk::NodeView node = view.node(id);
      const OpEntry* entry = FindOp(node);
      const sdk::Claim claim =
          entry != nullptr ? entry->claim(node, device->traits()) : sdk::Claim::No(MS_REASON_OP);
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
    *out = As<ms_module>(new Module(device, sdk::GraphView(device->host(), graph)));
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
ms_code Execute(ms_plan* plan, ms_queue* queue, const ms_exec* exec, ms_error* error) {
  return sdk::Guard(error, [&] { As<Plan>(plan)->Execute(*exec, As<Queue>(queue)); });
}

// ---- Weights

ms_code WeightsCost(ms_module* handle, const ms_weights*, const uint32_t* slots, uint32_t n,
                    uint64_t* extra, ms_error* error) {
  return sdk::Guard(error, [&] {
    const auto& holders = As<Module>(handle)->slots();
    *extra = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (slots[i] >= holders.size())
        throw sdk::Error(MS_OUT_OF_RANGE, "no weight slot " + std::to_string(slots[i]));
      *extra += holders[slots[i]].Bytes();
    }
  });
}
ms_code WeightsBegin(ms_module* module, const ms_weights* base, ms_weights** out, ms_error* error) {
  return sdk::Guard(
      error, [&] { *out = As<ms_weights>(new Weights(As<Module>(module), As<Weights>(base))); });
}
ms_code WeightsPut(ms_weights* weights, ms_queue* queue, const ms_put* put, ms_error* error) {
  return sdk::Guard(error, [&] {
    sdk::CheckSized(*put, "ms_put");
    As<Weights>(weights)->Put(*put, As<Queue>(queue));
  });
}
ms_code WeightsSeal(ms_weights* weights, ms_queue* queue, uint64_t signal, ms_error* error) {
  return sdk::Guard(error, [&] { As<Weights>(weights)->Seal(As<Queue>(queue), signal); });
}
ms_code WeightsGet(const ms_weights* weights, uint32_t slot, const ms_tensor* value,
                   ms_error* error) {
  return sdk::Guard(error, [&] { As<Weights>(weights)->Get(slot, *value); });
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
                               {"opencl", 6},
                               {"0.1", 3},
                               MS_SANITIZER_BUILT,
                               0,
                               &kBackend,
                               Startup,
                               Shutdown,
                               GetExtension};

}  // namespace
}  // namespace midstream::opencl

MS_BACKEND_NOTE("opencl");
extern "C" const ms_plugin* midstream_backend_query(uint16_t host_major, uint16_t) {
  return host_major == MS_ABI_MAJOR ? &midstream::opencl::kPlugin : nullptr;
}

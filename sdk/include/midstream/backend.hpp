// HostBackend<Impl>: a complete backend for host memory from a class that claims nodes and makes
// kernels.
//
//   struct Impl {
//     static constexpr const char* kName = "my_backend";   // as in MS_BACKEND_NOTE
//     static constexpr const char* kVersion = "1.0";
//     static constexpr uint32_t kLayout = MS_LAYOUT_NCHW;
//     Impl(const Host& host, std::span<const ms_kv> options);  // refuses unknown options: Error
//     std::string device_name() const;
//     std::string isa() const;
//     Claim ClaimNode(const NodeView& node) const;
//     std::vector<KernelUse> Kernels(const GraphView& graph, const ModuleOptions& options) const;
//   };
//   MS_BACKEND_NOTE("my_backend");
//   MS_DEFINE_HOST_BACKEND(Impl)
//
// There is one device. Execution is synchronous on the calling thread; kernels spread work with
// Host::ParallelFor. Weights are versioned: staging packs into fresh memory and never touches what
// executes.
#ifndef MIDSTREAM_BACKEND_HPP_
#define MIDSTREAM_BACKEND_HPP_

#include <atomic>
#include <chrono>
#include <thread>

#include "midstream/detail/plan.hpp"

namespace midstream::sdk {

template <typename Impl>
class HostBackend {
 public:
  static const ms_plugin* Query(uint16_t host_major, uint16_t /*host_minor*/) {
    return host_major == MS_ABI_MAJOR ? &kPlugin : nullptr;
  }

 private:
  struct Device {
    Device(const ms_host* h, std::span<const ms_kv> options)
        : host(h), impl(Host(h), options), name(impl.device_name()), isa(impl.isa()) {}
    const ms_host* host;
    Impl impl;
    std::string name;
    std::string isa;
  };
  struct Buffer {
    Block own;
    void* data = nullptr;
    void (*released)(void*) = nullptr;
    void* user = nullptr;
  };
  struct Queue {
    std::atomic<uint64_t> reached{0};
    std::unique_ptr<detail::Timeline> times;  // null: not timed
  };
  using Module = detail::Module;
  using Plan = detail::Plan;
  using Weights = detail::Weights;

  template <typename T, typename Handle>
  static T* As(Handle* handle) {
    return reinterpret_cast<T*>(handle);
  }
  template <typename T, typename Handle>
  static const T* As(const Handle* handle) {
    return reinterpret_cast<const T*>(handle);
  }

  static TensorView ToView(const ms_tensor& tensor) {
    void* base = tensor.buffer != nullptr ? As<Buffer>(tensor.buffer)->data : tensor.data;
    return {static_cast<std::byte*>(base) + tensor.byte_offset, tensor.shape, tensor.rank,
            tensor.dtype};
  }

  static ms_code Startup(const ms_host* host, ms_error*) {
    host_ = host;
    return MS_OK;
  }
  static void Shutdown() { host_ = nullptr; }
  static const void* GetExtension(const char* id) {
    return std::string_view(id) == MS_EXT_PROFILE ? &kProfile : nullptr;
  }

  static ms_code ProfileEnable(ms_queue* queue, uint32_t on, ms_error* error) {
    return Guard(error, [&] {
      auto& times = As<Queue>(queue)->times;
      if (on == 0) {
        times.reset();
      } else if (times == nullptr) {
        times = std::make_unique<detail::Timeline>();
      }
    });
  }
  static ms_code ProfileRead(ms_queue* queue, void (*sink)(void*, const ms_profile_event*),
                             void* user, ms_error* error) {
    return Guard(error, [&] {
      auto& times = As<Queue>(queue)->times;
      if (times == nullptr) return;
      for (const ms_profile_event& event : times->Take()) sink(user, &event);
    });
  }

  static ms_code DeviceCount(uint32_t* out, ms_error*) {
    *out = 1;
    return MS_OK;
  }
  static ms_code DeviceOpen(uint32_t index, const ms_kv* options, uint32_t n, ms_device** out,
                            ms_error* error) {
    return Guard(error, [&] {
      if (index != 0)
        throw Error(MS_OUT_OF_RANGE, "there is one device, index 0; got " + std::to_string(index));
      *out = reinterpret_cast<ms_device*>(new Device(host_, {options, n}));
    });
  }
  static void DeviceClose(ms_device* device) { delete As<Device>(device); }
  static ms_code DeviceInfo(ms_device* device, ms_device_info* info, ms_error*) {
    auto full = Sized<ms_device_info>();
    full.flags = MS_DEVICE_HOST_MEMORY | MS_DEVICE_SYNC;
    full.capabilities =
        MS_CAP_WEIGHTS_VERSIONED | MS_CAP_WEIGHTS_ROWS | MS_CAP_WEIGHTS_GET | MS_CAP_WEIGHTS_ADOPT;
    full.layout = Impl::kLayout;
    full.name = Str(As<Device>(device)->name);
    full.isa = Str(As<Device>(device)->isa);
    full.alignment = kArenaAlignment;
    uint32_t size = std::min<uint32_t>(info->struct_size, sizeof full);
    full.struct_size = info->struct_size;
    std::memcpy(info, &full, size);
    return MS_OK;
  }

  static ms_code BufferAlloc(ms_device* device, uint64_t bytes, ms_buffer** out, ms_error* error) {
    return Guard(error, [&] {
      auto buffer = std::make_unique<Buffer>();
      buffer->own = Block(As<Device>(device)->host, std::max<uint64_t>(bytes, 1));
      buffer->data = buffer->own.data();
      *out = reinterpret_cast<ms_buffer*>(buffer.release());
    });
  }
  static ms_code BufferImport(ms_device*, void* host, uint64_t, void (*released)(void*), void* user,
                              ms_buffer** out, ms_error* error) {
    return Guard(error, [&] {
      *out = reinterpret_cast<ms_buffer*>(new Buffer{{}, host, released, user});
    });
  }
  static ms_code BufferMap(ms_buffer* buffer, void** out, ms_error*) {
    *out = As<Buffer>(buffer)->data;
    return MS_OK;
  }
  static void BufferRelease(ms_buffer* handle) {
    auto* buffer = As<Buffer>(handle);
    if (buffer->released != nullptr) buffer->released(buffer->user);
    delete buffer;
  }

  static ms_code QueueOpen(ms_device*, uint32_t, ms_queue** out, ms_error* error) {
    return Guard(error, [&] { *out = reinterpret_cast<ms_queue*>(new Queue); });
  }
  static ms_code QueueCopy(ms_queue* queue, const ms_tensor* src, const ms_tensor* dst,
                           uint64_t signal, ms_error* error) {
    return Guard(error, [&] {
      TensorView from = ToView(*src), to = ToView(*dst);
      if (!Same(from.dtype, to.dtype) || !std::ranges::equal(from.shape(), to.shape())) {
        throw Error(MS_INVALID_ARGUMENT, "queue_copy needs equal dtypes and shapes");
      }
      if (from.bytes() > 0) std::memcpy(to.data, from.data, from.bytes());
      As<Queue>(queue)->reached.store(signal, std::memory_order_release);
    });
  }
  static void QueueClose(ms_queue* queue) { delete As<Queue>(queue); }

  static ms_code FenceQuery(const ms_fence* fence, ms_error* error) {
    bool reached = As<Queue>(fence->queue)->reached.load(std::memory_order_acquire) >= fence->value;
    return reached ? MS_OK : Fail(error, MS_UNAVAILABLE, "the fence is not reached yet");
  }
  static ms_code FenceWait(const ms_fence* fence, uint64_t timeout_ns, ms_error* error) {
    // Work is done before its call returns, so a fence that is not reached waits for a submission
    // still to come.
    auto start = std::chrono::steady_clock::now();
    std::chrono::nanoseconds limit(std::min<uint64_t>(timeout_ns, INT64_MAX));
    while (FenceQuery(fence, error) != MS_OK) {
      if (std::chrono::steady_clock::now() - start >= limit) {
        return Fail(error, MS_DEADLINE_EXCEEDED, "the fence was not reached in time");
      }
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    return MS_OK;
  }

  static ms_code ClaimNodes(ms_device* device, const ms_graph* graph, ms_claim* claims, uint32_t n,
                            ms_error* error) {
    return Guard(error, [&] {
      GraphView view(As<Device>(device)->host, graph);
      for (uint32_t id = 0; id < std::min(n, view.node_count()); ++id) {
        Claim claim = As<Device>(device)->impl.ClaimNode(view.node(id));
        claims[id].group = claim.mine ? 0 : -1;
        claims[id].compute = claim.compute;
        claims[id].accumulate = claim.accumulate;
        claims[id].reason = claim.reason;
      }
    });
  }
  static ms_code ModuleCreate(ms_device* handle, const ms_graph* graph,
                              const ms_module_options* options, ms_module** out, ms_error* error) {
    return Guard(error, [&] {
      auto* device = As<Device>(handle);
      CheckSized(*options, "ms_module_options");
      GraphView view(device->host, graph);
      ModuleOptions parsed{(options->flags & MS_MODULE_DETERMINISTIC) != 0};
      *out = reinterpret_cast<ms_module*>(
          new Module(device->host, view, device->impl.Kernels(view, parsed)));
    });
  }
  static ms_code PlanCreate(ms_module* handle, const ms_graph* graph, ms_plan** out,
                            uint64_t* scratch_bytes, ms_error* error) {
    return Guard(error, [&] {
      auto* module = As<Module>(handle);
      auto plan = std::make_unique<Plan>(module, GraphView(module->host(), graph));
      *scratch_bytes = plan->scratch_bytes();
      *out = reinterpret_cast<ms_plan*>(plan.release());
    });
  }
  static void PlanRelease(ms_plan* plan) { delete As<Plan>(plan); }
  static void ModuleRelease(ms_module* module) { delete As<Module>(module); }

  static ms_code Execute(ms_plan* handle, ms_queue* queue, const ms_exec* exec, ms_error* error) {
    return Guard(error, [&] {
      CheckSized(*exec, "ms_exec");
      const auto* plan = As<Plan>(handle);
      const auto* weights = As<Weights>(exec->weights);
      const Module* module = plan->module();
      if (exec->n_inputs != module->inputs().size() ||
          exec->n_outputs != module->outputs().size()) {
        throw Error(MS_INVALID_ARGUMENT, "execute has the wrong number of inputs or outputs");
      }
      if (weights == nullptr ? !module->slots().empty()
                             : !weights->sealed() || weights->module() != module) {
        throw Error(MS_FAILED_PRECONDITION,
                    "execute needs a sealed weight set of the plan's module");
      }
      if (plan->scratch_bytes() > 0 && exec->scratch == nullptr) {
        throw Error(MS_INVALID_ARGUMENT,
                    "execute needs " + std::to_string(plan->scratch_bytes()) + " scratch bytes");
      }
      for (uint32_t i = 0; i < exec->n_waits; ++i) {
        if (FenceQuery(&exec->waits[i], error) != MS_OK) {
          throw Error(MS_FAILED_PRECONDITION,
                      "execute waits for a fence that nothing has signalled");
        }
      }
      std::byte* scratch =
          exec->scratch != nullptr ? static_cast<std::byte*>(ToView(*exec->scratch).data) : nullptr;
      Host host(module->host());
      plan->Execute(weights, exec->inputs, exec->outputs, scratch, host, ToView,
                    As<Queue>(queue)->times.get());
      As<Queue>(queue)->reached.store(exec->signal, std::memory_order_release);
    });
  }

  static ms_code WeightsCost(ms_module* handle, const ms_weights*, const uint32_t* slots,
                             uint32_t n, uint64_t* extra, ms_error* error) {
    return Guard(error, [&] {
      const auto& holders = As<Module>(handle)->slots();
      *extra = 0;
      for (uint32_t i = 0; i < n; ++i) {
        if (slots[i] >= holders.size())
          throw Error(MS_OUT_OF_RANGE, "no weight slot " + std::to_string(slots[i]));
        *extra += holders[slots[i]].Bytes();
      }
    });
  }
  static ms_code WeightsBegin(ms_module* module, const ms_weights* base, ms_weights** out,
                              ms_error* error) {
    return Guard(error, [&] {
      *out = reinterpret_cast<ms_weights*>(new Weights(As<Module>(module), As<Weights>(base)));
    });
  }
  static ms_code WeightsPut(ms_weights* weights, ms_queue*, const ms_put* put, ms_error* error) {
    return Guard(error, [&] {
      CheckSized(*put, "ms_put");
      auto* set = As<Weights>(weights);
      const TensorView value = ToView(*put->value);
      if (put->row_count >= 0) {
        set->PutRows(put->slot, value, put->row_begin, put->row_count);
      } else if (put->released != nullptr) {
        set->Adopt(put->slot, value, put->released, put->released_user);
      } else {
        set->Put(put->slot, value);
      }
    });
  }
  static ms_code WeightsSeal(ms_weights* weights, ms_queue* queue, uint64_t signal,
                             ms_error* error) {
    return Guard(error, [&] {
      As<Weights>(weights)->Seal();
      As<Queue>(queue)->reached.store(signal, std::memory_order_release);
    });
  }
  static ms_code WeightsGet(const ms_weights* weights, uint32_t slot, const ms_tensor* value,
                            ms_error* error) {
    return Guard(error, [&] { As<Weights>(weights)->Get(slot, ToView(*value)); });
  }
  static void WeightsRelease(ms_weights* weights) { delete As<Weights>(weights); }

  static constexpr ms_backend kBackend = {sizeof(ms_backend),
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

  static constexpr ms_profile_api kProfile = {sizeof(ms_profile_api), 0, ProfileEnable,
                                              ProfileRead};

  static constexpr ms_str Literal(const char* text) {
    return {text, std::char_traits<char>::length(text)};
  }
  static constexpr ms_plugin kPlugin = {{'M', 'I', 'D', 'S', 'T', 'R', 'M', 0},
                                        sizeof(ms_plugin),
                                        MS_ABI_MAJOR,
                                        MS_TARGET_MINOR,
                                        Literal(Impl::kName),
                                        Literal(Impl::kVersion),
                                        MS_SANITIZER_BUILT,
                                        0,
                                        &kBackend,
                                        Startup,
                                        Shutdown,
                                        GetExtension};

  static inline const ms_host* host_ = nullptr;
};

}  // namespace midstream::sdk

#define MS_DEFINE_HOST_BACKEND(Impl)                                                              \
  extern "C" const ms_plugin* midstream_backend_query(uint16_t host_major, uint16_t host_minor) { \
    return ::midstream::sdk::HostBackend<Impl>::Query(host_major, host_minor);                    \
  }

#endif  // MIDSTREAM_BACKEND_HPP_

// The C++ face of a plugin's function table: one RAII type per kind of handle, Status instead of
// codes.
//
// Ownership: each object gives its handle back exactly once and keeps what it was made from alive
// (a plan its module, a module its device). Plugins themselves are never unloaded. Threads: as
// backend.h says for each function.
#ifndef MIDSTREAM_CORE_BACKEND_HANDLES_H_
#define MIDSTREAM_CORE_BACKEND_HANDLES_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/graph.h"
#include "midstream/backend.h"

namespace midstream::backend {

// A code and error of the C ABI as a Status. Codes outside the list become UNKNOWN; an empty text
// names `entry`.
Status FromAbi(ms_code code, const ms_error& error, std::string_view plugin,
               std::string_view entry);

// A contiguous host tensor as the ABI passes it; `shape` must outlive the result.
ms_tensor HostTensor(DType dtype, const Shape& shape, const void* data);
inline ms_tensor HostTensor(const Tensor& t) { return HostTensor(t.dtype(), t.shape(), t.data()); }

// How long a device may take before it is given up, when nobody says.
constexpr uint64_t kDeviceTimeoutNs = uint64_t{600} * 1'000'000'000;

struct DeviceOptions {
  uint32_t index = 0;
  uint64_t timeout_ns = kDeviceTimeoutNs;
  std::vector<std::pair<std::string, std::string>> values;  // passed to the plugin
};

struct NodeClaim {
  bool mine = false;
  DType compute = DType::kInvalid;
  DType accumulate = DType::kInvalid;
  uint32_t reason = MS_REASON_NONE;
};

class Device : public std::enable_shared_from_this<Device> {
 public:
  // Errors: what the plugin says; INTERNAL when its answer breaks the contract.
  static Result<std::shared_ptr<Device>> Open(const ms_plugin* plugin,
                                              const DeviceOptions& options);
  static Result<uint32_t> Count(const ms_plugin* plugin);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  std::string_view plugin_name() const { return name_; }
  // As configurations call it: "opencl", and "opencl:1" for any but its first device.
  const std::string& label() const { return label_; }
  uint64_t timeout_ns() const { return options_.timeout_ns; }
  bool has_host_memory() const { return (info_.flags & MS_DEVICE_HOST_MEMORY) != 0; }
  const ms_device_info& info() const { return info_; }
  const ms_backend& table() const { return *table_; }
  // Null: the plugin cannot tell how long its work takes.
  const ms_profile_api* profile() const { return profile_; }
  ms_device* handle() const { return handle_; }

  // One answer a node.
  Result<std::vector<NodeClaim>> Claim(const Graph& graph) const;

 private:
  Device(const ms_plugin* plugin, const DeviceOptions& options, ms_device* handle);

  std::string name_;
  std::string label_;
  DeviceOptions options_;
  const ms_backend* table_;
  const ms_profile_api* profile_;
  ms_device* handle_;
  ms_device_info info_{};
};

// Memory of a device.
class Buffer {
 public:
  // Errors: RESOURCE_EXHAUSTED.
  static Result<std::unique_ptr<Buffer>> Allocate(std::shared_ptr<Device> device, uint64_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  ms_buffer* handle() const { return handle_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Buffer(std::shared_ptr<Device> device, ms_buffer* handle, uint64_t bytes)
      : device_(std::move(device)), handle_(handle), bytes_(bytes) {}
  std::shared_ptr<Device> device_;
  ms_buffer* handle_;
  uint64_t bytes_;
};

class Queue {
 public:
  static Result<std::unique_ptr<Queue>> Open(std::shared_ptr<Device> device, bool low_priority);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  ms_queue* handle() const { return handle_; }
  const std::shared_ptr<Device>& device() const { return device_; }
  // The value that the next submission signals.
  uint64_t NextSignal() { return ++last_; }
  // Waits for everything submitted so far. Errors: DEADLINE_EXCEEDED; the error of the work.
  Status Wait(uint64_t timeout_ns) { return WaitFor(last_, timeout_ns); }
  // Waits for what signals `value`. Requires: it was submitted.
  Status WaitFor(uint64_t value, uint64_t timeout_ns);
  bool IsReached(uint64_t value);
  // Submits a copy; memory of the host must stay until it has signalled `signal`.
  Status Copy(const ms_tensor& from, const ms_tensor& to, uint64_t signal);

  // From the next submission on. Errors: UNIMPLEMENTED when the backend cannot time its work.
  Status EnableProfile(bool on);
  // What ended since the last call. Requires: profiling, after a Wait.
  Status ReadProfile(const std::function<void(const ms_profile_event&)>& sink);

 private:
  Queue(std::shared_ptr<Device> device, ms_queue* handle)
      : device_(std::move(device)), handle_(handle) {}
  std::shared_ptr<Device> device_;
  ms_queue* handle_;
  uint64_t last_ = 0;
};

class Module {
 public:
  // Keeps a copy of what it needs to name things in errors.
  static Result<std::shared_ptr<Module>> Create(std::shared_ptr<Device> device, const Graph& graph,
                                                bool deterministic);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Memory that a new value of the slot needs at most.
  Result<uint64_t> WeightsCost(uint32_t slot) const;

  const std::shared_ptr<Device>& device() const { return device_; }
  ms_module* handle() const { return handle_; }

 private:
  Module(std::shared_ptr<Device> device, ms_module* handle)
      : device_(std::move(device)), handle_(handle) {}
  std::shared_ptr<Device> device_;
  ms_module* handle_;
};

class Plan {
 public:
  // `graph` is the module's graph with every shape known.
  static Result<std::shared_ptr<Plan>> Create(std::shared_ptr<Module> module, const Graph& graph);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  ms_plan* handle() const { return handle_; }
  uint64_t scratch_bytes() const { return scratch_bytes_; }
  const std::shared_ptr<Module>& module() const { return module_; }

 private:
  Plan(std::shared_ptr<Module> module, ms_plan* handle, uint64_t scratch)
      : module_(std::move(module)), handle_(handle), scratch_bytes_(scratch) {}
  std::shared_ptr<Module> module_;
  ms_plan* handle_;
  uint64_t scratch_bytes_;
};

// One version of a module's weights. Written by one thread until Seal, immutable afterwards.
class WeightSet {
 public:
  // base may be null.
  static Result<std::shared_ptr<WeightSet>> Begin(std::shared_ptr<Module> module,
                                                  const WeightSet* base);
  ~WeightSet();
  WeightSet(const WeightSet&) = delete;
  WeightSet& operator=(const WeightSet&) = delete;

  // `value` must stay as it is until Seal returns. adopt: where the device can, it uses the bytes
  // where they lie and shares their ownership for as long as it does.
  Status Put(Queue& queue, uint32_t slot, const Tensor& value, bool adopt = false);
  // Rows [begin, begin + rows.shape()[0]) of axis 0. Errors: UNIMPLEMENTED without
  // MS_CAP_WEIGHTS_ROWS.
  Status PutRows(Queue& queue, uint32_t slot, const Tensor& rows, int64_t begin);
  // Returns when the set can be executed. Errors: DEADLINE_EXCEEDED when the device does not answer.
  Status Seal(Queue& queue);
  // The value as it was put. Errors: UNIMPLEMENTED when the device does not offer it.
  Status Get(uint32_t slot, Tensor* value) const;

  const ms_weights* handle() const { return handle_; }

 private:
  WeightSet(std::shared_ptr<Module> module, ms_weights* handle)
      : module_(std::move(module)), handle_(handle) {}
  Status Put(Queue& queue, ms_put* put);

  std::shared_ptr<Module> module_;
  ms_weights* handle_;
};

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_HANDLES_H_

#include "core/backend/handles.h"

#include <cstring>
#include <mutex>

#include "core/backend/graph_view.h"

namespace midstream::backend {
namespace {

ms_error EmptyError() {
  ms_error error{};
  error.struct_size = sizeof error;
  return error;
}

// Plugins may rely on device_count, device_open and device_close coming one at a time.
std::mutex& DeviceCalls() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

ms_str Text(const std::string& text) { return {text.data(), text.size()}; }

}  // namespace

Status FromAbi(ms_code code, const ms_error& error, std::string_view plugin,
               std::string_view entry) {
  if (code == MS_OK) return OkStatus();
  bool known = code > MS_OK && code <= MS_UNAUTHENTICATED;
  std::string text(error.message, strnlen(error.message, sizeof error.message));
  if (text.empty())
    text = std::string(entry) + " failed with code " + std::to_string(code) + " and no message";
  return {known ? static_cast<Code>(code) : Code::kUnknown,
          "backend '" + std::string(plugin) + "': " + text};
}

ms_tensor HostTensor(DType dtype, const Shape& shape, const void* data) {
  ms_tensor tensor{};
  tensor.struct_size = sizeof tensor;
  tensor.dtype = ToAbi(dtype);
  tensor.data = const_cast<void*>(data);
  tensor.shape = shape.dims().data();
  tensor.rank = static_cast<uint32_t>(shape.rank());
  return tensor;
}

Result<uint32_t> Device::Count(const ms_plugin* plugin) {
  uint32_t count = 0;
  ms_error error = EmptyError();
  std::lock_guard lock(DeviceCalls());
  std::string_view name(plugin->name.data, plugin->name.size);
  MS_RETURN_IF_ERROR(
      FromAbi(plugin->backend->device_count(&count, &error), error, name, "device_count"));
  return count;
}

Device::Device(const ms_plugin* plugin, const DeviceOptions& options, ms_device* handle)
    : name_(plugin->name.data, plugin->name.size),
      label_(options.index == 0 ? name_ : name_ + ":" + std::to_string(options.index)),
      options_(options),
      table_(plugin->backend),
      profile_(static_cast<const ms_profile_api*>(plugin->get_extension(MS_EXT_PROFILE))),
      handle_(handle) {
  const bool usable = profile_ != nullptr && profile_->struct_size >= sizeof *profile_ &&
                      profile_->enable != nullptr && profile_->read != nullptr;
  if (!usable) profile_ = nullptr;
}

Device::~Device() {
  std::lock_guard lock(DeviceCalls());
  table_->device_close(handle_);
}

Result<std::shared_ptr<Device>> Device::Open(const ms_plugin* plugin,
                                             const DeviceOptions& options) {
  std::vector<ms_kv> values;
  for (const auto& [key, value] : options.values) values.push_back({Text(key), Text(value)});
  std::string_view name(plugin->name.data, plugin->name.size);
  ms_device* handle = nullptr;
  ms_error error = EmptyError();
  ms_code code = MS_OK;
  {
    std::lock_guard lock(DeviceCalls());
    code = plugin->backend->device_open(options.index, values.data(),
                                        static_cast<uint32_t>(values.size()), &handle, &error);
  }
  MS_RETURN_IF_ERROR(FromAbi(code, error, name, "device_open"));
  if (handle == nullptr)
    return Internal("backend '" + std::string(name) + "': device_open gave no device");
  std::shared_ptr<Device> device(new Device(plugin, options, handle));
  device->info_.struct_size = sizeof device->info_;
  code = device->table_->device_info(handle, &device->info_, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, name, "device_info"));
  return device;
}

Result<std::vector<NodeClaim>> Device::Claim(const Graph& graph) const {
  AbiGraph view(graph);
  std::vector<ms_claim> claims(graph.nodes().size());
  for (ms_claim& claim : claims) {
    claim.struct_size = sizeof claim;
    claim.group = -1;
  }
  ms_error error = EmptyError();
  ms_code code = table_->claim(handle_, view.handle(), claims.data(),
                               static_cast<uint32_t>(claims.size()), &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, name_, "claim"));
  std::vector<NodeClaim> answers;
  for (const ms_claim& claim : claims) {
    answers.push_back({claim.group >= 0, midstream::FromAbi(claim.compute),
                       midstream::FromAbi(claim.accumulate), claim.reason});
  }
  return answers;
}

Result<std::unique_ptr<Buffer>> Buffer::Allocate(std::shared_ptr<Device> device, uint64_t bytes) {
  ms_buffer* handle = nullptr;
  ms_error error = EmptyError();
  ms_code code = device->table().buffer_alloc(device->handle(), bytes, &handle, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device->plugin_name(), "buffer_alloc"));
  return std::unique_ptr<Buffer>(new Buffer(std::move(device), handle, bytes));
}

Buffer::~Buffer() { device_->table().buffer_release(handle_); }

Result<std::unique_ptr<Queue>> Queue::Open(std::shared_ptr<Device> device, bool low_priority) {
  ms_queue* handle = nullptr;
  ms_error error = EmptyError();
  ms_code code =
      device->table().queue_open(device->handle(), low_priority ? 1 : 0, &handle, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device->plugin_name(), "queue_open"));
  return std::unique_ptr<Queue>(new Queue(std::move(device), handle));
}

Queue::~Queue() { device_->table().queue_close(handle_); }

Status Queue::WaitFor(uint64_t value, uint64_t timeout_ns) {
  ms_fence fence{handle_, value};
  ms_error error = EmptyError();
  return FromAbi(device_->table().fence_wait(&fence, timeout_ns, &error), error,
                 device_->plugin_name(), "fence_wait");
}

bool Queue::IsReached(uint64_t value) {
  ms_fence fence{handle_, value};
  ms_error error = EmptyError();
  return device_->table().fence_query(&fence, &error) == MS_OK;
}

Status Queue::Copy(const ms_tensor& from, const ms_tensor& to, uint64_t signal) {
  ms_error error = EmptyError();
  return FromAbi(device_->table().queue_copy(handle_, &from, &to, signal, &error), error,
                 device_->plugin_name(), "queue_copy");
}

Status Queue::EnableProfile(bool on) {
  if (device_->profile() == nullptr) {
    return Unimplemented("backend '" + std::string(device_->plugin_name()) +
                         "' cannot tell how long its work takes");
  }
  ms_error error = EmptyError();
  return FromAbi(device_->profile()->enable(handle_, on ? 1 : 0, &error), error,
                 device_->plugin_name(), "profile enable");
}

Status Queue::ReadProfile(const std::function<void(const ms_profile_event&)>& sink) {
  const auto call = [](void* user, const ms_profile_event* event) {
    (*static_cast<const std::function<void(const ms_profile_event&)>*>(user))(*event);
  };
  ms_error error = EmptyError();
  void* user = const_cast<void*>(static_cast<const void*>(&sink));
  return FromAbi(device_->profile()->read(handle_, call, user, &error), error,
                 device_->plugin_name(), "profile read");
}

Result<std::shared_ptr<Module>> Module::Create(std::shared_ptr<Device> device, const Graph& graph,
                                               bool deterministic) {
  AbiGraph view(graph);
  ms_module_options options{sizeof options, deterministic ? MS_MODULE_DETERMINISTIC : 0};
  ms_module* handle = nullptr;
  ms_error error = EmptyError();
  ms_code code =
      device->table().module_create(device->handle(), view.handle(), &options, &handle, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device->plugin_name(), "module_create"));
  return std::shared_ptr<Module>(new Module(std::move(device), handle));
}

Module::~Module() { device_->table().module_release(handle_); }

Result<std::shared_ptr<Plan>> Plan::Create(std::shared_ptr<Module> module, const Graph& graph) {
  AbiGraph view(graph);
  ms_plan* handle = nullptr;
  uint64_t scratch = 0;
  ms_error error = EmptyError();
  const Device& device = *module->device();
  ms_code code =
      device.table().plan_create(module->handle(), view.handle(), &handle, &scratch, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device.plugin_name(), "plan_create"));
  return std::shared_ptr<Plan>(new Plan(std::move(module), handle, scratch));
}

Plan::~Plan() { module_->device()->table().plan_release(handle_); }

Result<uint64_t> Module::WeightsCost(uint32_t slot) const {
  uint64_t bytes = 0;
  ms_error error = EmptyError();
  ms_code code = device_->table().weights_cost(handle_, nullptr, &slot, 1, &bytes, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device_->plugin_name(), "weights_cost"));
  return bytes;
}

Result<std::shared_ptr<WeightSet>> WeightSet::Begin(std::shared_ptr<Module> module,
                                                    const WeightSet* base) {
  ms_weights* handle = nullptr;
  ms_error error = EmptyError();
  const Device& device = *module->device();
  ms_code code = device.table().weights_begin(
      module->handle(), base != nullptr ? base->handle_ : nullptr, &handle, &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device.plugin_name(), "weights_begin"));
  return std::shared_ptr<WeightSet>(new WeightSet(std::move(module), handle));
}

WeightSet::~WeightSet() { module_->device()->table().weights_release(handle_); }

Status WeightSet::Put(Queue& queue, ms_put* put) {
  put->struct_size = sizeof *put;
  ms_error error = EmptyError();
  const Device& device = *module_->device();
  return FromAbi(device.table().weights_put(handle_, queue.handle(), put, &error), error,
                 device.plugin_name(), "weights_put");
}

Status WeightSet::Put(Queue& queue, uint32_t slot, const Tensor& value, bool adopt) {
  ms_tensor tensor = HostTensor(value);
  ms_put put{};
  put.slot = slot;
  put.value = &tensor;
  put.row_count = -1;
  if (!adopt || (module_->device()->info().capabilities & MS_CAP_WEIGHTS_ADOPT) == 0) {
    return Put(queue, &put);
  }
  auto share = std::make_unique<Tensor>(value);
  put.released = [](void* tensor_share) { delete static_cast<Tensor*>(tensor_share); };
  put.released_user = share.get();
  MS_RETURN_IF_ERROR(Put(queue, &put));
  static_cast<void>(share.release());  // the plugin's now
  return OkStatus();
}

Status WeightSet::PutRows(Queue& queue, uint32_t slot, const Tensor& rows, int64_t begin) {
  ms_tensor tensor = HostTensor(rows);
  ms_put put{};
  put.slot = slot;
  put.value = &tensor;
  put.row_begin = begin;
  put.row_count = rows.shape()[0];
  return Put(queue, &put);
}

Status WeightSet::Seal(Queue& queue) {
  ms_error error = EmptyError();
  const Device& device = *module_->device();
  ms_code code = device.table().weights_seal(handle_, queue.handle(), queue.NextSignal(), &error);
  MS_RETURN_IF_ERROR(FromAbi(code, error, device.plugin_name(), "weights_seal"));
  return queue.Wait(device.timeout_ns());
}

Status WeightSet::Get(uint32_t slot, Tensor* value) const {
  ms_tensor tensor = HostTensor(value->dtype(), value->shape(), value->mutable_data());
  ms_error error = EmptyError();
  const Device& device = *module_->device();
  return FromAbi(device.table().weights_get(handle_, slot, &tensor, &error), error,
                 device.plugin_name(), "weights_get");
}

}  // namespace midstream::backend

#include "core/backend/plugin_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/config/keys.h"

namespace midstream::backend {
namespace {

constexpr uint64_t kMaxVersionBytes = 256;

struct Slot {
  const char* name;
  size_t offset;
};

#define MS_SLOT(name) \
  { #name, offsetof(ms_backend, name) }
constexpr Slot kBackendSlots[] = {
    MS_SLOT(device_count),   MS_SLOT(device_open),    MS_SLOT(device_close),
    MS_SLOT(device_info),    MS_SLOT(buffer_alloc),   MS_SLOT(buffer_import),
    MS_SLOT(buffer_map),     MS_SLOT(buffer_release), MS_SLOT(queue_open),
    MS_SLOT(queue_copy),     MS_SLOT(queue_close),    MS_SLOT(fence_query),
    MS_SLOT(fence_wait),     MS_SLOT(claim),          MS_SLOT(module_create),
    MS_SLOT(plan_create),    MS_SLOT(plan_release),   MS_SLOT(module_release),
    MS_SLOT(execute),        MS_SLOT(weights_cost),   MS_SLOT(weights_begin),
    MS_SLOT(weights_put),    MS_SLOT(weights_seal),   MS_SLOT(weights_get),
    MS_SLOT(weights_release)};
#undef MS_SLOT
static_assert(offsetof(ms_backend, device_count) + std::size(kBackendSlots) * sizeof(void*) ==
                  sizeof(ms_backend),
              "every entry of ms_backend is listed above");

bool IsPrintable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Status CheckDescriptor(const ms_plugin& plugin) {
  if (std::memcmp(plugin.magic, MS_PLUGIN_MAGIC, sizeof(plugin.magic)) != 0) {
    return InvalidArgument(
        fmt::format("has a descriptor that does not begin with \"{}\"", MS_PLUGIN_MAGIC));
  }
  if (plugin.struct_size < sizeof(ms_plugin)) {
    return InvalidArgument(
        fmt::format("has a descriptor (ms_plugin) of {} bytes, at least {} are needed",
                    plugin.struct_size, sizeof(ms_plugin)));
  }
  if (plugin.abi_major != MS_ABI_MAJOR) {
    return FailedPrecondition(fmt::format("has a descriptor of ABI {}.{}, this host has {}.{}",
                                          plugin.abi_major, plugin.abi_minor, MS_ABI_MAJOR,
                                          MS_ABI_MINOR));
  }
  if (plugin.backend == nullptr) return InvalidArgument("lacks the function table (backend)");
  if (plugin.startup == nullptr) return InvalidArgument("lacks the mandatory entry startup");
  if (plugin.shutdown == nullptr) return InvalidArgument("lacks the mandatory entry shutdown");
  if (plugin.get_extension == nullptr) {
    return InvalidArgument("lacks the mandatory entry get_extension");
  }
  return OkStatus();
}

Status CheckTexts(const ms_plugin& plugin, std::string_view note_name) {
  if (plugin.name.data == nullptr || !config::IsPluginName({plugin.name.data, plugin.name.size})) {
    return InvalidArgument("has a descriptor without a legal plugin name ([a-z0-9_]{1,64})");
  }
  const std::string_view name(plugin.name.data, plugin.name.size);
  if (name != note_name) {
    return InvalidArgument(
        fmt::format("is called \"{}\" in its descriptor but \"{}\" in its note", name, note_name));
  }
  const ms_str& version = plugin.version;
  if (version.size > kMaxVersionBytes || (version.size != 0 && version.data == nullptr) ||
      !IsPrintable({version.data, version.size})) {
    return InvalidArgument("has a version that is no printable text of at most 256 bytes");
  }
  return OkStatus();
}

Status CheckBackend(const ms_backend& backend) {
  if (backend.struct_size < sizeof(ms_backend)) {
    return InvalidArgument(
        fmt::format("has a function table (ms_backend) of {} bytes, at least {} are needed",
                    backend.struct_size, sizeof(ms_backend)));
  }
  for (const Slot& slot : kBackendSlots) {
    void (*entry)();
    std::memcpy(&entry, reinterpret_cast<const char*>(&backend) + slot.offset, sizeof(entry));
    if (entry == nullptr) {
      return InvalidArgument(fmt::format("lacks the mandatory entry {}", slot.name));
    }
  }
  return OkStatus();
}

}  // namespace

Result<const ms_plugin*> QueryPlugin(QueryFunction query, std::string_view note_name) {
  const ms_plugin* plugin = nullptr;
  try {
    plugin = query(MS_ABI_MAJOR, MS_ABI_MINOR);
  } catch (...) {
    return Internal(fmt::format("threw an exception out of {}", kQuerySymbol));
  }
  if (plugin == nullptr) {
    return FailedPrecondition(
        fmt::format("says that it cannot serve ABI {}.{}", MS_ABI_MAJOR, MS_ABI_MINOR));
  }
  MS_RETURN_IF_ERROR(CheckDescriptor(*plugin));
  MS_RETURN_IF_ERROR(CheckTexts(*plugin, note_name));
  MS_RETURN_IF_ERROR(CheckBackend(*plugin->backend));
  return plugin;
}

Status StartPlugin(const ms_plugin* plugin, const ms_host* host) {
  ms_error error{};
  error.struct_size = sizeof(error);
  ms_code code = MS_OK;
  try {
    code = plugin->startup(host, &error);
  } catch (...) {
    return Internal("threw an exception out of startup");
  }
  if (code == MS_OK) return OkStatus();
  const bool known = code > MS_OK && code <= MS_UNAUTHENTICATED;
  const std::string_view text(error.message, strnlen(error.message, sizeof(error.message)));
  if (text.empty()) {
    return {known ? static_cast<Code>(code) : Code::kUnknown,
            fmt::format("failed in startup with code {} and no explanation", code)};
  }
  return {known ? static_cast<Code>(code) : Code::kUnknown,
          fmt::format("failed in startup: {}", text)};
}

}  // namespace midstream::backend

#include "core/backend/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <utility>

#include "core/backend/loader.h"
#include "core/backend/plugin_file.h"
#include "core/backend/plugin_table.h"
#include "core/backend/probe.h"
#include "core/backend/probe_cache.h"
#include "core/base/log.h"

namespace midstream::backend {
namespace {

// A plugin file that this process has loaded; it stays here for good.
struct Resident {
  std::string real_path;
  const ms_plugin* plugin = nullptr;
  const ms_host* host = nullptr;  // what it was last started with
  uint64_t users = 0;             // registries that hold it; started while there is one
};

struct Process {
  std::mutex mutex;
  std::deque<Resident> residents;  // index = what Registry::uses_ holds
};

// Never destroyed: a Registry may be destroyed by a static destructor.
Process& TheProcess() {
  static Process& process = *new Process;
  return process;
}

// The functions below need the mutex of the process held.

Status Probe(const PluginFile& file, const std::string& dir, const config::PluginsConfig& plugins) {
  if (plugins.probe == config::ProbeMode::kOff) return OkStatus();
  MS_ASSIGN_OR_RETURN(const std::string helper, ProbeHelper(dir));
  const bool cached = plugins.probe == config::ProbeMode::kCached;
  if (cached && PassedProbeBefore(file.real, helper)) return OkStatus();
  MS_RETURN_IF_ERROR(ProbePlugin(helper, file.path, file.note.name,
                                 std::chrono::milliseconds(plugins.probe_timeout_ms)));
  if (cached) RememberPassedProbe(file.real, helper);
  return OkStatus();
}

// The place of the file among the residents, loaded if it is not there yet.
Result<uint64_t> MakeResident(const PluginFile& file, const std::string& dir,
                              const config::PluginsConfig& plugins) {
  std::deque<Resident>& residents = TheProcess().residents;
  for (uint64_t i = 0; i < residents.size(); ++i) {
    if (residents[i].real_path == file.real) return i;
  }
  MS_RETURN_IF_ERROR(Probe(file, dir, plugins));
  MS_ASSIGN_OR_RETURN(const QueryFunction query, OpenPluginLibrary(file.path));
  MS_ASSIGN_OR_RETURN(const ms_plugin* plugin, QueryPlugin(query, file.note.name));
  residents.push_back({file.real, plugin, nullptr, 0});
  return residents.size() - 1;
}

Status Hold(Resident& resident, const ms_host* host) {
  if (resident.users == 0) {
    MS_RETURN_IF_ERROR(StartPlugin(resident.plugin, host));
    resident.host = host;
  } else if (resident.host != host) {
    return FailedPrecondition("is in use with another host in this process");
  }
  ++resident.users;
  return OkStatus();
}

// Status with the path in front: "path reason".
Status About(const std::string& path, const Status& status) {
  return {status.code(), fmt::format("{} {}", path, status.message())};
}

LoadedPlugin Describe(const PluginFile& file, const ms_plugin& plugin) {
  return {std::string(plugin.name.data, plugin.name.size),
          std::string(plugin.version.data, plugin.version.size),
          file.path,
          plugin.abi_major,
          plugin.abi_minor,
          &plugin};
}

}  // namespace

Registry::Registry(Registry&& other) noexcept { *this = std::move(other); }

Registry& Registry::operator=(Registry&& other) noexcept {
  std::swap(plugins_, other.plugins_);
  std::swap(uses_, other.uses_);
  std::swap(failures_, other.failures_);
  return *this;
}

Registry::~Registry() {
  Process& process = TheProcess();
  const std::lock_guard lock(process.mutex);
  for (auto use = uses_.rbegin(); use != uses_.rend(); ++use) {
    Resident& resident = process.residents[*use];
    if (--resident.users == 0) resident.plugin->shutdown();
  }
}

const LoadedPlugin* Registry::Find(std::string_view name) const {
  const auto found = std::find_if(plugins_.begin(), plugins_.end(),
                                  [&](const LoadedPlugin& plugin) { return plugin.name == name; });
  return found == plugins_.end() ? nullptr : &*found;
}

Status Registry::WhyMissing(std::string_view name) const {
  for (const PluginFailure& failure : failures_) {
    if (failure.plugin == name) return failure.status;
  }
  return NotFound(fmt::format("no plugin is called \"{}\"; name it in plugins.list", name));
}

void Registry::Load(const std::string& listed, const Config& config, const ms_host* host) {
  const auto load = [&]() -> Status {
    std::string dir;
    if (!listed.starts_with('/')) {
      MS_ASSIGN_OR_RETURN(dir, PluginDir(config.plugins.dir));
    }
    MS_ASSIGN_OR_RETURN(const PluginFile file, FindPlugin(listed, dir));
    if (const LoadedPlugin* other = Find(file.note.name)) {
      const auto idx = static_cast<size_t>(other - plugins_.data());
      // Listed twice, perhaps by another path.
      if (TheProcess().residents[uses_[idx]].real_path == file.real) return OkStatus();
      return Status(Code::kAlreadyExists,
                    fmt::format("{} has the name \"{}\" of a plugin that is already loaded, {}",
                                file.path, other->name, other->path));
    }
    const Result<uint64_t> resident = MakeResident(file, dir, config.plugins);
    if (!resident.ok()) return About(file.path, resident.status());
    Resident& plugin = TheProcess().residents[*resident];
    if (const Status held = Hold(plugin, host); !held.ok()) return About(file.path, held);
    uses_.push_back(*resident);
    plugins_.push_back(Describe(file, *plugin.plugin));
    return OkStatus();
  };
  if (Status status = load(); !status.ok()) failures_.push_back({listed, std::move(status)});
}

void NeverShutDown(const ms_backend& table) {
  const std::lock_guard lock(TheProcess().mutex);
  for (Resident& resident : TheProcess().residents) {
    if (resident.plugin->backend == &table) ++resident.users;
  }
}

Registry LoadPlugins(const Config& config, const ms_host* host) {
  Registry registry;
  {
    const std::lock_guard lock(TheProcess().mutex);
    for (const std::string& listed : config.plugins.list) registry.Load(listed, config, host);
    std::vector<std::string> names = config.placement.order;
    if (config.backend != "auto") names.insert(names.begin(), config.backend);
    for (const std::string& listed : names) {
      const std::string name = config::ParseBackendName(listed).plugin;
      const bool failed =
          std::any_of(registry.failures_.begin(), registry.failures_.end(),
                      [&](const PluginFailure& failure) { return failure.plugin == name; });
      if (!failed && registry.Find(name) == nullptr) registry.Load(name, config, host);
    }
  }
  for (const LoadedPlugin& plugin : registry.plugins()) {
    Log(LogLevel::kInfo,
        fmt::format("plugin {} {} (ABI {}.{}) from {}", plugin.name, plugin.version,
                    plugin.abi_major, plugin.abi_minor, plugin.path));
  }
  return registry;
}

}  // namespace midstream::backend

// Registry: the plugins that a configuration names, loaded, checked and started.
//
// A plugin file is loaded at most once per process and never unloaded. Several registries (one per
// engine) share it: it is started when the first of them loads it and shut down when the last one
// that holds it goes away; then it may be started again. So startup and shutdown come in pairs.
//
// Threads: LoadPlugins and the destructor may run on any thread and are serialised; a Registry is
// immutable, so any number of threads may read it.
#ifndef MIDSTREAM_CORE_BACKEND_REGISTRY_H_
#define MIDSTREAM_CORE_BACKEND_REGISTRY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/config/config.h"
#include "midstream/backend.h"

namespace midstream::backend {

struct LoadedPlugin {
  std::string name;
  std::string version;
  std::string path;
  uint16_t abi_major = 0;
  uint16_t abi_minor = 0;  // the minor that it was built for
  const ms_plugin* plugin = nullptr;
};

struct PluginFailure {
  std::string plugin;  // as the configuration names it
  Status status;       // one sentence that names the file and the cause
};

class Registry {
 public:
  Registry() = default;
  // Requires: every handle of its plugins was released.
  ~Registry();
  Registry(Registry&& other) noexcept;
  Registry& operator=(Registry&& other) noexcept;

  // In the order in which the configuration names them.
  const std::vector<LoadedPlugin>& plugins() const { return plugins_; }
  const std::vector<PluginFailure>& failures() const { return failures_; }

  const LoadedPlugin* Find(std::string_view name) const;
  // Why the plugin is not there: the failure, or that no configuration key names it. Requires:
  // Find(name) == nullptr.
  Status WhyMissing(std::string_view name) const;

 private:
  friend Registry LoadPlugins(const Config& config, const ms_host* host);
  void Load(const std::string& listed, const Config& config, const ms_host* host);

  std::vector<LoadedPlugin> plugins_;
  std::vector<uint64_t> uses_;  // what each of plugins_ holds in the process-wide table
  std::vector<PluginFailure> failures_;
};

// Loads plugins.list, then backend (unless "auto") and placement.order as far as they are not yet
// there. A plugin that cannot be used becomes a failure, never a reason to stop. host must live as
// long as the process.
Registry LoadPlugins(const Config& config, const ms_host* host);

// The plugin whose function table this is stays started until the process ends. Nothing happens for
// a table that belongs to no loaded plugin.
void NeverShutDown(const ms_backend& table);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_REGISTRY_H_

// Engine: plugins, devices and options from a configuration.

#include <algorithm>
#include <iterator>

#include "core/backend/host.h"
#include "core/backend/probe_cache.h"
#include "core/base/log.h"
#include "core/engine/impl.h"
#include "core/formats/weight_file.h"
#include "core/plan/claimed_operators.h"
#include "midstream/cache.h"

namespace midstream {
namespace {

constexpr std::string_view kReference = "reference";

// The reference plugin evaluates constants and recipes for every engine, whatever runs the model.
Config WithReference(Config config) {
  auto& list = config.plugins.list;
  if (std::find(list.begin(), list.end(), kReference) == list.end()) list.emplace_back(kReference);
  return config;
}

// The backends to ask for nodes, in order.
std::vector<std::string> PlacementOrder(const Config& config, const backend::Registry& registry) {
  if (!config.placement.order.empty()) return config.placement.order;
  std::string first = config.backend;
  if (first == "auto") {
    first = registry.plugins().empty() ? std::string(kReference) : registry.plugins().front().name;
  }
  std::vector<std::string> order = {first};
  if (first != kReference) order.emplace_back(kReference);
  return order;
}

// Where backends keep files between runs; empty: nowhere.
std::string CacheFolder(const config::CacheConfig& cache) {
  if (!cache.enabled) return {};
  return cache.path.empty() ? backend::UserCacheFolder() : cache.path;
}

// What the configuration says to the plugin, and the cache's folder if the plugin keeps one.
std::vector<std::pair<std::string, std::string>> OptionsFor(const Config& config,
                                                            const backend::LoadedPlugin& loaded) {
  std::map<std::string, std::string, std::less<>> values;
  if (auto it = config.backends.find(loaded.name); it != config.backends.end()) values = it->second;
  if (loaded.plugin->get_extension(MS_EXT_CACHE) != nullptr) {
    const std::string folder = CacheFolder(config.cache);
    if (!folder.empty()) values.try_emplace(MS_OPTION_CACHE_DIR, folder);
  }
  return {values.begin(), values.end()};
}

Result<std::shared_ptr<backend::Device>> OpenDevice(const Config& config,
                                                    const backend::Registry& registry,
                                                    const std::string& name, int64_t index) {
  const backend::LoadedPlugin* plugin = registry.Find(name);
  if (plugin == nullptr) return registry.WhyMissing(name);
  backend::DeviceOptions options;
  options.index = static_cast<uint32_t>(index);
  options.values = OptionsFor(config, *plugin);
  return backend::Device::Open(plugin->plugin, options);
}

plan::Fallback ToPlan(config::Fallback fallback) {
  switch (fallback) {
    case config::Fallback::kError:
      return plan::Fallback::kError;
    case config::Fallback::kWarn:
      return plan::Fallback::kWarn;
    case config::Fallback::kAllow:
      break;
  }
  return plan::Fallback::kAllow;
}

PluginReport Report(const backend::LoadedPlugin& loaded, const Config& config) {
  PluginReport report;
  report.name = loaded.name;
  report.path = loaded.path;
  report.version = loaded.version;
  report.abi = std::to_string(loaded.abi_major) + "." + std::to_string(loaded.abi_minor);
  auto count = backend::Device::Count(loaded.plugin);
  if (!count.ok()) {
    report.status = count.status();
    return report;
  }
  backend::DeviceOptions options;
  options.values = OptionsFor(config, loaded);
  for (options.index = 0; options.index < *count; ++options.index) {
    auto device = backend::Device::Open(loaded.plugin, options);
    // The plugin's own options may choose fewer devices than there are.
    if (device.status().code() == Code::kOutOfRange && options.index > 0) break;
    if (!device.ok()) {
      report.status = device.status();
      return report;
    }
    const ms_device_info& info = (*device)->info();
    report.devices.push_back({std::string(info.name.data, info.name.size),
                              std::string(info.isa.data, info.isa.size), info.memory_bytes});
    if (options.index == 0) report.operators = plan::ClaimedOperators(**device);
  }
  return report;
}

}  // namespace

Result<plan::ProgramOptions> Engine::Impl::MakeProgramOptions() const {
  plan::ProgramOptions options;
  const config::OptimizerConfig& wanted = config.optimizer;
  bool nhwc = placement.front()->info().layout == MS_LAYOUT_NHWC && wanted.passes.layout &&
              wanted.level >= 2;
  options.passes.layout = nhwc ? passes::Layout::kNhwc : passes::Layout::kNchw;
  options.passes.fold = wanted.passes.fold && wanted.level >= 1;
  options.passes.simplify = wanted.passes.simplify && wanted.level >= 1;
  options.passes.sink = wanted.passes.sink && wanted.level >= 2;
  options.passes.fuse = wanted.fuse && wanted.level >= 3;
  options.passes.remap = wanted.remapping && wanted.level >= 3;
  MS_ASSIGN_OR_RETURN(options.passes.precision, MakePrecisionPolicy(config));
  options.fallback = ToPlan(config.placement.fallback);
  options.deterministic = config.execution.deterministic;
  options.threads = static_cast<uint32_t>(config.execution.threads);
  return options;
}

Result<Engine> Engine::Open(const Config& config) {
  Engine engine;
  engine.impl_ = std::make_shared<Impl>();
  Impl& impl = *engine.impl_;
  impl.config = config;
  impl.registry = backend::LoadPlugins(WithReference(config), backend::ProcessHost());
  MS_ASSIGN_OR_RETURN(auto reference,
                      OpenDevice(impl.config, impl.registry, std::string(kReference), 0));
  impl.folding = std::make_unique<plan::BackendEvaluator>(std::vector{reference});
  int64_t index = config.device.id;  // of the first backend; the others use their first device
  for (const std::string& name : PlacementOrder(impl.config, impl.registry)) {
    if (name == kReference && index == 0) {
      impl.placement.push_back(reference);
    } else {
      MS_ASSIGN_OR_RETURN(auto device, OpenDevice(impl.config, impl.registry, name, index));
      impl.placement.push_back(std::move(device));
    }
    index = 0;
  }
  std::vector<std::shared_ptr<backend::Device>> devices;
  std::copy_if(impl.placement.begin(), impl.placement.end(), std::back_inserter(devices),
               [](const auto& device) { return device->has_host_memory(); });
  devices.push_back(reference);
  impl.recipes = std::make_unique<plan::BackendEvaluator>(std::move(devices));
  // Those that the placement needs were errors above.
  for (const backend::PluginFailure& failure : impl.registry.failures()) {
    Log(LogLevel::kWarning, "a plugin cannot be used: " + std::string(failure.status.message()));
  }
  return engine;
}

Result<Engine> Engine::Open(const std::string& config_path,
                            const std::vector<std::string>& overrides) {
  std::vector<config::Override> parsed;
  for (const std::string& text : overrides) {
    MS_ASSIGN_OR_RETURN(config::Override override_, config::ParseOverride(text));
    parsed.push_back(std::move(override_));
  }
  MS_ASSIGN_OR_RETURN(Config config, config::LoadConfig(config_path, parsed));
  return Open(config);
}

Result<Model> Engine::Load(const std::string& path, const std::string& weights,
                           const std::string& signature) {
  Model model;
  model.impl_ = std::make_shared<Model::Impl>();
  model.impl_->engine = impl_;
  const formats::OpenOptions options{
      impl_->config.weights.verify_checksums,
      {[](uint32_t n, const std::function<void(uint32_t)>& body) { backend::ParallelFor(n, body); },
       backend::AllocateShared},
      signature};
  MS_ASSIGN_OR_RETURN(model.impl_->source, formats::OpenModel(path, options));
  if (!weights.empty()) {
    MS_ASSIGN_OR_RETURN(model.impl_->initial, formats::OpenWeights(*model.impl_->source, weights));
  }
  model.impl_->MakeStore();
  return model;
}

const Config& Engine::config() const { return impl_->config; }

std::vector<PluginReport> Engine::InspectPlugins(const Config& config) {
  backend::Registry registry = backend::LoadPlugins(WithReference(config), backend::ProcessHost());
  std::vector<PluginReport> reports;
  for (const backend::LoadedPlugin& plugin : registry.plugins()) {
    reports.push_back(Report(plugin, config));
  }
  for (const backend::PluginFailure& failure : registry.failures()) {
    PluginReport report;
    report.name = failure.plugin;
    report.status = failure.status;
    reports.push_back(std::move(report));
  }
  return reports;
}

EngineStats Engine::stats() {
  backend::MemoryStats memory = backend::ProcessMemoryStats();
  return {plan::CompileCount(), memory.system_allocations, memory.live_bytes};
}

}  // namespace midstream

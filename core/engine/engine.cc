// Engine: plugins, devices and options from a configuration.

#include <algorithm>
#include <iterator>

#include "core/backend/host.h"
#include "core/backend/probe_cache.h"
#include "core/base/log.h"
#include "core/engine/impl.h"
#include "core/formats/weight_file.h"
#include "core/models/open_model.h"
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
std::vector<config::BackendName> PlacementOrder(const Config& config,
                                                const backend::Registry& registry) {
  std::vector<std::string> order = config.placement.order;
  if (order.empty()) {
    std::string first = config.backend;
    if (first == "auto") {
      first =
          registry.plugins().empty() ? std::string(kReference) : registry.plugins().front().name;
    }
    order = {first};
    if (first != kReference) order.emplace_back(kReference);
  }
  std::vector<config::BackendName> names;
  for (const std::string& name : order) names.push_back(config::ParseBackendName(name));
  // device.id is of the first backend; the others use their first device.
  if (names.front().index < 0) names.front().index = config.device.id;
  for (config::BackendName& name : names) name.index = std::max<int64_t>(name.index, 0);
  return names;
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
                                                    const config::BackendName& name) {
  const backend::LoadedPlugin* plugin = registry.Find(name.plugin);
  if (plugin == nullptr) return registry.WhyMissing(name.plugin);
  backend::DeviceOptions options;
  options.index = static_cast<uint32_t>(name.index);
  options.timeout_ns = static_cast<uint64_t>(config.device.timeout_ms) * 1'000'000;
  options.values = OptionsFor(config, *plugin);
  return backend::Device::Open(plugin->plugin, options);
}

// Whether the configuration is to blame, and not the machine that it is used on.
bool IsMistake(const Status& status) {
  return status.code() == Code::kNotFound || status.code() == Code::kInvalidArgument ||
         status.code() == Code::kOutOfRange;
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
  if (*count == 0) {  // opening one tells why
    report.status = backend::Device::Open(loaded.plugin, options).status();
    return report;
  }
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
  options.placement = {ToPlan(config.placement.fallback), rules, missing};
  options.deterministic = config.execution.deterministic;
  options.threads = static_cast<uint32_t>(config.execution.threads);
  return options;
}

Status Engine::Impl::OpenPlacement(const std::shared_ptr<backend::Device>& reference) {
  for (const config::BackendName& name : PlacementOrder(config, registry)) {
    if (name.plugin == kReference && name.index == 0) {
      placement.push_back(reference);
      continue;
    }
    auto device = OpenDevice(config, registry, name);
    if (device.ok()) {
      placement.push_back(*std::move(device));
      continue;
    }
    const Status& why = device.status();
    if (config.placement.fallback == config::Fallback::kError || IsMistake(why)) return why;
    missing.push_back({name.plugin + (name.index > 0 ? ":" + std::to_string(name.index) : ""),
                       std::string(why.message())});
    if (config.placement.fallback != config::Fallback::kWarn) continue;
    Log(LogLevel::kWarning,
        "the placement goes on without '" + missing.back().backend + "': " + missing.back().reason);
  }
  if (!placement.empty()) return OkStatus();
  return {Code::kUnavailable, "no backend of the placement order can be used; '" +
                                  missing.front().backend + "': " + missing.front().reason};
}

namespace {

// A misspelt [backends.NAME] would change nothing and say nothing.
void WarnOfUnusedOptions(const Config& config, const backend::Registry& registry) {
  for (const auto& [name, options] : config.backends) {
    const auto& plugins = registry.plugins();
    const auto& failures = registry.failures();
    if (std::any_of(plugins.begin(), plugins.end(),
                    [&](const auto& plugin) { return plugin.name == name; }) ||
        std::any_of(failures.begin(), failures.end(),
                    [&](const auto& failure) { return failure.plugin == name; }) ||
        std::count(config.compare.arms.begin(), config.compare.arms.end(), name) != 0) {
      continue;
    }
    Log(LogLevel::kWarning, "backends." + name +
                                " has no effect: no plugin of that name is in plugins.list, "
                                "placement.order or backend");
  }
}

}  // namespace

Result<Engine> Engine::Open(const Config& config) {
  Engine engine;
  engine.impl_ = std::make_shared<Impl>();
  Impl& impl = *engine.impl_;
  impl.config = config;
  impl.registry = backend::LoadPlugins(WithReference(config), backend::ProcessHost());
  WarnOfUnusedOptions(config, impl.registry);
  MS_ASSIGN_OR_RETURN(auto reference,
                      OpenDevice(impl.config, impl.registry, {std::string(kReference), 0}));
  impl.folding = std::make_unique<plan::BackendEvaluator>(std::vector{reference});
  MS_RETURN_IF_ERROR(impl.OpenPlacement(reference));
  MS_ASSIGN_OR_RETURN(impl.rules, MakePlacementRules(impl.config, impl.placement, impl.missing));
  std::vector<std::shared_ptr<backend::Device>> devices;
  std::copy_if(impl.placement.begin(), impl.placement.end(), std::back_inserter(devices),
               [](const auto& device) { return device->has_host_memory(); });
  devices.push_back(reference);
  impl.recipes = std::make_unique<plan::BackendEvaluator>(std::move(devices));
  // Those that the placement needs were told above.
  for (const backend::PluginFailure& failure : impl.registry.failures()) {
    const bool told = std::any_of(
        impl.missing.begin(), impl.missing.end(), [&](const PlacementReport::Missing& missing) {
          return config::ParseBackendName(missing.backend).plugin == failure.plugin;
        });
    if (told) continue;
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
  MS_ASSIGN_OR_RETURN(
      model.impl_->source,
      models::OpenModel(path, options, {.vision_heads = impl_->config.policy.vision_heads}));
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

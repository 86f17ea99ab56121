// midstream backends: the plugins that a configuration lists, what they offer, and why one cannot
// be used.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/cli/backends_docs.h"
#include "core/cli/command.h"
#include "core/cli/table.h"

namespace midstream::cli {
namespace {

struct Args {
  ConfigArgs config;
  bool operators = false;
  bool json = false;
};

Json ToJson(const PluginReport& plugin) {
  Json devices = Json::array();
  for (const PluginReport::Device& device : plugin.devices) {
    devices.push_back(
        {{"name", device.name}, {"isa", device.isa}, {"memory_bytes", device.memory_bytes}});
  }
  Json json = {{"name", plugin.name}, {"ok", plugin.status.ok()}};
  if (!plugin.status.ok()) {
    json["code"] = CodeName(plugin.status.code());
    json["error"] = plugin.status.message();
  }
  json.update({{"path", plugin.path},
               {"version", plugin.version},
               {"abi", plugin.abi},
               {"devices", devices},
               {"operators", plugin.operators}});
  return json;
}

std::string ToText(const std::vector<PluginReport>& plugins, bool operators) {
  Table table("lllllr");
  table.Add({"PLUGIN", "VERSION", "ABI", "DEVICE", "ISA", "OPERATORS"});
  std::string details;
  for (const PluginReport& plugin : plugins) {
    if (!plugin.status.ok()) {
      table.Add({plugin.name, plugin.version, plugin.abi, "cannot be used: see below"});
      details += fmt::format("{}: {}\n", plugin.name, plugin.status.message());
      continue;
    }
    std::string count = std::to_string(plugin.operators.size());
    if (plugin.devices.empty()) {
      table.Add({plugin.name, plugin.version, plugin.abi, "none", "", count});
    }
    for (const PluginReport::Device& device : plugin.devices) {
      table.Add({plugin.name, plugin.version, plugin.abi, device.name, device.isa, count});
    }
    if (operators) {
      details +=
          fmt::format("{} ({}): {}\n", plugin.name, plugin.path, fmt::join(plugin.operators, " "));
    }
  }
  return table.ToString(0) + (details.empty() ? "" : "\n" + details);
}

Outcome ListBackends(const Args& args) {
  const Result<Config> config = args.config.Load();
  if (!config.ok()) return {Exit::kConfig, config.status()};
  const std::vector<PluginReport> plugins = Engine::InspectPlugins(*config);
  if (args.json) {
    Json json = Json::array();
    for (const PluginReport& plugin : plugins) json.push_back(ToJson(plugin));
    PrintJson({{"plugins", json}});
  } else {
    PrintText(ToText(plugins, args.operators));
  }
  std::vector<std::string> broken;
  for (const PluginReport& plugin : plugins) {
    if (!plugin.status.ok()) broken.push_back(plugin.name);
  }
  if (broken.empty()) return {};
  return {Exit::kBackend, fmt::format("{} of {} plugins cannot be used: {}", broken.size(),
                                      plugins.size(), fmt::join(broken, ", "))};
}

Outcome PrintDocs(const Args& args) {
  const Result<Config> config = args.config.Load();
  if (!config.ok()) return {Exit::kConfig, config.status()};
  const std::vector<BackendClaims> backends = ClaimsOf(*config);
  for (const BackendClaims& backend : backends) {
    if (backend.status.ok()) continue;
    return {Exit::kBackend, backend.status.WithContext(backend.name)};
  }
  PrintText(BackendsMarkdown(backends));
  return {};
}

}  // namespace

void AddBackends(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      app, "backends", "List the backend plugins, their devices, and why one cannot be used",
      "  midstream backends --operators\n"
      "  midstream backends --set plugins.list='[\"/opt/npu/npu.so\"]'\n",
      &args->json);
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  command->add_flag("--operators", args->operators, "Also list the operators of each plugin");
  CLI::App* docs = command->add_subcommand(
      "docs", "Print which operators each plugin takes in which dtypes, as markdown");
  args->config.AddFile(*docs);
  args->config.AddOverrides(*docs);
  docs->footer("Example:\n  midstream backends docs --config configs/opencl.toml\n\n" +
               std::string(kExitCodesHelp));
  command->callback([=] {
    const bool wants_docs = !command->get_subcommands().empty();
    *action = [=] { return wants_docs ? PrintDocs(*args) : ListBackends(*args); };
  });
}

}  // namespace midstream::cli

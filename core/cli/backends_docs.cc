#include "core/cli/backends_docs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/backend/handles.h"
#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/plan/operator_forms.h"

namespace midstream::cli {
namespace {

// Dtypes that are taken together have one name.
struct DTypeGroup {
  std::string_view name;
  std::vector<DType> dtypes;
};

const std::vector<DTypeGroup>& Groups() {
  static const std::vector<DTypeGroup> kGroups = {
      {"floats", {DType::kF32, DType::kF64, DType::kF16, DType::kBF16}},
      {"ints", {DType::kI8, DType::kI16, DType::kI32, DType::kI64}},
      {"uints", {DType::kU8, DType::kU16, DType::kU32, DType::kU64}},
      {"bool", {DType::kBool}}};
  return kGroups;
}

// "f32" of "float32", "u8" of "uint8", "bf16".
std::string Short(DType dtype) {
  std::string name(DTypeName(dtype));
  const size_t digit = name.find_first_of("0123456789");
  if (digit == std::string::npos) return name;
  return (name.starts_with("bf") ? "bf" : name.substr(0, 1)) + name.substr(digit);
}

Status AskDevice(const backend::LoadedPlugin& plugin, const Config& config, BackendClaims* claims) {
  backend::DeviceOptions options;
  if (auto it = config.backends.find(plugin.name); it != config.backends.end()) {
    options.values.assign(it->second.begin(), it->second.end());
  }
  MS_ASSIGN_OR_RETURN(const auto device, backend::Device::Open(plugin.plugin, options));
  claims->operators = plan::ClaimedDTypes(*device);
  return OkStatus();
}

constexpr std::string_view kIntroduction =
    "# Operators of the backends\n"
    "\n"
    "Which backend takes which operator, by the dtype of its data. An empty cell: none, the node "
    "goes to the next\n"
    "backend of the placement. What the operators mean, and in which dtypes they exist: "
    "[operators.md](operators.md).\n"
    "A backend may still refuse a single node for its attributes or shapes; `midstream inspect "
    "--placement` shows\n"
    "where each node of a model runs and why. This page is written by `midstream backends docs`, "
    "for any plugins:\n"
    "\n";

}  // namespace

std::vector<BackendClaims> ClaimsOf(const Config& config) {
  const backend::Registry registry = backend::LoadPlugins(config, backend::ProcessHost());
  std::vector<BackendClaims> backends;
  for (const backend::LoadedPlugin& plugin : registry.plugins()) {
    BackendClaims& claims = backends.emplace_back();
    claims.name = plugin.name;
    claims.status = AskDevice(plugin, config, &claims);
  }
  for (const backend::PluginFailure& failure : registry.failures()) {
    backends.push_back({failure.plugin, failure.status, {}});
  }
  return backends;
}

std::string DTypesCell(const std::vector<DType>& dtypes) {
  const auto taken = [&](DType dtype) {
    return std::find(dtypes.begin(), dtypes.end(), dtype) != dtypes.end();
  };
  std::string cell;
  const auto add = [&](std::string_view word) {
    cell += (cell.empty() ? "" : " ") + std::string(word);
  };
  for (const DTypeGroup& group : Groups()) {
    if (std::all_of(group.dtypes.begin(), group.dtypes.end(), taken)) {
      add(group.name);
      continue;
    }
    for (const DType dtype : group.dtypes) {
      if (taken(dtype)) add(Short(dtype));
    }
  }
  return cell;
}

std::string BackendsMarkdown(const std::vector<BackendClaims>& backends) {
  std::string text(kIntroduction), head = "| Operator |", line = "|---|", counts;
  std::map<std::string, std::string> rows;  // by operator
  std::string list;
  for (const BackendClaims& backend : backends) {
    if (!backend.status.ok()) continue;
    list += (list.empty() ? "\"" : ", \"") + backend.name + "\"";
    head += " " + backend.name + " |";
    line += "---|";
    size_t taken = 0;
    for (const plan::OperatorDTypes& one : backend.operators) {
      const std::string cell = DTypesCell(one.dtypes);
      taken += !cell.empty();
      rows[one.name] += cell.empty() ? " |" : " " + cell + " |";
    }
    counts +=
        fmt::format("- `{}`: {} of {} operators\n", backend.name, taken, backend.operators.size());
  }
  text += fmt::format("    midstream backends docs --set 'plugins.list=[{}]'\n\n", list);
  text +=
      "What a device does not have, its backend does not take: float64 and float16 are optional in "
      "OpenCL.\n\n";
  text += counts + "\n";
  for (const DTypeGroup& group : Groups()) {
    if (group.dtypes.size() == 1) continue;
    std::string names;
    for (const DType dtype : group.dtypes) {
      names += (names.empty() ? "" : ", ") + fmt::format("{} ({})", DTypeName(dtype), Short(dtype));
    }
    text += fmt::format("- *{}*: {}\n", group.name, names);
  }
  text += "\n" + head + "\n" + line + "\n";
  for (const auto& [name, cells] : rows) text += fmt::format("| {} |{}\n", name, cells);
  return text;
}

}  // namespace midstream::cli

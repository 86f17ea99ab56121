#include "core/cli/compare_arms.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/config/keys.h"

namespace midstream::cli {
namespace {

namespace fs = std::filesystem;

bool IsFile(const std::string& arm) { return arm.ends_with(".toml"); }

// A path of the configuration is seen from the file that holds it.
std::string SeenFrom(const std::string& file, const std::string& path) {
  if (path.empty() || fs::path(path).is_absolute()) return path;
  return (fs::path(file).parent_path() / path).string();
}

// The order of the file, the arm before all others; none where the file has none.
std::string OrderFrom(const std::string& arm, const std::vector<std::string>& order) {
  if (order.empty()) return "[]";
  std::string text = config::Quoted(arm);
  for (const std::string& backend : order) {
    if (backend != arm) text += ", " + config::Quoted(backend);
  }
  return "[" + text + "]";
}

Result<Config> LoadArm(const CompareArmsArgs& args, const Config& base, const std::string& arm) {
  MS_ASSIGN_OR_RETURN(std::vector<config::Override> overrides, args.config.Overrides());
  if (IsFile(arm)) return config::LoadConfig(arm, overrides);
  overrides.push_back({"backend", arm});
  overrides.push_back({"placement.order", OrderFrom(arm, base.placement.order)});
  return config::LoadConfig(args.config.file, overrides);
}

}  // namespace

Outcome FindArms(const CompareArmsArgs& args, CompareArms* found) {
  const Result<Config> base = args.config.Load();
  if (!base.ok()) return {Exit::kConfig, base.status()};
  const std::string& file = args.config.file;
  found->model = SeenFrom(file, base->compare.model);

  std::vector<std::string> names = args.arms;
  if (names.empty()) {
    for (const std::string& arm : base->compare.arms) {
      names.push_back(IsFile(arm) ? SeenFrom(file, arm) : arm);
    }
  }
  if (names.size() < 2) {
    return {Exit::kUsage, fmt::format("two or more arms are needed, there {}: name them on the "
                                      "command line or in compare.arms of the configuration",
                                      names.empty() ? "is none" : "is one")};
  }
  for (const std::string& name : names) {
    CompareArm arm;
    arm.typed = !args.arms.empty();
    arm.spec.from = name;
    arm.spec.name = IsFile(name) ? fs::path(name).stem().string() : name;
    const bool taken = std::any_of(found->arms.begin(), found->arms.end(), [&](const auto& other) {
      return other.spec.name == arm.spec.name;
    });
    if (taken && IsFile(name)) arm.spec.name = name;
    for (const CompareArm& other : found->arms) {
      if (other.spec.name != arm.spec.name) continue;
      return {Exit::kUsage, fmt::format("the arm '{}' is given twice", name)};
    }
    Result<Config> config = LoadArm(args, *base, name);
    if (!config.ok()) {
      return {Exit::kConfig, config.status().WithContext(fmt::format("arm '{}'", name))};
    }
    arm.spec.config = *std::move(config);
    found->arms.push_back(std::move(arm));
  }

  const std::string& wanted = args.baseline.empty() ? base->compare.baseline : args.baseline;
  if (wanted.empty()) return {};
  for (size_t i = 0; i < found->arms.size(); ++i) {
    const compare::ArmSpec& spec = found->arms[i].spec;
    if (spec.name != wanted && spec.from != wanted) continue;
    found->baseline = i;
    return {};
  }
  std::string known;
  for (const CompareArm& arm : found->arms) known += (known.empty() ? "" : ", ") + arm.spec.name;
  return {Exit::kUsage, fmt::format("the baseline '{}' is no arm: the arms are {}", wanted, known)};
}

}  // namespace midstream::cli

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

Result<Config> LoadArm(const CompareArmsArgs& args, const std::string& arm) {
  MS_ASSIGN_OR_RETURN(std::vector<config::Override> overrides, args.config.Overrides());
  if (IsFile(arm)) return config::LoadConfig(arm, overrides);
  overrides.push_back({"backend", arm});
  return config::LoadConfig(args.config.file, overrides);
}

// The same file under another path is the same arm.
bool IsSame(const std::string& a, const std::string& b) {
  if (a == b) return true;
  std::error_code error;
  return IsFile(a) && IsFile(b) && fs::equivalent(a, b, error);
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
    if (name.find('/') != std::string::npos && !IsFile(name)) {
      return {Exit::kUsage, fmt::format("the arm '{}' is neither the name of a backend nor a "
                                        "configuration file (*.toml)",
                                        name)};
    }
    CompareArm arm;
    arm.typed = !args.arms.empty();
    arm.spec.from = name;
    arm.spec.name = IsFile(name) ? fs::path(name).stem().string() : name;
    const bool taken = std::any_of(found->arms.begin(), found->arms.end(), [&](const auto& other) {
      return other.spec.name == arm.spec.name;
    });
    if (taken && IsFile(name)) arm.spec.name = name;
    for (const CompareArm& other : found->arms) {
      if (other.spec.name != arm.spec.name && !IsSame(other.spec.from, name)) continue;
      return {Exit::kUsage, fmt::format("the arm '{}' is given twice", name)};
    }
    Result<Config> config = LoadArm(args, name);
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

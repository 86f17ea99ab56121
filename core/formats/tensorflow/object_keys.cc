#include "core/formats/tensorflow/object_keys.h"

#include <string>
#include <vector>

namespace midstream::tensorflow {
namespace {

constexpr std::string_view kVariableValue = "/.ATTRIBUTES/VARIABLE_VALUE";

bool IsPath(std::string_view key) { return key.ends_with(kVariableValue); }

bool IsNeeded(const Variables& variables, size_t i) {
  return variables.infos[i].use == formats::WeightUse::kOutputs &&
         !variables.plans[0].sources[i].key.empty();
}

bool HasAll(const Checkpoint& checkpoint, const Variables& variables, const RestorePlan& plan) {
  for (size_t i = 0; i < plan.sources.size(); ++i) {
    if (IsNeeded(variables, i) && checkpoint.Find(plan.sources[i].key) == nullptr) return false;
  }
  return true;
}

// The first plan with `add` before its paths and `drop` taken off them.
RestorePlan Moved(const RestorePlan& plan, std::string_view add, std::string_view drop) {
  RestorePlan moved = plan;
  for (RestoreSource& source : moved.sources) {
    std::string_view key = source.key;
    if (!IsPath(key)) continue;
    if (key.starts_with(drop)) key.remove_prefix(drop.size());
    source.key = std::string(add) + std::string(key);
  }
  return moved;
}

RestorePlan ByName(const Variables& variables) {
  RestorePlan plan = variables.plans[0];
  for (size_t i = 0; i < plan.sources.size(); ++i) {
    if (!plan.sources[i].key.empty()) plan.sources[i] = {variables.infos[i].name, ""};
  }
  return plan;
}

}  // namespace

std::optional<RestorePlan> FindObjectPlan(const Checkpoint& checkpoint,
                                          const Variables& variables) {
  const RestorePlan& own = variables.plans[0];
  std::string_view path;  // of some weight
  for (size_t i = 0; i < own.sources.size() && path.empty(); ++i) {
    if (IsNeeded(variables, i) && IsPath(own.sources[i].key)) path = own.sources[i].key;
  }
  if (path.empty()) return std::nullopt;
  std::vector<RestorePlan> found;
  auto consider = [&](RestorePlan plan) {
    if (HasAll(checkpoint, variables, plan)) found.push_back(std::move(plan));
  };
  const std::string end = "/" + std::string(path);
  for (std::string_view key : checkpoint.keys()) {
    if (key.ends_with(end)) consider(Moved(own, key.substr(0, key.size() - path.size()), ""));
  }
  for (size_t at = path.find('/'); at < path.size() - kVariableValue.size();
       at = path.find('/', at + 1)) {
    consider(Moved(own, "", path.substr(0, at + 1)));
  }
  consider(ByName(variables));
  if (found.size() != 1) return std::nullopt;
  return found[0];
}

}  // namespace midstream::tensorflow

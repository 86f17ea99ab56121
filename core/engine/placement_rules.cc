#include "core/engine/placement_rules.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/config/keys.h"
#include "core/config/nearest.h"
#include "core/graph/op_schema.h"

namespace midstream {
namespace {

// One key of the configuration with what is wrong with it.
std::string Line(const Config& config, const std::string& key, const std::string& message) {
  return config.origin(key).ToString() + ": " + key + ": " + message;
}

std::string DidYouMean(std::string_view wrong, const std::vector<std::string_view>& names) {
  const std::string_view nearest = config::Nearest(wrong, names);
  return nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?";
}

// Empty: somebody knows the type.
std::string UnknownOperator(std::string_view op) {
  std::vector<std::string> known;
  for (const OpSchema& schema : AllSchemas()) {
    known.push_back((schema.domain.empty() ? "" : std::string(schema.domain) + ".") +
                    std::string(schema.name));
    if (op == known.back() || op == schema.name) return "";
  }
  return "no such type of operator" +
         DidYouMean(op, std::vector<std::string_view>(known.begin(), known.end()));
}

class RuleMaker {
 public:
  RuleMaker(const Config& config, const std::vector<std::shared_ptr<backend::Device>>& devices,
            const std::vector<PlacementReport::Missing>& missing)
      : config_(config), devices_(devices), missing_(missing) {}

  void Add(plan::PlacementRule::By by, const std::string& pattern, const std::string& backend) {
    if (backend.empty()) return;
    const std::string key =
        std::string(by == plan::PlacementRule::By::kNode ? "placement.node." : "placement.op.") +
        config::QuotedKey(pattern);
    if (by == plan::PlacementRule::By::kOperator) {
      if (std::string problem = UnknownOperator(pattern); !problem.empty()) {
        problems_ += "\n" + Line(config_, key + ".backend", problem);
        return;
      }
    }
    const std::string label = Label(backend);
    for (size_t device = 0; device < devices_.size(); ++device) {
      if (devices_[device]->label() != label) continue;
      rules_.push_back({key, by, pattern, device});
      return;
    }
    const bool gone = std::any_of(missing_.begin(), missing_.end(),
                                  [&](const auto& absent) { return absent.backend == label; });
    if (gone) return;
    std::string order;
    for (const auto& device : devices_) order += (order.empty() ? "" : ", ") + device->label();
    problems_ += "\n" + Line(config_, key + ".backend",
                             "expected a backend of the placement order (" + order + "), found \"" +
                                 backend + "\"");
  }

  Result<std::vector<plan::PlacementRule>> Take() {
    if (!problems_.empty()) return InvalidArgument(problems_.substr(1));
    std::stable_sort(rules_.begin(), rules_.end(), [](const auto& a, const auto& b) {
      if (a.by != b.by) return a.by == plan::PlacementRule::By::kNode;
      return a.pattern.size() > b.pattern.size();
    });
    return std::move(rules_);
  }

 private:
  // Of the device of that name: "opencl:0" is "opencl"; without an index it is the one of the order.
  std::string Label(const std::string& text) const {
    const config::BackendName name = config::ParseBackendName(text);
    if (name.index > 0) return name.plugin + ":" + std::to_string(name.index);
    if (name.index == 0) return name.plugin;
    for (const auto& device : devices_) {
      if (device->plugin_name() == name.plugin) return device->label();
    }
    return name.plugin;
  }

  const Config& config_;
  const std::vector<std::shared_ptr<backend::Device>>& devices_;
  const std::vector<PlacementReport::Missing>& missing_;
  std::vector<plan::PlacementRule> rules_;
  std::string problems_;
};

}  // namespace

Result<std::vector<plan::PlacementRule>> MakePlacementRules(
    const Config& config, const std::vector<std::shared_ptr<backend::Device>>& devices,
    const std::vector<PlacementReport::Missing>& missing) {
  RuleMaker maker(config, devices, missing);
  for (const auto& [pattern, rule] : config.placement.node) {
    maker.Add(plan::PlacementRule::By::kNode, pattern, rule.backend);
  }
  for (const auto& [op, rule] : config.placement.op) {
    maker.Add(plan::PlacementRule::By::kOperator, op, rule.backend);
  }
  return maker.Take();
}

Status CheckPlacementPatterns(const Config& config, const Graph& graph) {
  std::string problems;
  std::vector<std::string_view> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  for (const auto& [pattern, rule] : config.placement.node) {
    const bool fits = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return plan::MatchesPattern(pattern, name);
    });
    if (fits) continue;
    problems += "\n" + Line(config, "placement.node." + config::QuotedKey(pattern) + ".backend",
                            "the graph has no such node" + DidYouMean(pattern, names));
  }
  return problems.empty() ? OkStatus() : InvalidArgument(problems.substr(1));
}

void WarnOfIdlePatterns(const Config& config, const PlacementReport& report) {
  for (const auto& [pattern, rule] : config.placement.node) {
    const bool fits = std::any_of(report.nodes.begin(), report.nodes.end(),
                                  [&](const PlacementReport::Node& node) {
                                    return plan::MatchesPattern(pattern, node.name);
                                  });
    if (fits || rule.backend.empty()) continue;
    Log(LogLevel::kWarning,
        Line(config, "placement.node." + config::QuotedKey(pattern) + ".backend",
             "fits no node of the optimised graph (midstream inspect --placement shows it)"));
  }
}

}  // namespace midstream

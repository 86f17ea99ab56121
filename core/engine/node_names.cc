#include "core/engine/node_names.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/keys.h"
#include "core/config/nearest.h"

namespace midstream {
namespace {

// Wrong names for which a nearest is looked for: the search is long in a large graph.
constexpr size_t kMaxSuggestions = 10;

std::string Place(const Config& config, const std::string& key) {
  for (const char* last : {".dtype", ".output_dtype", ".impl"}) {
    const config::Origin& origin = config.origin(key + last);
    if (origin.source != config::Origin::Source::kDefault) return origin.ToString();
  }
  return "default";
}

}  // namespace

Status CheckNodeNames(const Config& config, const Graph& graph) {
  if (config.precision.node.empty() && config.precision.keep.empty()) return OkStatus();
  std::set<std::string_view> known;
  for (const Node& node : graph.nodes()) {
    std::string_view scope = node.name;
    // A scope that is known has all of its own scopes known.
    while (!scope.empty() && known.insert(scope).second) {
      const size_t slash = scope.rfind('/');
      scope = slash == std::string_view::npos ? "" : scope.substr(0, slash);
    }
  }
  const std::vector<std::string_view> names(known.begin(), known.end());
  std::string problems;
  size_t count = 0;
  auto check = [&](const std::string& name, const std::string& place, const std::string& key) {
    if (known.contains(name)) return;
    const std::string_view nearest =
        count++ < kMaxSuggestions ? config::Nearest(name, names) : std::string_view();
    problems += (problems.empty() ? "" : "\n") + place + ": " + key +
                ": the graph has no such node" +
                (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?");
  };
  for (const auto& [name, entry] : config.precision.node) {
    const std::string key = "precision.node." + config::QuotedKey(name);
    check(name, Place(config, key), key);
  }
  for (const std::string& name : config.precision.keep) {
    check(name, config.origin("precision.keep").ToString(),
          "precision.keep " + config::QuotedKey(name));
  }
  return problems.empty() ? OkStatus() : InvalidArgument(problems);
}

}  // namespace midstream

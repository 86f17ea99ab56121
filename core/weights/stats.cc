#include "core/weights/stats.h"

#include <nlohmann/json.hpp>

namespace midstream {

std::string ModelStats::ToJson() const {
  auto rows = nlohmann::ordered_json::array();
  for (const VersionStats& row : versions) {
    rows.push_back(
        {{"version", row.version}, {"pins", row.pins}, {"bytes", row.bytes}, {"kept", row.kept}});
  }
  const nlohmann::ordered_json json = {{"version", version},
                                       {"age_ns", age_ns},
                                       {"newest_version", newest_version},
                                       {"lag", lag},
                                       {"staged", staged},
                                       {"commits", commits},
                                       {"rollbacks", rollbacks},
                                       {"rejected", rejected},
                                       {"versions", rows},
                                       {"bytes", bytes},
                                       {"peak_bytes", peak_bytes},
                                       {"limit_bytes", limit_bytes}};
  return json.dump();
}

}  // namespace midstream

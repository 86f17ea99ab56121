// What can be told about the weights of a model at one moment.
#ifndef MIDSTREAM_CORE_WEIGHTS_STATS_H_
#define MIDSTREAM_CORE_WEIGHTS_STATS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/export.h"

namespace midstream {

struct VersionStats {
  uint64_t version = 0;
  uint64_t pins = 0;   // requests and guards that hold it
  uint64_t bytes = 0;  // of all its weights, also those that it shares with other versions
  bool kept = false;   // Rollback can make it current
};

struct MS_API ModelStats {
  uint64_t version = 0;         // the current one
  uint64_t age_ns = 0;          // since it became current
  uint64_t newest_version = 0;  // the newest that was ever committed
  uint64_t lag = 0;      // versions that are newer than the current one: staged, or rolled back
  uint64_t staged = 0;   // updates that are staged and not committed
  uint64_t commits = 0;  // without rollbacks
  uint64_t rollbacks = 0;
  std::map<std::string, uint64_t> rejected;  // updates that were refused, by reason
  std::vector<VersionStats> versions;        // all that are in memory, in their order
  uint64_t bytes = 0;                        // held by all of them together
  uint64_t peak_bytes = 0;                   // the most that they ever held
  uint64_t limit_bytes = 0;                  // weights.memory_limit_percent, now; 0: no limit

  // One object, with the names above.
  std::string ToJson() const;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_WEIGHTS_STATS_H_

// What several keys together get wrong, once each of them is right by itself.
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_CONFLICTS_H_
#define MIDSTREAM_CORE_CONFIG_CONFLICTS_H_

#include <vector>

#include "core/config/config.h"

namespace midstream::config {

// Appends a problem for each conflict, at one of its keys and naming the place of the other.
void FindConflicts(const Config& config, std::vector<Problem>& problems);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_CONFLICTS_H_

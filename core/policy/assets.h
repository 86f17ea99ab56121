// Assets: the norm_stats.json that lies beside a checkpoint's weights.
#ifndef MIDSTREAM_CORE_POLICY_ASSETS_H_
#define MIDSTREAM_CORE_POLICY_ASSETS_H_

#include <string>

#include "core/base/status.h"

namespace midstream::policy {

// The path of assets/ASSET_ID/norm_stats.json; with an empty asset_id, that of the only one there is.
// checkpoint: a file or folder of weights; assets/ lies in it, or above its params/. Errors:
// NOT_FOUND listing the ids that there are; INVALID_ARGUMENT when several are there and none is named.
Result<std::string> FindNormStats(const std::string& checkpoint, const std::string& asset_id);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_ASSETS_H_

// Opens what surrounds a model: the statistics beside the checkpoint and the tokenizers that the
// configuration names.
#ifndef MIDSTREAM_CORE_POLICY_OPEN_PIPELINE_H_
#define MIDSTREAM_CORE_POLICY_OPEN_PIPELINE_H_

#include <string>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/pipeline.h"
#include "core/policy/settings.h"

namespace midstream::policy {

// Errors: INVALID_ARGUMENT naming a key of the configuration that has to be set for a pipeline.
Status NeedPipeline(const Settings& settings, const Config& config);

// Requires: NeedPipeline is OK. Paths of the configuration's file are seen from it. Errors: those of
// reading, naming the file; INVALID_ARGUMENT when the parts do not fit together.
Result<Pipeline> OpenPipeline(const Settings& settings, const Config& config,
                              const std::string& checkpoint, const openpi::Sizes& sizes);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_OPEN_PIPELINE_H_

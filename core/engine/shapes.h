// The configuration's [inputs] and [shapes], applied to a graph that an importer made.
#ifndef MIDSTREAM_CORE_ENGINE_SHAPES_H_
#define MIDSTREAM_CORE_ENGINE_SHAPES_H_

#include "core/config/config.h"
#include "core/formats/model_source.h"
#include "core/plan/shape_policy.h"

namespace midstream {

// Narrows the shapes of the graph's inputs to what the configuration says of them. An input of the
// model that the graph does not have is passed over. Errors: INVALID_ARGUMENT naming the key, where
// it stands, and the input.
Result<plan::ShapePolicy> ApplyShapes(const Config& config, const formats::ModelSource& source,
                                      formats::BuiltGraph& built);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_SHAPES_H_

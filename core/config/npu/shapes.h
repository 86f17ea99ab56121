// The texts in which the NPU's options describe shapes.
// Threads: any. Errors: INVALID_ARGUMENT, saying what was expected.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_SHAPES_H_
#define MIDSTREAM_CORE_CONFIG_NPU_SHAPES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::config {

using NpuShapes = std::map<std::string, std::vector<int64_t>>;
using NpuTable = std::vector<std::vector<int64_t>>;

// "data:1,1,40,-1;label:1,-1"; a scalar is "name:0" and gets an empty shape.
Result<NpuShapes> ParseInputShape(std::string_view text);

// "20,20;40,40": one row per profile, with one size for each -1 of the shapes, in the alphabetical
// order of their names. The result has the rows of each input that varies.
Result<std::map<std::string, NpuTable>> ParseDynamicDims(std::string_view text,
                                                         const NpuShapes& shapes);

// "tokens:[128,3~5,-1];mask:[-1]": [least, most] of each dimension, -1 for no limit.
Result<std::map<std::string, NpuTable>> ParseShapeRanges(std::string_view text);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_SHAPES_H_

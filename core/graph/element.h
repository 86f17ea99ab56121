// One element of a tensor as a number, whatever its dtype: for comparisons and reports. Kernels have
// their own, faster ways.
#ifndef MIDSTREAM_CORE_GRAPH_ELEMENT_H_
#define MIDSTREAM_CORE_GRAPH_ELEMENT_H_

#include <cstdint>

#include "core/base/export.h"
#include "core/graph/tensor.h"

namespace midstream {

// Element `i`, row by row; bools are 0 and 1, integers past 2^53 are rounded, and a dtype without
// numbers gives NaN. The tensor may have any alignment. Requires: 0 <= i < tensor.count().
MS_API double ElementAsDouble(const Tensor& tensor, int64_t i);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_ELEMENT_H_

// Which dtypes the values of an update may come in.
#ifndef MIDSTREAM_CORE_GRAPH_CONVERSION_H_
#define MIDSTREAM_CORE_GRAPH_CONVERSION_H_

#include "core/graph/dtype.h"

namespace midstream {

// Whether values of `given` are converted for a weight of another dtype: among floating dtypes, from
// float64 only where that is accepted.
inline bool ConvertsTo(DType want, DType given, bool accept_float64) {
  return IsFloat(want) && IsFloat(given) && (given != DType::kF64 || accept_float64);
}

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_CONVERSION_H_

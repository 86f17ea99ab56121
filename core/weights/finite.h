// Search for values that no trained weight should have.
#ifndef MIDSTREAM_CORE_WEIGHTS_FINITE_H_
#define MIDSTREAM_CORE_WEIGHTS_FINITE_H_

#include <cstdint>
#include <optional>

#include "core/graph/tensor.h"

namespace midstream::weights {

// The first element that is NaN or infinite; none for dtypes that have no such values. On the
// process's pool. Threads: any.
std::optional<int64_t> FirstNotFinite(const Tensor& tensor);

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_FINITE_H_

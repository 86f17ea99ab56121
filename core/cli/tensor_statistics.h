// Figures about the values of a tensor, and about how two tensors differ. All is computed in double.
#ifndef MIDSTREAM_CORE_CLI_TENSOR_STATISTICS_H_
#define MIDSTREAM_CORE_CLI_TENSOR_STATISTICS_H_

#include <cstdint>

#include "core/graph/tensor.h"

namespace midstream::cli {

// Of the finite elements; NaN where there are none.
struct TensorStatistics {
  double min = 0;
  double max = 0;
  double mean = 0;
  double standard_deviation = 0;  // of the elements, not an estimate for a larger population
  int64_t nonfinite = 0;
};
TensorStatistics StatisticsOf(const Tensor& tensor);

// Elements differ when their bits do.
struct TensorDifference {
  int64_t elements = 0;
  double largest_absolute = 0;  // infinity where one of two different elements is not finite
  double largest_relative = 0;  // to the larger of the two magnitudes
};
// Requires: equal dtypes and shapes.
TensorDifference DifferenceOf(const Tensor& a, const Tensor& b);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_TENSOR_STATISTICS_H_

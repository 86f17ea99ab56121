// Scalars that decide what is computed: predicates of conditionals, rates of dropout.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SCALAR_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SCALAR_H_

#include <optional>
#include <span>
#include <string_view>

#include "core/graph/tensor.h"

namespace midstream::tensorflow {

// The value of a tensor with one element of any numeric type; booleans are 0 and 1.
std::optional<double> ScalarValue(const Tensor& tensor);

// Comparisons and logic, as predicates are made of.
bool IsPredicateOperator(std::string_view op);
// nullopt for a wrong number of operands. Requires: IsPredicateOperator(op).
std::optional<double> ComputePredicate(std::string_view op, std::span<const double> operands);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SCALAR_H_

// Shapes with named dimensions, as a Python model declares its inputs and outputs: "batch,4".
//
// A dimension is a number or a name; "" is a scalar. Equal names are equal sizes, in all tensors of
// one declaration. Text comes from files, so it is read strictly and within limits.
#ifndef MIDSTREAM_CORE_GRAPH_NAMED_SHAPE_H_
#define MIDSTREAM_CORE_GRAPH_NAMED_SHAPE_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream {

struct NamedDim {
  std::string name;            // empty: the size is fixed
  int64_t size = kUnknownDim;  // kUnknownDim where it is named

  friend bool operator==(const NamedDim&, const NamedDim&) = default;
};

using NamedShape = std::vector<NamedDim>;

constexpr size_t kMaxDimensionName = 64;

// A letter or '_', then letters, digits and '_', in ASCII.
bool IsIdentifier(std::string_view text);

// Errors: INVALID_ARGUMENT "expected a dimension ..., got 'x y'".
Result<NamedDim> ParseNamedDim(std::string_view text);
// Errors: as ParseNamedDim; more than 32 dimensions.
Result<NamedShape> ParseNamedShape(std::string_view text);
std::string ToString(const NamedDim& dim);      // "batch", "4"
std::string ToString(const NamedShape& shape);  // "batch,4"
// Named dimensions are not known.
Shape ToShape(const NamedShape& shape);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_NAMED_SHAPE_H_

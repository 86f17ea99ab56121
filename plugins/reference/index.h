// Walking over tensors: strides and coordinates, without allocation.
#ifndef MIDSTREAM_PLUGINS_REFERENCE_INDEX_H_
#define MIDSTREAM_PLUGINS_REFERENCE_INDEX_H_

#include <array>
#include <cstdint>
#include <span>

#include "midstream/view.hpp"

namespace midstream::reference {

constexpr size_t kMaxRank = 32;  // the claim refuses more
using Index = std::array<int64_t, kMaxRank>;
using Dims = std::span<const int64_t>;

// Row-major strides in elements.
inline Index Strides(Dims shape) {
  Index strides{};
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

// Strides of `shape` as seen from `out`, to which it broadcasts: 0 along what repeats.
inline Index BroadcastStrides(Dims shape, Dims out) {
  Index own = Strides(shape);
  Index strides{};
  size_t lead = out.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) strides[lead + i] = shape[i] == 1 ? 0 : own[i];
  return strides;
}

// Sum of at[i] * strides[i] over the first `rank` axes.
inline int64_t Offset(const Index& at, const Index& strides, size_t rank) {
  int64_t offset = 0;
  for (size_t i = 0; i < rank; ++i) offset += at[i] * strides[i];
  return offset;
}

// body(coordinates, linear index) for every place of `shape` in row-major order.
template <typename Body>
void ForEach(Dims shape, Body&& body) {
  Index at{};
  int64_t count = sdk::Count(shape);
  for (int64_t i = 0; i < count; ++i) {
    body(at, i);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
  }
}

inline size_t NormalAxis(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

}  // namespace midstream::reference

#endif  // MIDSTREAM_PLUGINS_REFERENCE_INDEX_H_

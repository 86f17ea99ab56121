// PermuteAxes: runs of bytes where the last axis stays, square blocks where the last two change places.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/models/openpi/weights.h"

namespace midstream::openpi {
namespace {

// Blocks of this side stay in the first-level cache while both sides of a transposition are walked.
constexpr int64_t kBlock = 32;

template <size_t kSize>
void Transpose(const std::byte* from, int64_t rows, int64_t columns, std::byte* to) {
  using Element = std::array<std::byte, kSize>;
  for (int64_t row = 0; row < rows; row += kBlock) {
    const int64_t row_end = std::min(rows, row + kBlock);
    for (int64_t column = 0; column < columns; column += kBlock) {
      const int64_t column_end = std::min(columns, column + kBlock);
      for (int64_t c = column; c < column_end; ++c) {
        for (int64_t r = row; r < row_end; ++r) {
          std::memcpy(to + (c * rows + r) * static_cast<int64_t>(kSize),
                      from + (r * columns + c) * static_cast<int64_t>(kSize), sizeof(Element));
        }
      }
    }
  }
}

bool TransposeMatrix(const std::byte* from, const Shape& shape, size_t size, std::byte* to) {
  if (size == 2) Transpose<2>(from, shape[0], shape[1], to);
  if (size == 4) Transpose<4>(from, shape[0], shape[1], to);
  if (size == 8) Transpose<8>(from, shape[0], shape[1], to);
  return size == 2 || size == 4 || size == 8;
}

}  // namespace

void PermuteAxes(const std::byte* from, const Shape& shape, const std::vector<size_t>& order,
                 size_t size, std::byte* to) {
  const size_t rank = shape.rank();
  if (rank == 2 && order[0] == 1 && TransposeMatrix(from, shape, size, to)) return;
  std::vector<int64_t> strides(rank, static_cast<int64_t>(size));  // of the source, in bytes
  for (size_t i = rank - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
  const bool runs = order.back() == rank - 1;  // the last axis stays: copy it whole
  const auto run = static_cast<size_t>(runs ? shape[rank - 1] : 1) * size;
  const size_t axes = runs ? rank - 1 : rank;
  std::vector<int64_t> index(axes, 0);
  int64_t count = 1;
  for (size_t i = 0; i < axes; ++i) count *= shape[order[i]];
  int64_t offset = 0;
  for (int64_t n = 0; n < count; ++n, to += run) {
    std::memcpy(to, from + offset, run);
    for (size_t i = axes; i-- > 0;) {
      offset += strides[order[i]];
      if (++index[i] < shape[order[i]]) break;
      offset -= strides[order[i]] * shape[order[i]];
      index[i] = 0;
    }
  }
}

}  // namespace midstream::openpi

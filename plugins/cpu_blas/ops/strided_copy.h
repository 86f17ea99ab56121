// Copying a strided view of a tensor into a contiguous one: what Transpose, Slice, Expand and Tile
// have in common.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_STRIDED_COPY_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_STRIDED_COPY_H_

#include <array>
#include <cstdint>

#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

class StridedView {
 public:
  static constexpr uint32_t kMaxRank = 16;

  // Axes are added from the first to the last; step in elements of the source, 0 repeats.
  // Requires: at most kMaxRank of them.
  void AddAxis(int64_t size, int64_t step);
  // Element of the source that the first element of the view is.
  void set_start(int64_t element) { start_ = element; }

  // Requires: width is 1, 2, 4 or 8 bytes.
  void CopyTo(void* out, const void* source, uint64_t width, const sdk::Host& host) const;

 private:
  template <typename T>
  void Copy(T* out, const T* source, const sdk::Host& host) const;
  template <typename T>
  void CopyRows(T* out, const T* source, int64_t begin, int64_t end) const;

  struct Axis {
    int64_t size, step;
  };
  std::array<Axis, kMaxRank> axes_{};
  uint32_t rank_ = 0;
  int64_t start_ = 0;
};

inline bool HasCopyWidth(ms_dtype dtype) {
  return dtype.bits == 8 || dtype.bits == 16 || dtype.bits == 32 || dtype.bits == 64;
}

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_STRIDED_COPY_H_

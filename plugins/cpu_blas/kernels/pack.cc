// Packing of the right-hand matrix into panels, and back. See PackShape for the form.
//
// Goes straight from the caller's memory, whatever its alignment, in one pass.
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

// Bytes of `count` elements of 2 or 4 bytes; a whole panel row has a size known here.
template <typename T>
MS_INLINE void CopyRow(T* to, const T* from, int64_t count) {
  if (count == kPanel) {
    __builtin_memcpy(to, from, kPanel * sizeof(T));
  } else {
    __builtin_memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
  }
}

// A whole panel row, past the caches.
template <typename T>
MS_INLINE void StreamRow(T* to, const T* from) {
#if defined(__AVX512F__)
  constexpr int64_t kStep = 64 / sizeof(T);
  for (int64_t i = 0; i < kPanel; i += kStep) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
  }
#elif defined(__AVX__)
  constexpr int64_t kStep = 32 / sizeof(T);
  for (int64_t i = 0; i < kPanel; i += kStep) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
#else
  CopyRow(to, from, kPanel);
#endif
}

// Makes streamed rows visible to other threads.
MS_INLINE void EndStream() {
#if defined(__AVX__)
  _mm_sfence();
#endif
}

int64_t StoredColumns(int64_t width) { return width <= kLanes ? kLanes : kPanel; }

int64_t RowOffset(const PackShape& shape, int64_t k) {
  if (shape.block_rows == 0) return k * shape.row_step;
  return k / shape.block_rows * shape.block_step + k % shape.block_rows * shape.row_step;
}

// Panels [begin, end) of a row-major matrix, a row of all of them at a time. The rows lie far apart
// in the source, the panels in the target, so both are read ahead: measured, this makes packing as
// fast as a plain copy.
// T is an integer of the element's size: bits are moved, never interpreted.
template <typename T>
void PackRowMajor(const PackShape& shape, const T* b, T* packed, int64_t begin, int64_t end) {
  constexpr int64_t kAhead = 4;  // rows
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t k = 0; k < shape.k; ++k) {
    const T* from = b + k * shape.row_step + begin * kPanel;
    for (int64_t panel = begin; panel < end; ++panel, from += kPanel) {
      int64_t width = Min(kPanel, shape.n - panel * kPanel);
      int64_t stored = StoredColumns(width);
      T* to = packed + panel * kPanel * shape.k + k * stored;
      if (shape.bypass_cache && width == kPanel) {
        StreamRow(to, from);
        continue;
      }
      if (k + kAhead < shape.k) {
        for (int64_t line = 0; line < kPanel; line += kLine) {
          __builtin_prefetch(from + kAhead * shape.row_step + line, 0);
          __builtin_prefetch(to + kAhead * stored + line, 1);
        }
      }
      CopyRow(to, from, width);
      for (int64_t j = width; j < stored; ++j) to[j] = 0;
    }
  }
  if (shape.bypass_cache) EndStream();
}

// A panel of any other matrix, a block of k at a time: of a matrix stored by columns every line
// that is read is used up.
template <typename T>
void PackStrided(const PackShape& shape, const T* b, T* packed, int64_t panel) {
  constexpr int64_t kBlock = 16;
  int64_t width = Min(kPanel, shape.n - panel * kPanel);
  int64_t stored = StoredColumns(width);
  T* to = packed + panel * kPanel * shape.k;
  const T* from = b + panel * kPanel * shape.column_step;
  for (int64_t begin = 0; begin < shape.k; begin += kBlock) {
    int64_t rows = Min(kBlock, shape.k - begin);
    int64_t offsets[kBlock];
    for (int64_t i = 0; i < rows; ++i) offsets[i] = RowOffset(shape, begin + i);
    for (int64_t j = 0; j < stored; ++j) {
      for (int64_t i = 0; i < rows; ++i) {
        T value = 0;
        if (j < width) {
          __builtin_memcpy(&value, from + j * shape.column_step + offsets[i], sizeof(T));
        }
        to[(begin + i) * stored + j] = value;
      }
    }
  }
}

template <typename T>
void PackPanels(const PackShape& shape, const void* b, void* packed, int64_t begin, int64_t end) {
  const auto* from = static_cast<const T*>(b);
  auto* to = static_cast<T*>(packed);
  if (shape.column_step == 1 && shape.block_rows == 0) {
    // Cached rows of many panels would evict each other; streamed ones are never in a cache.
    const int64_t group = shape.bypass_cache ? end - begin : 4;
    for (int64_t panel = begin; panel < end; panel += group) {
      PackRowMajor(shape, from, to, panel, Min(panel + group, end));
    }
  } else {
    for (int64_t panel = begin; panel < end; ++panel) PackStrided(shape, from, to, panel);
  }
}

template <typename T>
void UnpackPanels(const PackShape& shape, const void* packed, void* b) {
  const T* from = static_cast<const T*>(packed);
  for (int64_t column = 0; column < shape.n; column += kPanel) {
    int64_t width = Min(kPanel, shape.n - column);
    T* to = static_cast<T*>(b) + column * shape.column_step;
    for (int64_t k = 0; k < shape.k; ++k, from += StoredColumns(width)) {
      T* row = to + RowOffset(shape, k);
      for (int64_t j = 0; j < width; ++j) {
        __builtin_memcpy(row + j * shape.column_step, from + j, sizeof(T));
      }
    }
  }
}

}  // namespace

void Pack(const PackShape& shape, Storage storage, const void* b, void* packed, int64_t panel_begin,
          int64_t panel_end) {
  if (storage == Storage::kF32) {
    PackPanels<uint32_t>(shape, b, packed, panel_begin, panel_end);
  } else {
    PackPanels<uint16_t>(shape, b, packed, panel_begin, panel_end);
  }
}

void Unpack(const PackShape& shape, Storage storage, const void* packed, void* b) {
  if (storage == Storage::kF32) {
    UnpackPanels<uint32_t>(shape, packed, b);
  } else {
    UnpackPanels<uint16_t>(shape, packed, b);
  }
}

}  // namespace midstream::cpu_blas::MS_ISA

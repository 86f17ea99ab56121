// Products in the elements' own arithmetic, over operands at any steps: float64, integers, and the
// float32 of convolutions that the packed product does not serve.
//
// A slab of B is brought into a small buffer of whole vectors; then a few rows of A pass over it with
// their sums in registers.
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

constexpr int64_t kBytes = kLanes * static_cast<int64_t>(sizeof(float));  // of a register
constexpr int64_t kSlabBytes = 32 << 10;

template <typename T>
struct Register {
  typedef T Type __attribute__((vector_size(kBytes)));
  static constexpr int64_t kLanesOf = kBytes / static_cast<int64_t>(sizeof(T));
};

// A row of up to kVectors registers, by way of a buffer where it is not full. The registers are
// written whole, so that the compiler keeps them.
template <typename Vector, int kVectors, typename T>
MS_INLINE void LoadRow(Vector* row, const T* from, int64_t width) {
  T edge[kVectors * Register<T>::kLanesOf] = {};
  if (width < kVectors * Register<T>::kLanesOf) {
    __builtin_memcpy(edge, from, static_cast<size_t>(width) * sizeof(T));
    from = edge;
  }
  for (int v = 0; v < kVectors; ++v) {
    __builtin_memcpy(&row[v], from + v * Register<T>::kLanesOf, sizeof(Vector));
  }
}
template <typename Vector, int kVectors, typename T>
MS_INLINE void StoreRow(T* to, const Vector* row, int64_t width) {
  T edge[kVectors * Register<T>::kLanesOf];
  const bool whole = width == kVectors * Register<T>::kLanesOf;
  for (int v = 0; v < kVectors; ++v) {
    __builtin_memcpy((whole ? to : edge) + v * Register<T>::kLanesOf, &row[v], sizeof(Vector));
  }
  if (!whole) __builtin_memcpy(to, edge, static_cast<size_t>(width) * sizeof(T));
}

// Columns [0, width) of C for kRows rows; the slab is kVectors registers wide and zero beyond width.
template <typename T, int kRows, int kVectors>
void Tile(const ProductArgs& args, const T* a, const T* slab, int64_t depth, T* c, int64_t width,
          bool add) {
  using Vector = typename Register<T>::Type;
  constexpr int64_t kWidth = kVectors * Register<T>::kLanesOf;
  Vector sums[kRows][kVectors] = {};
  if (add) {
    MS_UNROLL
    for (int row = 0; row < kRows; ++row) {
      LoadRow<Vector, kVectors>(sums[row], c + row * args.c_row, width);
    }
  }
  for (int64_t p = 0; p < depth; ++p, slab += kWidth) {
    Vector b[kVectors];
    MS_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      __builtin_memcpy(&b[v], slab + v * Register<T>::kLanesOf, sizeof(Vector));
    }
    MS_UNROLL
    for (int row = 0; row < kRows; ++row) {
      const T left = a[row * args.a_row + p * args.a_column];
      MS_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[row][v] += left * b[v];
    }
  }
  MS_UNROLL
  for (int row = 0; row < kRows; ++row) {
    StoreRow<Vector, kVectors>(c + row * args.c_row, sums[row], width);
  }
}

template <typename T, int kVectors>
void Columns(const ProductArgs& args, int64_t first, int64_t width) {
  constexpr int64_t kWidth = kVectors * Register<T>::kLanesOf;
  constexpr int64_t kDepth = kSlabBytes / (kWidth * static_cast<int64_t>(sizeof(T)));
  constexpr int kRows = 6;
  alignas(64) T slab[kDepth * kWidth];
  const T* b = static_cast<const T*>(args.b) + first * args.b_column;
  for (int64_t begin = 0; begin < args.k; begin += kDepth) {
    const int64_t depth = Min(kDepth, args.k - begin);
    for (int64_t p = 0; p < depth; ++p) {
      const T* from = b + (begin + p) * args.b_row;
      T* to = slab + p * kWidth;
      for (int64_t j = 0; j < width; ++j) to[j] = from[j * args.b_column];
      for (int64_t j = width; j < kWidth; ++j) to[j] = T(0);
    }
    const bool add = args.add || begin > 0;
    const T* a = static_cast<const T*>(args.a) + begin * args.a_column;
    T* c = static_cast<T*>(args.c) + first;
    int64_t row = 0;
    for (; row + kRows <= args.m; row += kRows) {
      Tile<T, kRows, kVectors>(args, a + row * args.a_row, slab, depth, c + row * args.c_row, width,
                               add);
    }
    for (; row < args.m; ++row) {
      Tile<T, 1, kVectors>(args, a + row * args.a_row, slab, depth, c + row * args.c_row, width,
                           add);
    }
  }
}

template <typename T>
void Product(const ProductArgs& args) {
  constexpr int64_t kVector = Register<T>::kLanesOf;
  if (args.k == 0 && !args.add) {
    for (int64_t row = 0; row < args.m; ++row) {
      T* c = static_cast<T*>(args.c) + row * args.c_row;
      for (int64_t j = 0; j < args.n; ++j) c[j] = T(0);
    }
  }
  for (int64_t first = 0; first < args.n; first += 2 * kVector) {
    const int64_t width = Min(2 * kVector, args.n - first);
    if (width > kVector) {
      Columns<T, 2>(args, first, width);
    } else {
      Columns<T, 1>(args, first, width);
    }
  }
}

}  // namespace

void FillProducts(ProductFunction* table) {
  table[static_cast<int>(ElementType::kF32)] = Product<float>;
  table[static_cast<int>(ElementType::kF64)] = Product<double>;
  const ProductFunction integers[] = {Product<uint8_t>, Product<uint16_t>, Product<uint32_t>,
                                      Product<uint64_t>};
  for (int width = 0; width < 4; ++width) {
    table[static_cast<int>(ElementType::kI8) + width] = integers[width];
    table[static_cast<int>(ElementType::kU8) + width] = integers[width];
  }
}

}  // namespace midstream::cpu_blas::MS_ISA

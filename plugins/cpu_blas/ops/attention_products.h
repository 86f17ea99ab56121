// The two products of attention, queries by keys and weights by values, in the arithmetic that goes
// with the dtype: float32 over keys and values of any 16 or 32 bit storage, bfloat16, float64.
//
// Each keeps the right-hand side [k, n] in a form of its own, and multiplies rows of Left by it:
// C[rows, n] = A[rows, k] * B, with some elements of scratch memory. All of it runs on one thread; the attention kernel has the threads.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ATTENTION_PRODUCTS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ATTENTION_PRODUCTS_H_

#include "bf16_arithmetic.h"
#include "ops/elements.h"
#include "ops/packed_matrix.h"

namespace midstream::cpu_blas {

struct FloatProducts {
  using Left = float;
  using Real = float;

  const KernelTable& isa;
  Storage storage;

  uint64_t PackedBytes(int64_t k, int64_t n) const {
    return static_cast<uint64_t>(PackedElements(isa, k, n)) * (storage == Storage::kF32 ? 4 : 2);
  }
  void Pack(const PackShape& shape, const void* b, std::byte* packed) const {
    isa.pack(shape, storage, b, packed, 0, Panels(isa, shape.n));
  }
  int64_t WorkElements(int64_t, int64_t) const { return 0; }
  void Multiply(const float* a, int64_t rows, int64_t k, const std::byte* packed, int64_t n,
                float* c, float*) const {
    const GemmArgs gemm{a, k, &kNoOffset, 1, k, packed, n, c, n, nullptr, false, 0.0f, 0.0f};
    isa.gemm[static_cast<int>(storage)](gemm, 0, rows, 0, Panels(isa, n));
  }
  // Elements of the tensor, and computed ones, as a left-hand side.
  void LeftFromTensor(ms_dtype dtype, const void* x, float* to, int64_t n) const {
    isa.widen(StorageOf(dtype), x, to, n);
  }
};

// Requires: bfloat16 tensors.
struct BF16Products {
  using Left = uint16_t;
  using Real = float;

  const KernelTable& isa;
  const BF16Arithmetic& arithmetic;

  uint64_t PackedBytes(int64_t k, int64_t n) const {
    return static_cast<uint64_t>(arithmetic.elements(k, n)) * sizeof(uint16_t);
  }
  void Pack(const PackShape& shape, const void* b, std::byte* packed) const {
    arithmetic.pack(shape, static_cast<const uint16_t*>(b), reinterpret_cast<uint16_t*>(packed), 0,
                    BF16Panels(shape.n));
  }
  int64_t WorkElements(int64_t rows, int64_t k) const {
    return 2 * avx512_bf16::PackedRowPairs(rows, k);
  }
  void Multiply(const uint16_t* a, int64_t rows, int64_t k, const std::byte* packed, int64_t n,
                float* c, uint16_t* work) const {
    auto* row_pairs = reinterpret_cast<uint32_t*>(work);
    const int64_t tiles = avx512_bf16::PairTiles(rows);
    arithmetic.pack_rows(a, rows, k, row_pairs, 0, tiles);
    const avx512_bf16::PairArgs pairs{row_pairs, rows, k, reinterpret_cast<const uint16_t*>(packed),
                                      n,         c,    n, nullptr};
    arithmetic.multiply(pairs, 0, tiles, 0, BF16Panels(n));
  }
  void LeftFromTensor(ms_dtype, const void* x, uint16_t* to, int64_t n) const {
    __builtin_memcpy(to, x, static_cast<size_t>(n) * sizeof(uint16_t));
  }
  void LeftFromReals(const float* x, uint16_t* to, int64_t n) const {
    isa.narrow(Storage::kBF16, x, to, n);
  }

 private:
  static int64_t BF16Panels(int64_t n) {
    return (n + avx512_bf16::kPairPanel - 1) / avx512_bf16::kPairPanel;
  }
};

struct DoubleProducts {
  using Left = double;
  using Real = double;

  const KernelTable& isa;

  uint64_t PackedBytes(int64_t k, int64_t n) const {
    return static_cast<uint64_t>(k * n) * sizeof(double);
  }
  void Pack(const PackShape& shape, const void* b, std::byte* packed) const {
    const auto* from = static_cast<const double*>(b);
    auto* to = reinterpret_cast<double*>(packed);
    for (int64_t k = 0; k < shape.k; ++k) {
      for (int64_t j = 0; j < shape.n; ++j) {
        *to++ = from[k * shape.row_step + j * shape.column_step];
      }
    }
  }
  int64_t WorkElements(int64_t, int64_t) const { return 0; }
  void Multiply(const double* a, int64_t rows, int64_t k, const std::byte* packed, int64_t n,
                double* c, double*) const {
    ProductArgs product{};
    product.a = a;
    product.a_row = k;
    product.a_column = 1;
    product.b = packed;
    product.b_row = n;
    product.b_column = 1;
    product.c = c;
    product.c_row = n;
    product.m = rows;
    product.n = n;
    product.k = k;
    isa.product[static_cast<uint32_t>(ElementType::kF64)](product);
  }
  void LeftFromTensor(ms_dtype, const void* x, double* to, int64_t n) const {
    __builtin_memcpy(to, x, static_cast<size_t>(n) * sizeof(double));
  }
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ATTENTION_PRODUCTS_H_

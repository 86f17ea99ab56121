// The inner tile of the matrix product: MR rows by P panels of NV vectors, held in registers.
// Shared by the storage variants of gemm.cc. See GemmArgs for what is computed.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_GEMM_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_GEMM_H_

#include "kernels/vec.h"

namespace midstream::cpu_blas::MS_ISA {

constexpr int64_t kPanel = 2 * kLanes;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRowTile = 14;  // 28 sums of 32 registers
#else
constexpr int kRowTile = 6;  // 12 sums of 16 registers
#endif

template <Storage S>
struct Element {
  using Type = uint16_t;
};
template <>
struct Element<Storage::kF32> {
  using Type = float;
};

template <Storage S>
MS_INLINE Vec LoadWeights(const typename Element<S>::Type* p) {
  if constexpr (S == Storage::kF32) {
    return Load(p);
  } else if constexpr (S == Storage::kBF16) {
    return LoadBF16(p);
  } else {
    return LoadF16(p);
  }
}

template <Storage S>
struct TileArgs {
  using Weight = typename Element<S>::Type;
  const float* a;
  int64_t row_step;
  const int64_t* segments;
  int64_t n_segments;
  int64_t segment_length;
  const Weight* b;
  int64_t panel_step;  // weights between two panels
  float* c;
  int64_t c_step;
  int64_t columns;    // of the last panel that exist
  const float* bias;  // of the first column; null: zero
  bool accumulate;    // start from c instead of the bias
  bool clip;
  float low;
  float high;
  const char* prefetch;  // read ahead of the tile's own weights: where, and how far for each k
  int64_t prefetch_step;
};

// Sums start from the bias or from what an earlier block of k left in c.
template <Storage S, int MR, int NV, int P>
MS_INLINE void StartSums(const TileArgs<S>& t, Vec (&sum)[MR][NV * P]) {
  MS_UNROLL
  for (int j = 0; j < NV * P; ++j) {
    int64_t left = t.columns + (P - 1) * kPanel - j * kLanes;
    if (t.accumulate) {
      MS_UNROLL
      for (int i = 0; i < MR; ++i) sum[i][j] = LoadUpTo(t.c + i * t.c_step + j * kLanes, left);
    } else {
      Vec start = t.bias != nullptr ? LoadUpTo(t.bias + j * kLanes, left) : Set(0.0f);
      MS_UNROLL
      for (int i = 0; i < MR; ++i) sum[i][j] = start;
    }
  }
}

template <Storage S, int MR, int NV, int P>
MS_INLINE void StoreSums(const TileArgs<S>& t, Vec (&sum)[MR][NV * P]) {
  if (t.clip) {
    Vec low = Set(t.low), high = Set(t.high);
    MS_UNROLL
    for (int i = 0; i < MR; ++i) {
      MS_UNROLL
      for (int j = 0; j < NV * P; ++j) sum[i][j] = Clip(sum[i][j], low, high);
    }
  }
  MS_UNROLL
  for (int j = 0; j < NV * P; ++j) {
    int64_t left = t.columns + (P - 1) * kPanel - j * kLanes;
    MS_UNROLL
    for (int i = 0; i < MR; ++i) StoreUpTo(t.c + i * t.c_step + j * kLanes, sum[i][j], left);
  }
}

template <Storage S, int MR, int NV, int P>
void Tile(const TileArgs<S>& t) {
  Vec sum[MR][NV * P];
  StartSums<S, MR, NV, P>(t, sum);
  const int64_t row_step = t.row_step, panel_step = t.panel_step;
  const char* prefetch = t.prefetch;
  const auto* b = t.b;
  for (int64_t s = 0; s < t.n_segments; ++s) {
    const float* a = t.a + t.segments[s];
    for (int64_t k = 0; k < t.segment_length; ++k) {
      Vec weights[NV * P];
      MS_UNROLL
      for (int j = 0; j < NV * P; ++j) {
        weights[j] = LoadWeights<S>(b + j / NV * panel_step + j % NV * kLanes);
      }
      Prefetch(prefetch);
      if constexpr (MR < kRowTile) Prefetch(prefetch + 64);
      prefetch += t.prefetch_step;
      MS_UNROLL
      for (int i = 0; i < MR; ++i) {
        Vec x = Set(a[i * row_step + k]);
        MS_UNROLL
        for (int j = 0; j < NV * P; ++j) sum[i][j] = Fma(x, weights[j], sum[i][j]);
      }
      b += NV * kLanes;
    }
  }
  StoreSums<S, MR, NV, P>(t, sum);
}

}  // namespace midstream::cpu_blas::MS_ISA

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_GEMM_H_

#include "kernels/bf16/product.h"

#include "kernels/vec.h"

namespace midstream::cpu_blas::avx512_bf16 {
namespace {

constexpr int64_t kPanel = 32;
constexpr int kRowTile = 14;

using Pairs = __m512bh;

MS_INLINE Pairs LoadPairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm512_loadu_si512(p));
}
// The pair at p in every lane; the second of the last pair of an odd row counts as zero.
MS_INLINE Pairs BroadcastPair(const uint16_t* p, bool single) {
  uint32_t pair = p[0];
  if (!single) __builtin_memcpy(&pair, p, sizeof pair);
  return reinterpret_cast<Pairs>(_mm512_set1_epi32(static_cast<int>(pair)));
}

template <int MR>
void Tile(const PairArgs& args, int64_t row, int64_t panel) {
  const int64_t width = Min(kPanel, args.n - panel * kPanel);
  const uint16_t* a = args.a + row * args.k;
  const uint16_t* b = args.b + panel * kPanel * ((args.k + 1) / 2 * 2);
  const float* bias = args.bias != nullptr ? args.bias + panel * kPanel : nullptr;
  Vec sum[MR][2];
  MS_UNROLL
  for (int j = 0; j < 2; ++j) {
    int64_t left = Max(0, width - j * kLanes);
    Vec start = bias != nullptr ? LoadUpTo(bias + j * kLanes, left) : Set(0.0f);
    MS_UNROLL
    for (int i = 0; i < MR; ++i) sum[i][j] = start;
  }
  auto step = [&](int64_t k, bool single) __attribute__((always_inline)) {
    Pairs b0 = LoadPairs(b + k * kPanel), b1 = LoadPairs(b + k * kPanel + 32);
    MS_UNROLL
    for (int i = 0; i < MR; ++i) {
      Pairs x = BroadcastPair(a + i * args.k + k, single);
      sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
      sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
    }
  };
  const int64_t even = args.k / 2 * 2;
  for (int64_t k = 0; k < even; k += 2) step(k, false);
  if (even < args.k) step(even, true);
  const Vec low = Set(args.low), high = Set(args.high);
  MS_UNROLL
  for (int j = 0; j < 2; ++j) {
    int64_t left = Max(0, width - j * kLanes);
    MS_UNROLL
    for (int i = 0; i < MR; ++i) {
      Vec value = args.clip ? Clip(sum[i][j], low, high) : sum[i][j];
      StoreUpTo(args.c + (row + i) * args.n + panel * kPanel + j * kLanes, value, left);
    }
  }
}

template <int... kIndex>
void RunTile(int64_t rows, const PairArgs& args, int64_t row, int64_t panel) {
  using Function = void (*)(const PairArgs&, int64_t, int64_t);
  static constexpr Function kTiles[kRowTile] = {Tile<kIndex>...};
  kTiles[rows - 1](args, row, panel);
}

// body(k, column, offset in packed) for each element of a panel, packed ones past the end included.
template <typename Body>
MS_INLINE void ForPanel(int64_t k_count, int64_t panel, Body body) {
  const int64_t rows = (k_count + 1) / 2 * 2;
  for (int64_t k = 0; k < rows; ++k) {
    for (int64_t j = 0; j < kPanel; ++j) {
      body(k, panel * kPanel + j, panel * kPanel * rows + k / 2 * 2 * kPanel + 2 * j + k % 2);
    }
  }
}

}  // namespace

int64_t PairElements(int64_t k, int64_t n) {
  return (k + 1) / 2 * 2 * ((n + kPanel - 1) / kPanel * kPanel);
}

void PackPairs(const PackShape& shape, const uint16_t* b, uint16_t* packed, int64_t panel_begin,
               int64_t panel_end) {
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    ForPanel(shape.k, panel, [&](int64_t k, int64_t column, int64_t to) {
      uint16_t value = 0;
      if (k < shape.k && column < shape.n) {
        __builtin_memcpy(&value, b + k * shape.row_step + column * shape.column_step, sizeof value);
      }
      packed[to] = value;
    });
  }
}

void UnpackPairs(const PackShape& shape, const uint16_t* packed, uint16_t* b) {
  for (int64_t panel = 0; panel * kPanel < shape.n; ++panel) {
    ForPanel(shape.k, panel, [&](int64_t k, int64_t column, int64_t from) {
      if (k >= shape.k || column >= shape.n) return;
      __builtin_memcpy(b + k * shape.row_step + column * shape.column_step, packed + from,
                       sizeof(uint16_t));
    });
  }
}

void MultiplyPairs(const PairArgs& args, int64_t row_begin, int64_t row_end, int64_t panel_begin,
                   int64_t panel_end) {
  const int64_t rows = row_end - row_begin;
  if (rows <= 0) return;
  const int64_t tiles = (rows + kRowTile - 1) / kRowTile;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    int64_t row = row_begin;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      int64_t count = (row_end - row + tiles - tile - 1) / (tiles - tile);
      RunTile<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(count, args, row, panel);
      row += count;
    }
  }
}

}  // namespace midstream::cpu_blas::avx512_bf16

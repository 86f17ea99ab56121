// Loops, outside in: blocks of k, tiles of rows, panels. A tile's part of a block stays in the first
// two cache levels while the panels pass; the caller takes few panels at a time, so that theirs stay
// in the second. While the tiles work on one block of a panel, the next one is read ahead.
#include "kernels/bf16/product.h"

#include "kernels/vec.h"

namespace midstream::cpu_blas::avx512_bf16 {
namespace {

constexpr int64_t kBlockPairs = 1024;          // of k
constexpr int64_t kPairStep = 2 * kPairPanel;  // elements of a panel for one pair of rows
constexpr int64_t kStepBytes = 2 * kPairStep;

using Pairs = __m512bh;

MS_INLINE Pairs LoadPairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm512_loadu_si512(p));
}

struct TileArgs {
  const uint32_t* a;
  const uint16_t* b;
  int64_t pairs;  // of k
  float* c;
  int64_t c_step;
  int64_t columns;
  const float* bias;  // of the first column; null: zero
  bool accumulate;    // start from c instead of the bias
  const char* prefetch;
  int64_t prefetch_step;
};

template <int MR>
void Tile(const TileArgs& t) {
  Vec sum[MR][2];
  MS_UNROLL
  for (int j = 0; j < 2; ++j) {
    const int64_t left = Max(0, t.columns - j * kLanes);
    Vec start = Set(0.0f);
    if (t.bias != nullptr && !t.accumulate) start = LoadUpTo(t.bias + j * kLanes, left);
    MS_UNROLL
    for (int i = 0; i < MR; ++i) {
      sum[i][j] = t.accumulate ? LoadUpTo(t.c + i * t.c_step + j * kLanes, left) : start;
    }
  }
  const uint32_t* a = t.a;
  const uint16_t* b = t.b;
  const char* prefetch = t.prefetch;
  for (int64_t k = 0; k < t.pairs; ++k) {
    const Pairs b0 = LoadPairs(b), b1 = LoadPairs(b + kPairPanel);
    Prefetch(prefetch);
    prefetch += t.prefetch_step;
    MS_UNROLL
    for (int i = 0; i < MR; ++i) {
      const auto x = reinterpret_cast<Pairs>(_mm512_set1_epi32(static_cast<int>(a[i])));
      sum[i][0] = _mm512_dpbf16_ps(sum[i][0], x, b0);
      sum[i][1] = _mm512_dpbf16_ps(sum[i][1], x, b1);
    }
    a += MR;
    b += kPairStep;
  }
  MS_UNROLL
  for (int j = 0; j < 2; ++j) {
    const int64_t left = Max(0, t.columns - j * kLanes);
    MS_UNROLL
    for (int i = 0; i < MR; ++i) {
      StoreUpTo(t.c + i * t.c_step + j * kLanes, sum[i][j], left);
    }
  }
}

template <int... kIndex>
void RunTile(int64_t rows, const TileArgs& t) {
  using Function = void (*)(const TileArgs&);
  static constexpr Function kTiles[kPairTile] = {Tile<kIndex>...};
  kTiles[rows - 1](t);
}

// body(k, column, offset in packed) for each element of a panel, packed ones past the end included.
template <typename Body>
MS_INLINE void ForPanel(int64_t k_count, int64_t panel, Body body) {
  const int64_t rows = (k_count + 1) / 2 * 2;
  for (int64_t k = 0; k < rows; ++k) {
    for (int64_t j = 0; j < kPairPanel; ++j) {
      body(k, panel * kPairPanel + j,
           panel * kPairPanel * rows + k / 2 * kPairStep + 2 * j + k % 2);
    }
  }
}

// `width` columns of a row-major matrix.
void PackRowMajor(const uint16_t* b, int64_t row_step, int64_t k_count, int64_t width,
                  uint16_t* packed) {
  alignas(64) uint16_t order[2][kPairPanel];
  for (int j = 0; j < kPairPanel; ++j) {
    const int column = j / 2, row = j % 2 * kPairPanel;  // 32 and up: of the second row
    order[0][j] = static_cast<uint16_t>(row + column);
    order[1][j] = static_cast<uint16_t>(row + column + kPairPanel / 2);
  }
  const __m512i low = _mm512_load_si512(order[0]), high = _mm512_load_si512(order[1]);
  const auto columns = static_cast<__mmask32>((uint64_t{1} << width) - 1);
  for (int64_t k = 0; k < k_count; k += 2, b += 2 * row_step, packed += kPairStep) {
    const __mmask32 below = k + 1 < k_count ? columns : 0;  // nothing behind an odd last row
    const __m512i first = _mm512_maskz_loadu_epi16(columns, b);
    const __m512i second = _mm512_maskz_loadu_epi16(below, b + row_step);
    _mm512_storeu_si512(packed, _mm512_permutex2var_epi16(first, low, second));
    _mm512_storeu_si512(packed + kPairPanel, _mm512_permutex2var_epi16(first, high, second));
  }
}

// `width` columns of a matrix that is stored by columns, with an even k: pairs as they are.
void PackByColumns(const uint16_t* b, int64_t column_step, int64_t k_count, int64_t width,
                   uint16_t* packed) {
  constexpr int64_t kLine = 16;  // pairs of a cache line
  for (int64_t pair = 0; pair < k_count / 2; pair += kLine) {
    const int64_t end = Min(pair + kLine, k_count / 2);
    for (int64_t j = 0; j < kPairPanel; ++j) {
      for (int64_t p = pair; p < end; ++p) {
        uint32_t value = 0;
        if (j < width) __builtin_memcpy(&value, b + j * column_step + 2 * p, sizeof value);
        __builtin_memcpy(packed + p * kPairStep + 2 * j, &value, sizeof value);
      }
    }
  }
}

// Pair `pair` of a row of k elements; the second of the last pair of an odd row counts as zero.
MS_INLINE uint32_t PairOf(const uint16_t* row, int64_t k, int64_t pair) {
  uint32_t value = row[2 * pair];
  if (2 * pair + 1 < k) __builtin_memcpy(&value, row + 2 * pair, sizeof value);
  return value;
}

}  // namespace

int64_t PairElements(int64_t k, int64_t n) {
  return (k + 1) / 2 * 2 * ((n + kPairPanel - 1) / kPairPanel * kPairPanel);
}

void PackPairs(const PackShape& shape, const uint16_t* b, uint16_t* packed, int64_t panel_begin,
               int64_t panel_end) {
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const uint16_t* from = b + panel * kPairPanel * shape.column_step;
    uint16_t* place = packed + panel * kPairStep * ((shape.k + 1) / 2);
    const int64_t width = Min(kPairPanel, shape.n - panel * kPairPanel);
    if (shape.column_step == 1 && shape.block_rows == 0) {
      PackRowMajor(from, shape.row_step, shape.k, width, place);
      continue;
    }
    if (shape.row_step == 1 && shape.k % 2 == 0 && shape.block_rows == 0) {
      PackByColumns(from, shape.column_step, shape.k, width, place);
      continue;
    }
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
  for (int64_t panel = 0; panel * kPairPanel < shape.n; ++panel) {
    ForPanel(shape.k, panel, [&](int64_t k, int64_t column, int64_t from) {
      if (k >= shape.k || column >= shape.n) return;
      __builtin_memcpy(b + k * shape.row_step + column * shape.column_step, packed + from,
                       sizeof(uint16_t));
    });
  }
}

void PackRowPairs(const uint16_t* a, int64_t rows, int64_t k, uint32_t* packed, int64_t tile_begin,
                  int64_t tile_end) {
  constexpr int64_t kLine = 16;  // pairs of a cache line
  const int64_t pairs = (k + 1) / 2;
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) {
    const int64_t first = FirstRowOfTile(rows, tile);
    const int64_t count = FirstRowOfTile(rows, tile + 1) - first;
    uint32_t* to = packed + first * pairs;
    for (int64_t pair = 0; pair < pairs; pair += kLine) {
      const int64_t end = Min(pair + kLine, pairs);
      for (int64_t i = 0; i < count; ++i) {
        const uint16_t* row = a + (first + i) * k;
        for (int64_t p = pair; p < end; ++p) to[p * count + i] = PairOf(row, k, p);
      }
    }
  }
}

void MultiplyPairs(const PairArgs& args, int64_t tile_begin, int64_t tile_end, int64_t panel_begin,
                   int64_t panel_end) {
  const int64_t pairs = (args.k + 1) / 2, tiles = tile_end - tile_begin;
  if (tiles <= 0 || panel_begin >= panel_end) return;
  const int64_t first_row = FirstRowOfTile(args.rows, tile_begin);
  const int64_t share =
      kStepBytes / Max(Min(tiles, 16), 1);  // of a pair that each tile reads ahead
  int64_t pair = 0;
  do {
    const int64_t length = Min(kBlockPairs, pairs - pair);
    for (int64_t tile = tile_begin; tile < tile_end; ++tile) {
      const int64_t row = FirstRowOfTile(args.rows, tile);
      const int64_t count = FirstRowOfTile(args.rows, tile + 1) - row;
      for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
        const uint16_t* b = args.b + panel * kPairStep * pairs + pair * kPairStep;
        // The same part of a later panel, or of this one when the next block is in it.
        const bool within = pair + length < pairs;
        const uint16_t* next =
            b + (within ? length : (panel_end - panel_begin) * pairs) * kPairStep;
        const bool more = within || (panel + panel_end - panel_begin + 1) * kPairPanel <= args.n;
        const char* ahead = reinterpret_cast<const char*>(more ? next : b);
        TileArgs t;
        t.a = args.a + row * pairs + pair * count;
        t.b = b;
        t.pairs = length;
        t.c = args.c + (row - first_row) * args.c_step + (panel - panel_begin) * kPairPanel;
        t.c_step = args.c_step;
        t.columns = Min(kPairPanel, args.n - panel * kPairPanel);
        t.bias = args.bias != nullptr ? args.bias + panel * kPairPanel : nullptr;
        t.accumulate = pair > 0;
        t.prefetch_step = more && tile - tile_begin < 16 ? share : 0;
        t.prefetch = ahead + (tile - tile_begin) % 16 * length * t.prefetch_step;
        RunTile<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(count, t);
      }
    }
    pair += length;
  } while (pair < pairs);
}

}  // namespace midstream::cpu_blas::avx512_bf16

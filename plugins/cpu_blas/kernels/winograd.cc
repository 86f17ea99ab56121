// Winograd convolution on 6x6 tiles: F(4x4, 3x3) and F(2x2, 5x5).
//
// Y = A' [ (G g G') * (B' d B) ] A, where the product in the middle is one small matrix product for
// each of the 36 places of a tile. Both sizes use the points 0, 1, -1, 2, -2 and infinity, so they
// share B. (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.)
#include "kernels/gemm.h"
#include "kernels/kernels.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

constexpr int kTile = 6;

// out = G w: row i of G is scale_i * (1, p_i, p_i^2, ...), the last row takes the last weight.
template <int R>
MS_INLINE void WeightRow(const Vec* w, Vec* out) {
  Vec even1 = w[0] + w[2], odd1 = w[1];
  Vec even2 = w[0] + Set(4.0f) * w[2], odd2 = Set(2.0f) * w[1];
  if constexpr (R == 5) {
    even1 = even1 + w[4];
    odd1 = odd1 + w[3];
    even2 = even2 + Set(16.0f) * w[4];
    odd2 = odd2 + Set(8.0f) * w[3];
  }
  const Vec sixth = Set(-1.0f / 6), twenty_fourth = Set(1.0f / 24);
  out[0] = Set(0.25f) * w[0];
  out[1] = sixth * (even1 + odd1);
  out[2] = sixth * (even1 - odd1);
  out[3] = twenty_fourth * (even2 + odd2);
  out[4] = twenty_fourth * (even2 - odd2);
  out[5] = w[R - 1];
}

// out = B' d.
MS_INLINE void InputRow(const Vec* d, Vec* out) {
  const Vec two = Set(2.0f), four = Set(4.0f), minus_four = Set(-4.0f), minus_five = Set(-5.0f);
  out[0] = Fma(four, d[0], Fma(minus_five, d[2], d[4]));
  Vec a = Fma(minus_four, d[2], d[4]), b = Fma(minus_four, d[1], d[3]);
  out[1] = a + b;
  out[2] = a - b;
  Vec c = d[4] - d[2], e = two * (d[3] - d[1]);
  out[3] = c + e;
  out[4] = c - e;
  out[5] = Fma(four, d[1], Fma(minus_five, d[3], d[5]));
}

// out = A' m, M values.
template <int M>
MS_INLINE void OutputRow(const Vec* m, Vec* out) {
  Vec sum1 = m[1] + m[2], difference1 = m[1] - m[2];
  Vec sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  out[0] = m[0] + (sum1 + sum2);
  out[1] = Fma(Set(2.0f), difference2, difference1);
  if constexpr (M == 2) {
    out[1] = out[1] + m[5];
  } else {
    out[2] = Fma(Set(4.0f), sum2, sum1);
    out[3] = Fma(Set(8.0f), difference2, difference1) + m[5];
  }
}

MS_INLINE Vec GatherOutputs(const float* w, int64_t step, int64_t count) {
  if (step == 1) return LoadUpTo(w, count);
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < Min(count, kLanes); ++i) lanes[i] = w[i * step];
  return Load(lanes);
}

// All 36 values for input channel c and outputs [o, o + kLanes), to the same place of each matrix.
template <int R>
void TransformFilter(const WinogradWeights& args, int64_t c, int64_t o, int64_t matrix_floats,
                     float* to) {
  Vec columns[R][kTile];  // [x][i]: G applied over y
  for (int x = 0; x < R; ++x) {
    Vec w[R];
    for (int y = 0; y < R; ++y) {
      const float* at = args.weights + y * args.steps[0] + x * args.steps[1] + c * args.steps[2] +
                        o * args.steps[3];
      w[y] = GatherOutputs(at, args.steps[3], args.outputs - o);
    }
    WeightRow<R>(w, columns[x]);
  }
  for (int i = 0; i < kTile; ++i) {
    Vec row[R], out[kTile];
    for (int x = 0; x < R; ++x) row[x] = columns[x][i];
    WeightRow<R>(row, out);
    for (int j = 0; j < kTile; ++j) Store(to + (i * kTile + j) * matrix_floats, out[j]);
  }
}

template <int R>
void TransformFilters(const WinogradWeights& args) {
  int64_t panels = (args.outputs + kPanel - 1) / kPanel;
  int64_t last_width = args.outputs - (panels - 1) * kPanel;
  int64_t last_stored = last_width <= kLanes ? kLanes : kPanel;
  int64_t matrix_floats = args.channels * ((panels - 1) * kPanel + last_stored);
  for (int64_t panel = 0; panel < panels; ++panel) {
    int64_t stored = panel + 1 < panels ? kPanel : last_stored;
    float* to = args.transformed + panel * kPanel * args.channels;
    for (int64_t c = 0; c < args.channels; ++c, to += stored) {
      for (int64_t lane = 0; lane < stored; lane += kLanes) {
        TransformFilter<R>(args, c, panel * kPanel + lane, matrix_floats, to + lane);
      }
    }
  }
}

MS_INLINE void InputTile(const float* image, int64_t row_step, int64_t channels, float* out,
                         int64_t place_step, int64_t count) {
  Vec columns[kTile][kTile];  // [i][x]: B' applied over y
  MS_UNROLL
  for (int x = 0; x < kTile; ++x) {
    Vec d[kTile], t[kTile];
    MS_UNROLL
    for (int y = 0; y < kTile; ++y) d[y] = LoadUpTo(image + y * row_step + x * channels, count);
    InputRow(d, t);
    MS_UNROLL
    for (int i = 0; i < kTile; ++i) columns[i][x] = t[i];
  }
  MS_UNROLL
  for (int i = 0; i < kTile; ++i) {
    Vec t[kTile];
    InputRow(columns[i], t);
    MS_UNROLL
    for (int j = 0; j < kTile; ++j) {
      StoreUpTo(out + (i * kTile + j) * place_step, t[j], count);
    }
  }
}

// The M x M results of one tile for kLanes outputs.
template <int M>
MS_INLINE void OutputTile(const float* products, int64_t place_step, int64_t count,
                          Vec (&out)[M][M]) {
  Vec columns[M][kTile];
  MS_UNROLL
  for (int x = 0; x < kTile; ++x) {
    Vec m[kTile], t[M];
    MS_UNROLL
    for (int y = 0; y < kTile; ++y) {
      m[y] = LoadUpTo(products + (y * kTile + x) * place_step, count);
    }
    OutputRow<M>(m, t);
    MS_UNROLL
    for (int i = 0; i < M; ++i) columns[i][x] = t[i];
  }
  MS_UNROLL
  for (int i = 0; i < M; ++i) OutputRow<M>(columns[i], out[i]);
}

template <int M>
void OutputTiles(const WinogradOutput& args) {
  const int64_t place_step = (args.tile_end - args.tile_begin) * args.outputs;
  const Vec low = Set(args.low), high = Set(args.high);
  for (int64_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
    const int64_t tile_y = tile / args.tiles_x, tile_x = tile % args.tiles_x;
    const int64_t rows = Min(M, args.height - tile_y * M),
                  columns = Min(M, args.width - tile_x * M);
    const float* products = args.products + (tile - args.tile_begin) * args.outputs;
    for (int64_t o = 0; o < args.outputs; o += kLanes) {
      const int64_t count = args.outputs - o;
      Vec out[M][M];
      OutputTile<M>(products + o, place_step, count, out);
      const Vec bias = args.bias != nullptr ? LoadUpTo(args.bias + o, count) : Set(0.0f);
      if (args.pool) {
        if (rows < 2 || columns < 2) continue;  // no whole window
        Vec best = bias + Max(Max(out[0][0], out[0][1]), Max(out[1][0], out[1][1]));
        if (args.clip) best = Clip(best, low, high);
        int64_t at = (tile_y * (args.width / 2) + tile_x) * args.outputs;
        StoreUpTo(args.out + at + o, best, count);
        continue;
      }
      for (int64_t y = 0; y < rows; ++y) {
        for (int64_t x = 0; x < columns; ++x) {
          Vec value = out[y][x] + bias;
          if (args.clip) value = Clip(value, low, high);
          int64_t at = ((tile_y * M + y) * args.width + tile_x * M + x) * args.outputs;
          StoreUpTo(args.out + at + o, value, count);
        }
      }
    }
  }
}

}  // namespace

void TransformWeights(const WinogradWeights& args) {
  if (args.r == 5) {
    TransformFilters<5>(args);
  } else {
    TransformFilters<3>(args);
  }
}

void TransformInput(const WinogradInput& args) {
  const int64_t place_step = (args.tile_end - args.tile_begin) * args.channels;
  for (int64_t tile = args.tile_begin; tile < args.tile_end; ++tile) {
    const float* image = args.image + tile / args.tiles_x * args.m * args.row_step +
                         tile % args.tiles_x * args.m * args.channels;
    float* out = args.transformed + (tile - args.tile_begin) * args.channels;
    for (int64_t c = 0; c < args.channels; c += kLanes) {
      InputTile(image + c, args.row_step, args.channels, out + c, place_step, args.channels - c);
    }
  }
}

void TransformOutput(const WinogradOutput& args) {
  if (args.m == 2) {
    OutputTiles<2>(args);
  } else {
    OutputTiles<4>(args);
  }
}

}  // namespace midstream::cpu_blas::MS_ISA

// Packed matrix product: blocking around the register tile of gemm.h, for each storage of weights.
//
// Loops, outside in: blocks of k (a panel's part stays in the second-level cache), blocks of rows
// (so does A), panels, row tiles. While the tiles of one panel run, the next panel is read ahead,
// which is what makes few rows (2 to 16) as fast as memory allows.
#include "kernels/gemm.h"

#include "kernels/kernels.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

constexpr int64_t kBlockK = 2048;
constexpr int64_t kBlockBytesA = 256 * 1024;

// A tile of half the rows may hold two panels instead, one of a single row four.
constexpr int kWideRows = kRowTile / 2;

template <Storage S, int MR>
void RunTile(const TileArgs<S>& t, int64_t panels) {
  if constexpr (MR <= kWideRows) {
    constexpr int kWide = MR == 1 ? 4 : 2;
    if (panels == kWide) return Tile<S, MR, 2, kWide>(t);
  }
  if (t.columns <= kLanes) {
    Tile<S, MR, 1, 1>(t);
  } else {
    Tile<S, MR, 2, 1>(t);
  }
}

template <Storage S, int... kIndex>
void RunTileOf(int64_t rows, const TileArgs<S>& t, int64_t panels) {
  using Function = void (*)(const TileArgs<S>&, int64_t);
  static constexpr Function kTiles[kRowTile] = {RunTile<S, kIndex>...};
  kTiles[rows - 1](t, panels);
}

template <Storage S>
void RunRows(int64_t rows, const TileArgs<S>& t, int64_t panels) {
  if constexpr (kRowTile == 14) {
    RunTileOf<S, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(rows, t, panels);
  } else {
    RunTileOf<S, 1, 2, 3, 4, 5, 6>(rows, t, panels);
  }
}

// A block of k: whole segments, or a part of the only one.
struct BlockK {
  int64_t segment;
  int64_t n_segments;
  int64_t offset;
  int64_t length;
  int64_t k;  // rows of B before it
};

template <Storage S>
class Product {
 public:
  explicit Product(const GemmArgs& args) : args_(args), k_(args.n_segments * args.segment_length) {}

  void Run(int64_t row_begin, int64_t row_end, int64_t panel_begin, int64_t panel_end) const {
    int64_t block_k = args_.n_segments > 1 ? k_ : Min(k_, kBlockK);
    if (k_ - block_k < block_k / 2) block_k = k_;
    int64_t block_rows = Max(kRowTile, kBlockBytesA / 4 / Max(block_k, 1) / kRowTile * kRowTile);
    int64_t k = 0;
    do {
      int64_t length = Min(block_k, k_ - k);
      for (int64_t row = row_begin; row < row_end; row += block_rows) {
        RunPanels(k, length, row, Min(row + block_rows, row_end), panel_begin, panel_end);
      }
      k += length;
    } while (k < k_);
  }

 private:
  using Weight = typename Element<S>::Type;

  void RunPanels(int64_t k, int64_t length, int64_t row_begin, int64_t row_end, int64_t panel_begin,
                 int64_t panel_end) const {
    int64_t rows = row_end - row_begin;
    // Few rows take several panels, to have enough independent sums. So do rows that lie a multiple
    // of 4096 bytes apart: they share one set of the first-level cache, which holds 8 lines.
    const bool rows_collide = args_.row_step * static_cast<int64_t>(sizeof(float)) % 4096 == 0;
    const int64_t wide = rows == 1 ? 4 : rows <= 3 || rows_collide ? 2 : 1;
    const int64_t tile_rows = rows_collide ? kWideRows : kRowTile;
    int64_t tiles = (rows + tile_rows - 1) / tile_rows;
    for (int64_t panel = panel_begin; panel < panel_end;) {
      bool whole = panel + wide <= panel_end && (panel + wide) * kPanel <= args_.n;
      int64_t panels = whole ? wide : 1;
      int64_t row = row_begin;
      for (int64_t tile = 0; tile < tiles; ++tile) {
        int64_t count = (row_end - row + tiles - tile - 1) / (tiles - tile);
        RunRows<S>(count, TileAt(k, length, row, panel, panels, panel_end, tile, tiles), panels);
        row += count;
      }
      panel += panels;
    }
  }

  TileArgs<S> TileAt(int64_t k, int64_t length, int64_t row, int64_t panel, int64_t panels,
                     int64_t panel_end, int64_t tile, int64_t tiles) const {
    TileArgs<S> t;
    t.a = args_.a + row * args_.row_step + k;
    t.row_step = args_.row_step;
    t.segments = args_.segments;
    t.n_segments = args_.n_segments;
    t.segment_length = args_.n_segments > 1 ? args_.segment_length : length;
    const int64_t last = panel + panels - 1;
    const int64_t width = Min(kPanel, args_.n - last * kPanel);
    const int64_t stored = width <= kLanes ? kLanes : kPanel;  // columns of this panel in memory
    const auto* b = static_cast<const Weight*>(args_.b);
    t.b = b + panel * kPanel * k_ + k * stored;
    t.panel_step = kPanel * k_;
    t.c = args_.c + row * args_.c_step + panel * kPanel;
    t.c_step = args_.c_step;
    t.columns = width;
    t.bias = args_.bias != nullptr ? args_.bias + panel * kPanel : nullptr;
    t.accumulate = k > 0;
    t.clip = args_.clip && k + length == k_;
    t.low = args_.low;
    t.high = args_.high;
    ReadAhead(t, panel, panels, panel_end, tile, tiles, length);
    return t;
  }

  // Each tile of a panel reads its share of the next panel ahead. A single row has no time to
  // spare for that: it reads its own panels a little ahead.
  void ReadAhead(TileArgs<S>& t, int64_t panel, int64_t panels, int64_t panel_end, int64_t tile,
                 int64_t tiles, int64_t length) const {
    constexpr int64_t kRowBytes = kPanel * static_cast<int64_t>(sizeof(Weight));
    bool more = panel + panels < panel_end && (panel + panels + 1) * kPanel <= args_.n;
    const Weight* next = more ? t.b + panels * t.panel_step : t.b;
    t.prefetch_step = more ? kRowBytes / tiles : 0;
    t.prefetch = reinterpret_cast<const char*>(next) + tile * length * t.prefetch_step;
  }

  const GemmArgs& args_;
  const int64_t k_;
};

}  // namespace

template <Storage S>
void Gemm(const GemmArgs& args, int64_t row_begin, int64_t row_end, int64_t panel_begin,
          int64_t panel_end) {
  if (row_begin >= row_end || panel_begin >= panel_end) return;
  Product<S>(args).Run(row_begin, row_end, panel_begin, panel_end);
}

template void Gemm<Storage::kF32>(const GemmArgs&, int64_t, int64_t, int64_t, int64_t);
template void Gemm<Storage::kBF16>(const GemmArgs&, int64_t, int64_t, int64_t, int64_t);
template void Gemm<Storage::kF16>(const GemmArgs&, int64_t, int64_t, int64_t, int64_t);

}  // namespace midstream::cpu_blas::MS_ISA

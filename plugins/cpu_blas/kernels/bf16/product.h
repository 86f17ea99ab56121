// The matrix product in bfloat16 arithmetic: pairs of products are added to a float32 sum by one
// instruction. Compiled for processors that have it; whether it pays is measured
// (bf16_arithmetic.h).
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_BF16_PRODUCT_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_BF16_PRODUCT_H_

#include <stdint.h>

#include "kernels/kernel_table.h"

namespace midstream::cpu_blas::avx512_bf16 {

constexpr int64_t kPairPanel = 32;  // columns of a panel
constexpr int kPairTile = 14;       // most rows of a tile

// Elements of the packed form of a [k, n] matrix: panels of 32 columns; within a panel, for two
// rows at a time, the pairs of each column.
int64_t PairElements(int64_t k, int64_t n);
void PackPairs(const PackShape& shape, const uint16_t* b, uint16_t* packed, int64_t panel_begin,
               int64_t panel_end);
void UnpackPairs(const PackShape& shape, const uint16_t* packed, uint16_t* b);

// The rows of the left-hand side are cut into tiles of nearly equal size. Packed, a tile holds for
// two columns at a time the pairs of its rows: read in order, whatever the distance of the rows.
static constexpr int64_t PairTiles(int64_t rows) { return (rows + kPairTile - 1) / kPairTile; }
static constexpr int64_t FirstRowOfTile(int64_t rows, int64_t tile) {
  return rows * tile / (rows > 0 ? PairTiles(rows) : 1);
}
static constexpr int64_t PackedRowPairs(int64_t rows, int64_t k) { return rows * ((k + 1) / 2); }
void PackRowPairs(const uint16_t* a, int64_t rows, int64_t k, uint32_t* packed, int64_t tile_begin,
                  int64_t tile_end);

// C[row, :] = bias + A[row, :] * B for a block of tiles and panels. Every element is one chain in the
// order of k, whatever the blocking.
struct PairArgs {
  const uint32_t* a;  // [rows, k], packed
  int64_t rows;
  int64_t k;
  const uint16_t* b;  // [k, n], packed
  int64_t n;
  float* c;  // of the first row and the first column of the block
  int64_t c_step;
  const float* bias;  // n entries or null
};
void MultiplyPairs(const PairArgs& args, int64_t tile_begin, int64_t tile_end, int64_t panel_begin,
                   int64_t panel_end);

}  // namespace midstream::cpu_blas::avx512_bf16

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_BF16_PRODUCT_H_

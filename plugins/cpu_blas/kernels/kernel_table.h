// The functions that are compiled once per instruction set, and the plain structs they take.
//
// Why a table: the files of this folder are compiled several times with different -m flags, each
// time in a namespace of their own, and one table is chosen at run time. So they must not define
// or use inline functions of a header shared with other files (the linker would keep one copy,
// perhaps the one with the wrong instructions): they include this header, <stdint.h>-like headers
// and each other, nothing of the C++ library.
//
// All functions are pure, allocate nothing and may run on any number of threads.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_KERNEL_TABLE_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_KERNEL_TABLE_H_

#include <stddef.h>
#include <stdint.h>

namespace midstream::cpu_blas {

// How a 16 or 32 bit float lies in memory.
enum class Storage : uint32_t { kF32 = 0, kBF16 = 1, kF16 = 2 };
constexpr int kStorageCount = 3;

// ---- Matrix product ----------------------------------------------------------------------------

// B [k, n] is packed into panels of `panel` columns: panel after panel, within a panel row after
// row. The last panel holds panel / 2 columns when that is enough; missing columns are zero.
struct PackShape {
  int64_t k;
  int64_t n;
  int64_t row_step;     // elements between two rows of the unpacked matrix
  int64_t column_step;  // 1 for row-major
  // Rows come in blocks of block_rows, block_step apart (0 rows: all are one block). So the filters
  // of a convolution are packed from any order of their axes.
  int64_t block_rows = 0;
  int64_t block_step = 0;
  // Store past the caches. Only where the packed form is aligned to 64 bytes and b is row-major.
  bool bypass_cache = false;
};

// C[row, :] = clip(bias + A[row, :] * B) for a block of rows and panels.
// Row `row` of A is made of n_segments runs of segment_length floats at a + row * row_step +
// segments[s]. A plain matrix has one segment at 0; a convolution has one for each filter row, so
// that no matrix of image patches has to be built.
// Every element is one chain of fused multiply-adds in the order of k, whatever the blocking: the
// bits depend neither on the number of rows nor on the number of threads.
struct GemmArgs {
  const float* a;
  int64_t row_step;
  const int64_t* segments;
  int64_t n_segments;
  int64_t segment_length;
  const void* b;
  int64_t n;
  float* c;
  int64_t c_step;
  const float* bias;  // n entries or null
  bool clip;
  float low;
  float high;
};

// ---- Winograd with 6x6 tiles (points 0, +-1, +-2, infinity) ------------------------------------

// m = 4, r = 3 or m = 2, r = 5. U and V are indexed [36][...].
struct WinogradWeights {
  const float* weights;  // element (ky, kx, c, o) at ky * steps[0] + kx * steps[1] + ...
  int64_t steps[4];
  int64_t channels;
  int64_t outputs;
  int64_t r;
  float* transformed;  // 36 packed matrices [channels, outputs]
};

struct WinogradInput {
  const float* image;  // padded, channels last
  int64_t row_step;    // floats between two image rows
  int64_t channels;
  int64_t m;
  int64_t tiles_x;
  int64_t tile_begin;  // of the tiles of one image, row by row
  int64_t tile_end;
  float* transformed;  // [36][tile_end - tile_begin][channels]
};

struct WinogradOutput {
  const float* products;  // [36][tile_end - tile_begin][outputs]
  int64_t outputs;
  int64_t m;
  int64_t tiles_x;
  int64_t tile_begin;
  int64_t tile_end;
  float* out;  // one image, channels last
  int64_t height;
  int64_t width;
  bool pool;  // m = 2: out holds the 2x2 maxima, [height / 2, width / 2, outputs]
  const float* bias;
  bool clip;
  float low;
  float high;
};

// ---- Windows -----------------------------------------------------------------------------------

// A window over rows of `channels` floats: cell (y, x) of window row y at cells + y * row_step +
// x * column_step. Cells outside the image were already cut off.
struct WindowArgs {
  const float* cells;
  int64_t rows;
  int64_t columns;
  int64_t row_step;
  int64_t column_step;
  int64_t channels;
  float* out;
};

// One output cell of a depthwise convolution: weights [filter rows][filter columns][channels] at
// the first cell that is inside.
struct DepthwiseArgs {
  WindowArgs window;
  const float* weights;
  int64_t weight_row_step;
  int64_t weight_column_step;
  const float* bias;
  bool clip;
  float low;
  float high;
};

// ---- Elementwise -------------------------------------------------------------------------------

enum class Unary : uint32_t {
  kAbs,
  kNeg,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,
  kTanh,
  kSigmoid,
  kErf,
  kGelu,
  kGeluTanh,
  kSign,
  kRelu,
  kLeakyRelu,
  kElu,
  kSelu,
  kSoftplus,
  kSoftsign,
  kClip,
  kCount
};
// Parameters: LeakyRelu alpha; Elu alpha; Selu alpha, gamma; Clip low, high.
template <typename T>
using UnaryRowOf = void (*)(const T* x, T* out, int64_t n, T p0, T p1);
using UnaryRow = UnaryRowOf<float>;
// Integers; low and high are those of Clip.
using IntegerRow = void (*)(const void* x, void* out, int64_t n, const void* low, const void* high);

enum class Binary : uint32_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMax,
  kMin,
  kPow,
  kMod,
  kFmod,
  kEqual,
  kGreater,
  kGreaterOrEqual,
  kAnd,
  kOr,
  kXor,
  kCount
};
// Element i of a side is at index 0 when its step is 0, else at i. out may be a or b. Comparisons
// write bytes 0 and 1; less is greater with the sides exchanged.
struct BinaryRow {
  const void* a;
  const void* b;
  void* out;
  int64_t n;
  bool a_step;
  bool b_step;
};
using BinaryRowFunction = void (*)(const BinaryRow& row);

enum class ElementType : uint32_t {
  kF32,
  kF64,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kCount
};
constexpr int kElementTypeCount = static_cast<int>(ElementType::kCount);

// ---- Any product -------------------------------------------------------------------------------

// C[i, j] = sum over p of A[i, p] * B[p, j] in the elements' own arithmetic, for what the packed
// product above does not do: float64, integers (which wrap), operands at any steps. Every element is
// one chain in the order of p, whatever the blocking.
struct ProductArgs {
  const void* a;
  int64_t a_row;  // steps in elements
  int64_t a_column;
  const void* b;
  int64_t b_row;
  int64_t b_column;
  void* c;  // columns contiguous
  int64_t c_row;
  int64_t m;
  int64_t n;
  int64_t k;
  bool add;  // to what C holds
};
using ProductFunction = void (*)(const ProductArgs& args);

// ---- Rows --------------------------------------------------------------------------------------

enum class Reduce : uint32_t { kSum, kMean, kMax, kMin, kProd, kCount };

// A row of attention scores s * scale + add, where `seen` says so, in place turned into exp(score -
// largest). Null: all seen, nothing added. Steps as in BinaryRow.
template <typename T>
struct ScoreRow {
  T* scores;
  int64_t n;
  T scale;
  const T* add;
  bool add_step;
  const uint8_t* seen;
  bool seen_step;
};

// What is computed in float32, for the 16-bit floats too, and in float64.
template <typename T>
struct Reals {
  UnaryRowOf<T> unary[static_cast<uint32_t>(Unary::kCount)];
  // out = x * scale + shift, per element.
  void (*scale_shift)(const T* x, const T* scale, const T* shift, T* out, int64_t n);
  void (*softmax_row)(const T* x, T* out, int64_t n, bool log);
  // The sum of what is left in the row; 0, and zeros, when nothing is seen.
  T (*score_row)(const ScoreRow<T>& row);
  // (x - mean) / sqrt(variance + epsilon) * scale + shift, or without mean and shift (null). out may
  // be x.
  void (*normalize_row)(const T* x, const T* scale, const T* shift, T* out, int64_t n, T epsilon,
                        bool centred);
  // Pairs of a head turned by angles: neighbours (interleaved), or half apart. out may be x.
  void (*rotate_row)(const T* x, const T* cosine, const T* sine, T* out, int64_t half,
                     bool interleaved);
  // sums += x * x; and out = x / (bias + scale * sums)^beta.
  void (*add_squares)(const T* x, T* sums, int64_t n);
  void (*response_row)(const T* x, const T* sums, T* out, int64_t n, T bias, T scale, T beta);
};

struct KernelTable : Reals<float> {
  Reals<double> f64;
  const char* name;
  int64_t panel;     // columns of a packed panel
  int64_t row_tile;  // rows that the product computes together

  // Pack panels [panel_begin, panel_end) of b; storage of source and packed form are equal.
  void (*pack)(const PackShape& shape, Storage storage, const void* b, void* packed,
               int64_t panel_begin, int64_t panel_end);
  void (*unpack)(const PackShape& shape, Storage storage, const void* packed, void* b);
  void (*gemm[kStorageCount])(const GemmArgs& args, int64_t row_begin, int64_t row_end,
                              int64_t panel_begin, int64_t panel_end);

  void (*winograd_weights)(const WinogradWeights& args);
  void (*winograd_input)(const WinogradInput& args);
  void (*winograd_output)(const WinogradOutput& args);

  void (*max_window)(const WindowArgs& args);
  void (*sum_window)(const WindowArgs& args, float scale);
  void (*depthwise)(const DepthwiseArgs& args);

  ProductFunction product[kElementTypeCount];
  IntegerRow integer_unary[kElementTypeCount]
                          [static_cast<uint32_t>(Unary::kCount)];  // null: not offered
  BinaryRowFunction binary[kElementTypeCount]
                          [static_cast<uint32_t>(Binary::kCount)];  // null: not offered
  // Column j of [rows, columns] (row_step floats apart) over all rows.
  void (*reduce_columns)(Reduce op, const float* x, int64_t rows, int64_t row_step, int64_t columns,
                         float* out);
  float (*reduce_row)(Reduce op, const float* x, int64_t n);
  void (*widen)(Storage storage, const void* x, float* out, int64_t n);
  void (*narrow)(Storage storage, const float* x, void* out, int64_t n);
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_KERNELS_KERNEL_TABLE_H_

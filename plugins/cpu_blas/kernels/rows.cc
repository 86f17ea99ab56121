// Sums, extrema and softmax over rows, and conversions between float storages.
//
// A row is summed in a fixed number of lanes that are joined in a fixed order: the same bits for
// any thread count.
#include "kernels/kernels.h"
#include "kernels/math.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

template <Reduce kOp>
MS_INLINE float Join(float a, float b) {
  if constexpr (kOp == Reduce::kMax) return a > b || a != a ? a : b;
  if constexpr (kOp == Reduce::kMin) return a < b || a != a ? a : b;
  if constexpr (kOp == Reduce::kProd) return a * b;
  return a + b;
}

template <Reduce kOp>
constexpr float kStart = kOp == Reduce::kMax    ? -__builtin_inff()
                         : kOp == Reduce::kMin  ? __builtin_inff()
                         : kOp == Reduce::kProd ? 1.0f
                                                : 0.0f;

// Pieces of a row are reduced apart, which keeps the rounding error of long sums small.
constexpr int64_t kPiece = 1024;
constexpr int64_t kSums = 32;

template <Reduce kOp>
float ReducePiece(const float* x, int64_t n) {
  float lanes[kSums];
  for (float& lane : lanes) lane = kStart<kOp>;
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) lanes[j] = Join<kOp>(lanes[j], x[i + j]);
  }
  for (int64_t j = 0; i + j < n; ++j) lanes[j] = Join<kOp>(lanes[j], x[i + j]);
  for (int64_t width = kSums / 2; width > 0; width /= 2) {
    for (int64_t j = 0; j < width; ++j) lanes[j] = Join<kOp>(lanes[j], lanes[j + width]);
  }
  return lanes[0];
}

template <Reduce kOp>
float ReduceRowOf(const float* x, int64_t n) {
  float result = kStart<kOp>;
  for (int64_t i = 0; i < n; i += kPiece) {
    result = Join<kOp>(result, ReducePiece<kOp>(x + i, Min(kPiece, n - i)));
  }
  return kOp == Reduce::kMean ? result / static_cast<float>(n) : result;
}

template <Reduce kOp>
void ReduceColumnsOf(const float* x, int64_t rows, int64_t row_step, int64_t columns, float* out) {
  constexpr int64_t kBlock = 64;
  for (int64_t begin = 0; begin < columns; begin += kBlock) {
    int64_t width = Min(kBlock, columns - begin);
    float total[kBlock];
    for (int64_t j = 0; j < width; ++j) total[j] = kStart<kOp>;
    for (int64_t piece = 0; piece < rows; piece += kSums) {
      float part[kBlock];
      for (int64_t j = 0; j < width; ++j) part[j] = kStart<kOp>;
      for (int64_t row = piece; row < Min(piece + kSums, rows); ++row) {
        const float* at = x + row * row_step + begin;
        for (int64_t j = 0; j < width; ++j) part[j] = Join<kOp>(part[j], at[j]);
      }
      for (int64_t j = 0; j < width; ++j) total[j] = Join<kOp>(total[j], part[j]);
    }
    const float count = kOp == Reduce::kMean ? static_cast<float>(rows) : 1.0f;
    for (int64_t j = 0; j < width; ++j) out[begin + j] = total[j] / count;
  }
}

// Sum of exp(x - shift), and the exponentials themselves.
float ExpSum(const float* x, float* out, int64_t n, float shift) {
  for (int64_t i = 0; i < n; ++i) out[i] = Exp(x[i] - shift);
  return ReduceRowOf<Reduce::kSum>(out, n);
}

template <typename T, typename F>
MS_INLINE void Convert(const void* x, float* out, int64_t n, F f) {
  const T* from = static_cast<const T*>(x);
  for (int64_t i = 0; i < n; ++i) out[i] = f(from[i]);
}

}  // namespace

float ReduceRow(Reduce op, const float* x, int64_t n) {
  switch (op) {
    case Reduce::kMean:
      return ReduceRowOf<Reduce::kMean>(x, n);
    case Reduce::kMax:
      return ReduceRowOf<Reduce::kMax>(x, n);
    case Reduce::kMin:
      return ReduceRowOf<Reduce::kMin>(x, n);
    case Reduce::kProd:
      return ReduceRowOf<Reduce::kProd>(x, n);
    default:
      return ReduceRowOf<Reduce::kSum>(x, n);
  }
}

void ReduceColumns(Reduce op, const float* x, int64_t rows, int64_t row_step, int64_t columns,
                   float* out) {
  switch (op) {
    case Reduce::kMean:
      return ReduceColumnsOf<Reduce::kMean>(x, rows, row_step, columns, out);
    case Reduce::kMax:
      return ReduceColumnsOf<Reduce::kMax>(x, rows, row_step, columns, out);
    case Reduce::kMin:
      return ReduceColumnsOf<Reduce::kMin>(x, rows, row_step, columns, out);
    case Reduce::kProd:
      return ReduceColumnsOf<Reduce::kProd>(x, rows, row_step, columns, out);
    default:
      return ReduceColumnsOf<Reduce::kSum>(x, rows, row_step, columns, out);
  }
}

void SoftmaxRow(const float* x, float* out, int64_t n, bool log) {
  const float shift = ReduceRowOf<Reduce::kMax>(x, n);
  if (log) {
    // out may be x, so the exponentials are summed without being kept.
    float sum = 0.0f, scratch[kPiece];
    for (int64_t i = 0; i < n; i += kPiece)
      sum += ExpSum(x + i, scratch, Min(kPiece, n - i), shift);
    const float log_sum = Log(sum);
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - shift) - log_sum;
    return;
  }
  const float sum = ExpSum(x, out, n, shift);
  for (int64_t i = 0; i < n; ++i) out[i] = out[i] / sum;
}

void Widen(Storage storage, const void* x, float* out, int64_t n) {
  if (storage == Storage::kBF16) {
    Convert<uint16_t>(x, out, n, FromBF16);
  } else if (storage == Storage::kF16) {
    Convert<uint16_t>(x, out, n, FromF16);
  } else {
    Convert<float>(x, out, n, [](float v) { return v; });
  }
}

void Narrow(Storage storage, const float* x, void* out, int64_t n) {
  if (storage == Storage::kBF16) {
    auto* to = static_cast<uint16_t*>(out);
    for (int64_t i = 0; i < n; ++i) to[i] = ToBF16(x[i]);
  } else if (storage == Storage::kF16) {
    auto* to = static_cast<uint16_t*>(out);
    for (int64_t i = 0; i < n; ++i) to[i] = ToF16(x[i]);
  } else {
    Convert<float>(x, static_cast<float*>(out), n, [](float v) { return v; });
  }
}

}  // namespace midstream::cpu_blas::MS_ISA

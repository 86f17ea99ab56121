// Normalisation over rows, in float32 and float64.
#include "kernels/kernels.h"
#include "kernels/math64.h"

namespace midstream::cpu_blas::MS_ISA {
namespace {

template <typename T>
void ScaleShift(const T* x, const T* scale, const T* shift, T* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = Fused(x[i], scale[i], shift[i]);
}

// Sums and maxima in a fixed number of lanes that are joined in a fixed order.
template <typename T, bool kSum>
T Join(const T* x, int64_t n) {
  constexpr int64_t kWidth = 16;
  auto join = [](T a, T b) { return kSum ? a + b : a > b || a != a ? a : b; };
  T lanes[kWidth];
  for (T& lane : lanes) lane = kSum ? T(0) : static_cast<T>(-__builtin_inff());
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    for (int64_t j = 0; j < kWidth; ++j) lanes[j] = join(lanes[j], x[i + j]);
  }
  for (int64_t j = 0; i + j < n; ++j) lanes[j] = join(lanes[j], x[i + j]);
  for (int64_t width = kWidth / 2; width > 0; width /= 2) {
    for (int64_t j = 0; j < width; ++j) lanes[j] = join(lanes[j], lanes[j + width]);
  }
  return lanes[0];
}

// out may be x.
void SoftmaxRow64(const double* x, double* out, int64_t n, bool log) {
  const double shift = Join<double, false>(x, n);
  double sum = 0;
  constexpr int64_t kPiece = 256;
  double piece[kPiece];
  for (int64_t at = 0; at < n; at += kPiece) {
    const int64_t count = Min(kPiece, n - at);
    for (int64_t i = 0; i < count; ++i) piece[i] = Exp(x[at + i] - shift);
    sum += Join<double, true>(piece, count);
    if (log) continue;
    for (int64_t i = 0; i < count; ++i) out[at + i] = piece[i];
  }
  if (log) {
    const double log_sum = Log(sum);
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - shift) - log_sum;
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = out[i] / sum;
  }
}

template <typename T>
T ScoreRowOf(const ScoreRow<T>& row) {
  T* s = row.scores;
  const int64_t n = row.n;
  constexpr T kHidden = static_cast<T>(-__builtin_inff());
  if (row.add != nullptr) {
    if (row.add_step) {
      for (int64_t i = 0; i < n; ++i) s[i] = Fused(s[i], row.scale, row.add[i]);
    } else {
      const T add = row.add[0];
      for (int64_t i = 0; i < n; ++i) s[i] = Fused(s[i], row.scale, add);
    }
  } else {
    for (int64_t i = 0; i < n; ++i) s[i] *= row.scale;
  }
  if (row.seen != nullptr && row.seen_step) {
    for (int64_t i = 0; i < n; ++i) s[i] = row.seen[i] != 0 ? s[i] : kHidden;
  }
  const bool none = row.seen != nullptr && !row.seen_step && row.seen[0] == 0;
  const T largest = none ? kHidden : Join<T, false>(s, n);
  if (largest == kHidden) {
    for (int64_t i = 0; i < n; ++i) s[i] = T(0);
    return T(0);
  }
  for (int64_t i = 0; i < n; ++i) s[i] = Exp(s[i] - largest);
  constexpr int64_t kPiece = 1024;  // summed apart, which keeps the rounding error small
  T sum = 0;
  for (int64_t i = 0; i < n; i += kPiece) sum += Join<T, true>(s + i, Min(kPiece, n - i));
  return sum;
}

template <typename T>
void NormalizeRow(const T* x, const T* scale, const T* shift, T* out, int64_t n, T epsilon,
                  bool centred) {
  constexpr int64_t kPiece = 256;
  T piece[kPiece];
  T sum = 0, squares = 0;
  for (int64_t at = 0; centred && at < n; at += kPiece) {
    sum += Join<T, true>(x + at, Min(kPiece, n - at));
  }
  const T mean = centred ? sum / static_cast<T>(n) : T(0);
  for (int64_t at = 0; at < n; at += kPiece) {
    const int64_t count = Min(kPiece, n - at);
    for (int64_t i = 0; i < count; ++i) piece[i] = (x[at + i] - mean) * (x[at + i] - mean);
    squares += Join<T, true>(piece, count);
  }
  const T factor = T(1) / SquareRoot(squares / static_cast<T>(n) + epsilon);
  if (shift == nullptr) {
    MS_SAME_PLACE
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * factor * scale[i];
  } else {
    MS_SAME_PLACE
    for (int64_t i = 0; i < n; ++i) out[i] = Fused((x[i] - mean) * factor, scale[i], shift[i]);
  }
}

template <typename T>
void RotateRow(const T* x, const T* cosine, const T* sine, T* out, int64_t half, bool interleaved) {
  if (interleaved) {
    MS_SAME_PLACE
    for (int64_t i = 0; i < half; ++i) {
      const T a = x[2 * i], b = x[2 * i + 1];
      out[2 * i] = a * cosine[i] - b * sine[i];
      out[2 * i + 1] = a * sine[i] + b * cosine[i];
    }
  } else {
    MS_SAME_PLACE
    for (int64_t i = 0; i < half; ++i) {
      const T a = x[i], b = x[half + i];
      out[i] = a * cosine[i] - b * sine[i];
      out[half + i] = a * sine[i] + b * cosine[i];
    }
  }
}

template <typename T>
void AddSquares(const T* x, T* sums, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sums[i] = Fused(x[i], x[i], sums[i]);
}

// The usual powers by square roots; bias and sums are positive in every use.
template <typename T>
void ResponseRow(const T* x, const T* sums, T* out, int64_t n, T bias, T scale, T beta) {
  if (beta == T(0.75)) {
    for (int64_t i = 0; i < n; ++i) {
      T root = SquareRoot(Fused(scale, sums[i], bias));
      out[i] = x[i] / (root * SquareRoot(root));
    }
  } else if (beta == T(0.5)) {
    for (int64_t i = 0; i < n; ++i) out[i] = x[i] / SquareRoot(Fused(scale, sums[i], bias));
  } else if (beta == T(1)) {
    for (int64_t i = 0; i < n; ++i) out[i] = x[i] / Fused(scale, sums[i], bias);
  } else {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = x[i] / static_cast<T>(pow(static_cast<double>(Fused(scale, sums[i], bias)),
                                         static_cast<double>(beta)));
    }
  }
}

}  // namespace

template <typename T>
void FillReals(Reals<T>* table) {
  table->scale_shift = ScaleShift<T>;
  table->score_row = ScoreRowOf<T>;
  table->normalize_row = NormalizeRow<T>;
  table->rotate_row = RotateRow<T>;
  table->add_squares = AddSquares<T>;
  table->response_row = ResponseRow<T>;
  if constexpr (sizeof(T) == sizeof(float)) {
    table->softmax_row = SoftmaxRow;
  } else {
    table->softmax_row = SoftmaxRow64;
  }
}
template void FillReals(Reals<float>* table);
template void FillReals(Reals<double>* table);

}  // namespace midstream::cpu_blas::MS_ISA

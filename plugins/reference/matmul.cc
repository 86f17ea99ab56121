// Matrix products: three plain loops.
#include <array>

#include "plugins/reference/activation.h"
#include "plugins/reference/arithmetic.h"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// One product: element (i, k) of A is a[i * row + k * column], and so for B.
template <typename T>
struct Matrix {
  const T* data;
  int64_t row;
  int64_t column;
};

template <typename T>
T Dot(const Matrix<T>& a, const Matrix<T>& b, int64_t i, int64_t j, int64_t depth) {
  T sum{0};
  for (int64_t k = 0; k < depth; ++k) {
    sum = Add(sum, Mul(a.data[i * a.row + k * a.column], b.data[k * b.row + j * b.column]));
  }
  return sum;
}

// Dimensions with a vector made a row (left) or a column (right).
struct Sides {
  int64_t rows;
  int64_t columns;
  Dims batch;
};
Sides SidesOf(Dims shape, bool left) {
  size_t rank = shape.size();
  if (rank == 1 && left) return {1, shape[0], {}};
  if (rank == 1) return {shape[0], 1, {}};
  return {shape[rank - 2], shape[rank - 1], shape.first(rank - 2)};
}

KernelPtr MatMul(const NodeView&) {
  return MakeCompute([](const Call& call) {
    Sides a = SidesOf(call.in(0).shape(), true);
    Sides b = SidesOf(call.in(1).shape(), false);
    size_t dropped = (call.in(0).shape().size() == 1 ? 1 : 0) + (call.in(1).shape().size() == 1);
    Dims out = call.out().shape();
    Dims batch = out.first(out.size() - (2 - dropped));
    Index a_strides = BroadcastStrides(a.batch, batch);
    Index b_strides = BroadcastStrides(b.batch, batch);
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      T* y = call.out().as<T>();
      ForEach(batch, [&](const Index& at, int64_t) {
        int64_t a_batch = Offset(at, a_strides, batch.size());
        int64_t b_batch = Offset(at, b_strides, batch.size());
        Matrix<T> left{call.in(0).as<T>() + a_batch * a.rows * a.columns, a.columns, 1};
        Matrix<T> right{call.in(1).as<T>() + b_batch * b.rows * b.columns, b.columns, 1};
        for (int64_t i = 0; i < a.rows; ++i) {
          for (int64_t j = 0; j < b.columns; ++j) *y++ = Dot(left, right, i, j, a.columns);
        }
      });
    });
  });
}

template <typename T>
T Scale(double factor, T value) {
  return factor == 1.0 ? value : FromReal<T>(factor * static_cast<double>(value));
}

KernelPtr Gemm(const NodeView& node) {
  bool trans_a = node.Int("transA", 0) != 0;
  bool trans_b = node.Int("transB", 0) != 0;
  double alpha = node.Float("alpha", 1.0);
  double beta = node.Float("beta", 1.0);
  return MakeCompute([=](const Call& call) {
    Dims a = call.in(0).shape();
    Dims b = call.in(1).shape();
    Dims out = call.out().shape();
    Operand c = call.in(2);
    Index c_strides = c.present() ? BroadcastStrides(c.shape(), out) : Index{};
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      Matrix<T> left{call.in(0).as<T>(), trans_a ? 1 : a[1], trans_a ? a[1] : 1};
      Matrix<T> right{call.in(1).as<T>(), trans_b ? 1 : b[1], trans_b ? b[1] : 1};
      T* y = call.out().as<T>();
      ForEach(out, [&](const Index& at, int64_t i) {
        T sum = Scale(alpha, Dot(left, right, at[0], at[1], trans_a ? a[0] : a[1]));
        if (c.present()) sum = Add(sum, Scale(beta, c.as<T>()[Offset(at, c_strides, 2)]));
        y[i] = sum;
      });
    });
  });
}

KernelPtr FusedMatMul(const NodeView& node) {
  bool trans_b = node.Int("transpose_b", 0) != 0;
  return MakeCompute([trans_b, activation = Activation(node)](const Call& call) {
    Dims a = call.in(0).shape();
    Dims b = call.in(1).shape();
    int64_t depth = a.back();
    int64_t columns = call.out().shape().back();
    if (columns == 0) return;
    int64_t rows = call.out().count() / columns;
    Matrix<double> left{call.in(0).as<double>(), depth, 1};
    Matrix<double> right{call.in(1).as<double>(), trans_b ? 1 : b[1], trans_b ? b[1] : 1};
    Operand bias = call.in(2);
    double* y = call.out().as<double>();
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        double sum = Dot(left, right, i, j, depth);
        if (bias.present()) sum += bias.as<double>()[j];
        *y++ = activation(sum);
      }
    }
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "Gemm", ClaimAny, Gemm},
    KernelEntry{"", "MatMul", ClaimAny, MatMul},
    KernelEntry{"midstream", "MatMul", ClaimAny, FusedMatMul},
};

}  // namespace

std::span<const KernelEntry> MatMulKernels() { return kTable; }

}  // namespace midstream::reference

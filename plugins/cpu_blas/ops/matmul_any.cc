// MatMul and Gemm in float64 and in the integer types, by the product over any steps: nothing is
// packed ahead, transposed operands are read where they lie. With float64 anywhere, everything is
// computed in it.
#include "ops/matmul_any.h"

#include "ops/activation.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr uint32_t kMaxRank = 8;

struct Options {
  bool transpose_a = false, transpose_b = false;  // of matrices
  double alpha = 1.0, beta = 1.0;
  RealActivation activation;
};

int64_t FromEnd(const TensorView& x, uint32_t i) { return x.rank > i ? x.dim(x.rank - 1 - i) : 1; }

// A vector on the left is a row, on the right a column.
struct Problem {
  int64_t m, n, k;
  int64_t batches = 1;

  Problem(const TensorView& a, const TensorView& b, const Options& options) {
    k = a.rank == 1 ? a.dim(0) : FromEnd(a, options.transpose_a ? 1 : 0);
    m = a.rank == 1 ? 1 : FromEnd(a, options.transpose_a ? 0 : 1);
    n = b.rank == 1 ? 1 : FromEnd(b, options.transpose_b ? 1 : 0);
    for (uint32_t i = 2; i < std::max(a.rank, b.rank); ++i) batches *= BatchDim(a, b, i);
  }
  static int64_t BatchDim(const TensorView& a, const TensorView& b, uint32_t i) {
    return FromEnd(a, i) == 1 ? FromEnd(b, i) : FromEnd(a, i);
  }
  // Which matrix of `x` takes part in product `batch`.
  static int64_t MatrixOf(const TensorView& x, const TensorView& a, const TensorView& b,
                          int64_t batch) {
    int64_t index = 0, step = 1;
    for (uint32_t i = 2; i < std::max(a.rank, b.rank); ++i) {
      const int64_t at = batch % BatchDim(a, b, i);
      batch /= BatchDim(a, b, i);
      if (FromEnd(x, i) != 1) index += at * step;
      step *= FromEnd(x, i);
    }
    return index;
  }
};

class AnyMatMulKernel final : public sdk::Kernel {
 public:
  AnyMatMulKernel(const KernelTable& isa, Options options)
      : isa_(isa), options_(std::move(options)) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    if (IsReal(shapes.outputs[0].dtype)) OperandsOf(shapes, &scratch);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    ScratchCutter scratch(args.scratch);
    const Operands operands = OperandsOf(args, &scratch);
    const Problem problem(args.inputs[0], args.inputs[1], options_);
    const ElementType type = IsReal(out.dtype) ? ElementType::kF64 : *ElementTypeOf(out.dtype);
    for (int64_t batch = 0; batch < problem.batches; ++batch) {
      Multiply(args, operands, problem, type, batch);
    }
    if (operands.c != nullptr || options_.alpha != 1.0) AddC(args, operands, problem, type);
    if (!IsReal(out.dtype)) return;
    auto* reals = static_cast<double*>(operands.out);
    options_.activation.Run(isa_, reals, out.count());
    FinishReals(isa_, reals, out);
  }

 private:
  struct Operands {
    const void *a, *b, *c;
    void* out;
  };

  Operands OperandsOf(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView* c = args.n_inputs > 2 && args.inputs[2].present() ? &args.inputs[2] : nullptr;
    if (!IsReal(args.outputs[0].dtype)) {
      return {args.inputs[0].data, args.inputs[1].data, c != nullptr ? c->data : nullptr,
              args.outputs[0].data};
    }
    Operands operands{};
    operands.a = AsReals<double>(isa_, args.inputs[0], scratch);
    operands.b = AsReals<double>(isa_, args.inputs[1], scratch);
    if (c != nullptr) operands.c = AsReals<double>(isa_, *c, scratch);
    operands.out = OutputReals<double>(args.outputs[0], scratch);
    return operands;
  }

  static const void* At(const void* base, int64_t element, int64_t width) {
    return static_cast<const std::byte*>(base) + element * width;
  }
  static void* At(void* base, int64_t element, int64_t width) {
    return static_cast<std::byte*>(base) + element * width;
  }

  void Multiply(const KernelArgs& args, const Operands& operands, const Problem& p,
                ElementType type, int64_t batch) const {
    const TensorView &a = args.inputs[0], &b = args.inputs[1];
    const int64_t width = WidthOf(type);
    ProductArgs product{};
    product.a = At(operands.a, Problem::MatrixOf(a, a, b, batch) * p.m * p.k, width);
    product.a_row = options_.transpose_a ? 1 : p.k;
    product.a_column = options_.transpose_a ? p.m : 1;
    product.b = At(operands.b, Problem::MatrixOf(b, a, b, batch) * p.k * p.n, width);
    product.b_row = options_.transpose_b ? 1 : p.n;
    product.b_column = options_.transpose_b ? p.k : 1;
    product.c = At(operands.out, batch * p.m * p.n, width);
    product.c_row = p.n;
    product.m = p.m;
    product.n = p.n;
    product.k = p.k;
    constexpr int64_t kGrain = 24;  // rows or columns that pay for bringing B into the buffer
    const double microseconds = static_cast<double>(p.m * p.n * p.k) / 4e3;
    const bool by_rows = p.m >= p.n;
    ForRange(*args.host, microseconds, by_rows ? p.m : p.n, by_rows ? kGrain : 4 * kGrain,
             [&](int64_t begin, int64_t end) {
               ProductArgs part = product;
               (by_rows ? part.m : part.n) = end - begin;
               if (by_rows) part.a = At(product.a, begin * product.a_row, width);
               if (!by_rows) part.b = At(product.b, begin * product.b_column, width);
               part.c = At(product.c, by_rows ? begin * p.n : begin, width);
               isa_.product[static_cast<uint32_t>(type)](part);
             });
  }

  // Y = alpha * Y + beta * C, row by row; C may be a scalar, a row, a column or a matrix.
  void AddC(const KernelArgs& args, const Operands& operands, const Problem& p,
            ElementType type) const {
    const int64_t width = WidthOf(type), rows = p.m * p.batches;
    const auto* functions = isa_.binary[static_cast<uint32_t>(type)];
    const BinaryRowFunction add = functions[static_cast<uint32_t>(Binary::kAdd)];
    const bool scales = options_.alpha != 1.0 || options_.beta != 1.0;  // float64 only
    for (int64_t row = 0; row < rows; ++row) {
      void* out = At(operands.out, row * p.n, width);
      if (operands.c == nullptr) {
        Scale(static_cast<double*>(out), p.n);
        continue;
      }
      const TensorView& c = args.inputs[2];
      const int64_t row_step = FromEnd(c, 1) == 1 ? 0 : FromEnd(c, 0);
      const bool steps = FromEnd(c, 0) != 1;
      const void* from = At(operands.c, row * row_step, width);
      if (scales) {
        Scale(static_cast<double*>(out), p.n);
        const auto* more = static_cast<const double*>(from);
        for (int64_t j = 0; j < p.n; ++j) {
          static_cast<double*>(out)[j] += options_.beta * more[steps ? j : 0];
        }
      } else {
        add({out, from, out, p.n, true, steps});
      }
    }
  }

  void Scale(double* out, int64_t n) const {
    for (int64_t j = 0; j < n; ++j) out[j] *= options_.alpha;
  }

  const KernelTable& isa_;
  const Options options_;
};

}  // namespace

bool HasOtherDType(const NodeView& node) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (node.HasInput(i) && !IsFloatStorage(node.input(i).dtype())) return true;
  }
  return !IsFloatStorage(node.output(0).dtype());
}

Claim ClaimAnyMatMul(const NodeView& node) {
  const ms_dtype out = node.output(0).dtype();
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    const ms_dtype dtype = node.input(i).dtype();
    const bool fits = IsReal(out) ? IsReal(dtype) : IsInteger(out) && sdk::Same(dtype, out);
    if (!fits) return Claim::No(MS_REASON_DTYPE);
    if (!node.input(i).rank_known() || node.input(i).info().rank > kMaxRank) {
      return Claim::No(MS_REASON_SHAPE);
    }
  }
  const bool scales = node.Float("alpha", 1.0) != 1.0 || node.Float("beta", 1.0) != 1.0;
  // The reference scales the sum before it wraps.
  if (!ParseRealActivation(node) || (scales && !IsReal(out))) return Claim::No(MS_REASON_ATTRIBUTE);
  const ms_dtype compute = IsReal(out) ? sdk::kF64 : out;
  return Claim::Yes(compute, compute);
}

std::unique_ptr<sdk::Kernel> CreateAnyMatMul(const NodeView& node, const Setup& setup) {
  Options options;
  options.transpose_a = node.Int("transA", 0) != 0;
  options.transpose_b = node.Int("transB", 0) != 0 || node.Int("transpose_b", 0) != 0;
  options.alpha = node.Float("alpha", 1.0);
  options.beta = node.Float("beta", 1.0);
  options.activation = *ParseRealActivation(node);
  return std::make_unique<AnyMatMulKernel>(setup.isa, std::move(options));
}

}  // namespace midstream::cpu_blas

// MatMul and Gemm of ONNX, and the fused MatMul of domain "midstream".
//
// A weight on the right-hand side is packed once, when it is staged; any other right-hand side is
// packed into scratch memory on each run. X, W, the bias and the output may each be float32,
// bfloat16 or float16; sums are float32.
#include <array>

#include "blas/openblas.h"
#include "ops/activation.h"
#include "ops/floats.h"
#include "ops/matmul_any.h"
#include "ops/matmul_bf16.h"
#include "ops/op_table.h"
#include "ops/packed_matrix.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr uint32_t kMaxRank = 8;

// Where a call of OpenBLAS is worth considering.
constexpr int64_t kMinBlasSide = 128;
constexpr int64_t kMinBlasProducts = int64_t{1} << 24;

struct MatMulOptions {
  bool transpose_a = false;  // rank 2 only
  bool transpose_b = false;  // rank 2 only
  bool b_packed = false;     // B is a weight or constant matrix
  float alpha = 1.0f;
  float beta = 1.0f;
  Activation activation;
  const OpenBlas* blas = nullptr;  // for a B that is not packed; null: not to be used
};

// The product as batches of [m, k] x [k, n].
struct Problem {
  int64_t m, k, n;
  int64_t batches = 1;
  std::array<int64_t, kMaxRank> dims{};     // of the batch axes of the output
  std::array<int64_t, kMaxRank> a_steps{};  // matrices of A between neighbours; 0: broadcast
  std::array<int64_t, kMaxRank> b_steps{};
  uint32_t batch_rank = 0;
};

int64_t FromEnd(const TensorView& x, uint32_t i) { return x.rank > i ? x.dim(x.rank - 1 - i) : 1; }

class MatMulKernel final : public sdk::Kernel {
 public:
  MatMulKernel(const KernelTable& isa, const MatMulOptions& options)
      : isa_(isa), options_(options) {}

  uint64_t PackedBytes(uint32_t input, const TensorView& value) const override {
    if (input != 1 || !options_.b_packed) return 0;
    PackShape shape = ShapeOfB(value);
    return static_cast<uint64_t>(PackedElements(isa_, shape.k, shape.n)) *
           sdk::ByteWidth(value.dtype);
  }
  void Pack(uint32_t, const TensorView& value, std::byte* packed,
            const sdk::Host& host) const override {
    PackMatrix(isa_, ShapeOfB(value), StorageOf(value.dtype), value.data, packed, host);
  }
  void Unpack(uint32_t, const std::byte* packed, const TensorView& value) const override {
    isa_.unpack(ShapeOfB(value), StorageOf(value.dtype), packed, value.data);
  }

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    ScratchCutter scratch(args.scratch);
    Operands operands = Prepare(args, &scratch);
    if (args.outputs[0].count() == 0) return;
    if (operands.transposed_a != nullptr) TransposeA(&operands);
    const Problem& p = operands.problem;
    for (int64_t batch = 0; batch < p.batches; ++batch) RunBatch(args, operands, batch);
    FinishRows(args, operands);
    FinishFloats(isa_, operands.out, args.outputs[0]);
  }

 private:
  struct Operands {
    Problem problem;
    const float* a;
    float* transposed_a;
    const float* c;         // input 2 as floats
    const float* row_bias;  // c when it is one row that the product can start from
    float* out;
    std::byte* packed_b;  // scratch
  };

  PackShape ShapeOfB(const TensorView& b) const {
    int64_t rows = b.rank >= 2 ? b.dim(b.rank - 2) : b.dim(0);
    int64_t columns = b.rank >= 2 ? b.dim(b.rank - 1) : 1;
    if (options_.transpose_b) return {columns, rows, 1, columns};
    return {rows, columns, columns, 1};
  }

  Problem Describe(const TensorView& a, const TensorView& b) const {
    PackShape right = ShapeOfB(b);
    Problem p;
    p.k = right.k;
    p.n = right.n;
    p.m = a.rank >= 2 ? a.dim(a.rank - 2) : 1;
    if (options_.transpose_a) p.m = a.dim(1);
    if (b.rank <= 2) {  // one matrix on the right: the leading axes of A are more rows
      for (uint32_t i = 2; i < a.rank; ++i) p.m *= FromEnd(a, i);
      return p;
    }
    p.batch_rank = std::max(a.rank, b.rank) - 2;
    int64_t a_step = 1, b_step = 1;
    for (uint32_t i = 0; i < p.batch_rank; ++i) {
      int64_t a_dim = FromEnd(a, i + 2), b_dim = FromEnd(b, i + 2);
      p.dims[i] = a_dim == 1 ? b_dim : a_dim;
      p.a_steps[i] = a_dim == 1 ? 0 : a_step;
      p.b_steps[i] = b_dim == 1 ? 0 : b_step;
      a_step *= a_dim;
      b_step *= b_dim;
      p.batches *= p.dims[i];
    }
    return p;
  }

  Operands Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView &a = args.inputs[0], &b = args.inputs[1];
    Operands o;
    o.problem = Describe(a, b);
    o.a = AsFloats(isa_, a, scratch);
    o.transposed_a =
        options_.transpose_a ? scratch->Take<float>(o.problem.m * o.problem.k) : nullptr;
    o.c = args.n_inputs > 2 ? AsFloats(isa_, args.inputs[2], scratch) : nullptr;
    o.row_bias = nullptr;
    if (o.c != nullptr && options_.alpha == 1.0f && options_.beta == 1.0f) {
      const TensorView& c = args.inputs[2];
      bool one_row = c.rank > 0 && FromEnd(c, 0) == o.problem.n && FromEnd(c, 1) == 1;
      if (one_row) o.row_bias = o.c;
    }
    o.out = OutputFloats(args.outputs[0], scratch);
    o.packed_b = nullptr;
    if (!options_.b_packed) {
      int64_t elements = PackedElements(isa_, o.problem.k, o.problem.n);
      o.packed_b =
          scratch->Take<std::byte>(elements * static_cast<int64_t>(sdk::ByteWidth(b.dtype)));
    }
    return o;
  }

  static void TransposeA(Operands* o) {
    const int64_t m = o->problem.m, k = o->problem.k;
    for (int64_t row = 0; row < m; ++row) {
      for (int64_t i = 0; i < k; ++i) o->transposed_a[row * k + i] = o->a[i * m + row];
    }
    o->a = o->transposed_a;
  }

  void RunBatch(const KernelArgs& args, const Operands& o, int64_t batch) const {
    const Problem& p = o.problem;
    int64_t a_index = 0, b_index = 0, rest = batch;
    for (uint32_t i = 0; i < p.batch_rank; ++i) {
      int64_t at = rest % p.dims[i];
      rest /= p.dims[i];
      a_index += at * p.a_steps[i];
      b_index += at * p.b_steps[i];
    }
    const TensorView& b = args.inputs[1];
    Storage storage = StorageOf(b.dtype);
    const std::byte* packed = args.packed[1];
    if (UsesBlas(args)) {
      const float* matrix = static_cast<const float*>(b.data) + b_index * p.k * p.n;
      return RunBlas(o, o.a + a_index * p.m * p.k, matrix, o.out + batch * p.m * p.n, *args.host);
    }
    if (!options_.b_packed) {
      const auto* matrix = static_cast<const std::byte*>(b.data) +
                           b_index * p.k * p.n * static_cast<int64_t>(sdk::ByteWidth(b.dtype));
      PackMatrix(isa_, ShapeOfB(b), storage, matrix, o.packed_b, *args.host);
      packed = o.packed_b;
    }
    const Activation& act = options_.activation;
    GemmArgs gemm{o.a + a_index * p.m * p.k, p.k, &kNoOffset, 1,        p.k,     packed,  p.n,
                  o.out + batch * p.m * p.n, p.n, o.row_bias, act.clip, act.low, act.high};
    RunGemm(isa_, storage, gemm, p.m, *args.host);
  }

  bool UsesBlas(const KernelArgs& args) const {
    if (options_.b_packed || options_.blas == nullptr) return false;
    const Problem p = Describe(args.inputs[0], args.inputs[1]);
    return sdk::Same(args.inputs[1].dtype, sdk::kF32) && p.m >= kMinBlasSide &&
           p.n >= kMinBlasSide && p.k >= kMinBlasSide && p.m * p.n * p.k >= kMinBlasProducts;
  }

  void RunBlas(const Operands& o, const float* a, const float* b, float* out,
               const sdk::Host& host) const {
    const Problem& p = o.problem;
    const double microseconds = static_cast<double>(p.m * p.n * p.k) / 40e3;
    const Activation& act = options_.activation;
    ForRange(host, microseconds, p.m, kMinBlasSide / 2, [&](int64_t begin, int64_t end) {
      float* rows = out + begin * p.n;
      options_.blas->Multiply(end - begin, p.n, p.k, a + begin * p.k, b, options_.transpose_b,
                              rows);
      if (o.row_bias != nullptr) {
        for (int64_t row = 0; row < end - begin; ++row) {
          BinaryRow add{rows + row * p.n, o.row_bias, rows + row * p.n, p.n, true, true};
          isa_.binary[0][static_cast<uint32_t>(Binary::kAdd)](add);
        }
      }
      if (act.clip) {
        isa_.unary[static_cast<uint32_t>(Unary::kClip)](rows, rows, (end - begin) * p.n, act.low,
                                                        act.high);
      }
    });
  }

  // What the product itself did not do: scaling, a C that is no row, activations that are no clip.
  void FinishRows(const KernelArgs& args, const Operands& o) const {
    const int64_t m = o.problem.m, n = o.problem.n;
    if (o.c != nullptr && o.row_bias == nullptr) {
      const TensorView& c = args.inputs[2];
      int64_t row_step = FromEnd(c, 1) == 1 ? 0 : FromEnd(c, 0);
      int64_t column_step = FromEnd(c, 0) == 1 ? 0 : 1;
      for (int64_t row = 0; row < m; ++row) {
        float* out = o.out + row * n;
        const float* add = o.c + row * row_step;
        for (int64_t j = 0; j < n; ++j) {
          out[j] = options_.alpha * out[j] + options_.beta * add[j * column_step];
        }
      }
    } else if (options_.alpha != 1.0f) {
      for (int64_t i = 0; i < args.outputs[0].count(); ++i) o.out[i] *= options_.alpha;
    }
    if (!options_.activation.pass) return;
    constexpr double kElementsPerMicrosecond = 1e3;
    const int64_t count = args.outputs[0].count();
    ForRange(*args.host, static_cast<double>(count) / kElementsPerMicrosecond, count, 512,
             [&](int64_t begin, int64_t end) {
               options_.activation.RunPass(isa_, o.out + begin, end - begin);
             });
  }

  const KernelTable& isa_;
  const MatMulOptions options_;
};

// Inputs of float storage; ranks that the batch table can hold.
Claim ClaimProduct(const NodeView& node) {
  if (HasOtherDType(node)) return ClaimAnyMatMul(node);
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    if (!IsFloatStorage(node.input(i).dtype())) return Claim::No(MS_REASON_DTYPE);
    if (node.input(i).info().rank > kMaxRank) return Claim::No(MS_REASON_SHAPE);
    if (!node.input(i).rank_known()) return Claim::No(MS_REASON_SHAPE);
  }
  if (!IsFloatStorage(node.output(0).dtype())) return Claim::No(MS_REASON_DTYPE);
  if (!ParseActivation(node)) return Claim::No(MS_REASON_ATTRIBUTE);
  return Claim::Yes(sdk::kF32, sdk::kF32);
}

bool IsHeldMatrix(const sdk::ValueView& value) { return IsHeld(value) && value.info().rank == 2; }

// The library's bits depend on how many rows it is given.
const OpenBlas* BlasFor(const MatMulOptions& options, const Setup& setup) {
  if (options.b_packed || setup.deterministic) return nullptr;
  return OpenBlas::GetIfUseful(setup.isa, setup.blas, setup.host);
}

std::unique_ptr<sdk::Kernel> CreateMatMul(const NodeView& node, const Setup& setup) {
  if (HasOtherDType(node)) return CreateAnyMatMul(node, setup);
  // Whether bfloat16 arithmetic pays is measured, and its sums are in another order.
  if (!setup.deterministic) {
    if (auto narrow = CreateBF16MatMul(node, setup)) return narrow;
  }
  MatMulOptions options;
  options.b_packed = IsHeldMatrix(node.input(1));
  options.activation = *ParseActivation(node);
  options.transpose_b = node.Int("transpose_b", 0) != 0;
  options.blas = BlasFor(options, setup);
  return std::make_unique<MatMulKernel>(setup.isa, options);
}

std::unique_ptr<sdk::Kernel> CreateGemm(const NodeView& node, const Setup& setup) {
  if (HasOtherDType(node)) return CreateAnyMatMul(node, setup);
  MatMulOptions options;
  options.b_packed = IsHeldMatrix(node.input(1));
  options.transpose_a = node.Int("transA", 0) != 0;
  options.transpose_b = node.Int("transB", 0) != 0;
  options.alpha = static_cast<float>(node.Float("alpha", 1.0));
  options.beta = static_cast<float>(node.Float("beta", 1.0));
  options.blas = BlasFor(options, setup);
  return std::make_unique<MatMulKernel>(setup.isa, options);
}

}  // namespace

void AddMatMulOps(OpList* list) {
  list->push_back({kOnnx, "MatMul", ClaimProduct, CreateMatMul});
  list->push_back({kOnnx, "Gemm", ClaimProduct, CreateGemm});
  list->push_back({kMidstream, "MatMul", ClaimProduct, CreateMatMul});
}

}  // namespace midstream::cpu_blas

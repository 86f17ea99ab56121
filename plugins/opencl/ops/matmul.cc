// Matrix products: MatMul, Gemm and midstream.MatMul. Floats go through packed matrices, integers
// through a plain kernel.
#include <algorithm>

#include "ops/elements.h"
#include "ops/op_table.h"
#include "ops/product.h"

namespace midstream::opencl {
namespace {

// Mirrors matmul_t of kernels/matmul.cl.
struct PlainShape {
  int32_t rows, columns, depth;
  int32_t a_row_step, a_depth_step, b_depth_step, b_column_step;
  int32_t c_row_step, c_column_step;
  int32_t has_c;
};

struct Options {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
  double beta = 1;
  bool flat_rows = false;  // every dimension of A but the last counts rows
  Activation activation;
};

// Shapes with a vector made a matrix; batch holds the dimensions before.
struct Matrix {
  int64_t rows, columns;
  std::span<const int64_t> batch;
};
Matrix MatrixOf(const Operand& x, bool left) {
  const std::span<const int64_t> shape(x.shape);
  if (shape.size() == 1) return left ? Matrix{1, shape[0], {}} : Matrix{shape[0], 1, {}};
  return {shape[shape.size() - 2], shape[shape.size() - 1], shape.first(shape.size() - 2)};
}

PackShape PackShapeOf(const Matrix& b, bool transposed) {
  PackShape shape;
  shape.depth = Fit(transposed ? b.columns : b.rows);
  shape.columns = Fit(transposed ? b.rows : b.columns);
  shape.channels = shape.depth;
  shape.channel_step = transposed ? 1 : Fit(b.columns);
  shape.column_step = transposed ? Fit(b.columns) : 1;
  shape.matrix_step = Fit(b.rows * b.columns);
  return shape;
}

// Which matrix of x belongs to the matrix `at` of the broadcast batch.
int64_t BatchIndex(std::span<const int64_t> x, std::span<const int64_t> batch, int64_t at) {
  int64_t index = 0, step = 1;
  for (size_t i = batch.size(); i-- > 0;) {
    const int64_t place = at % batch[i];
    at /= batch[i];
    const size_t missing = batch.size() - x.size();
    if (i < missing) continue;
    const int64_t dim = x[i - missing];
    if (dim != 1) index += place * step;
    step *= dim;
  }
  return index;
}

class MatMul final : public Kernel {
 public:
  explicit MatMul(const Options& options) : options_(options) {}

  std::optional<Packing> Pack(uint32_t input, const Operand& value,
                              const Traits& traits) const override {
    if (input != 1 || !IsReal(value.dtype, traits)) return std::nullopt;
    const PackedMatrix matrix = PackedOf(value, traits);
    if (matrix.elements() == 0) return std::nullopt;
    return matrix.AsPacking(value);
  }

  void Plan(PlanBuilder& plan) const override {
    const Operand &a = plan.in(0), &b = plan.in(1), &y = plan.out(0);
    const Matrix right = MatrixOf(b, false);
    Matrix left = MatrixOf(a, true);
    const int64_t depth = options_.transpose_a ? left.rows : left.columns;
    int64_t rows = options_.transpose_a ? left.columns : left.rows;
    if (options_.flat_rows || (right.batch.empty() && !options_.transpose_a)) {
      rows = depth > 0 ? a.count() / depth : y.count() / std::max<int64_t>(1, Columns(right));
      left.batch = {};
    }
    if (y.count() == 0) return;
    const std::vector<int64_t> batch = BatchOf(left, right, y.count() / (rows * Columns(right)), y);
    if (IsInteger(a.dtype)) {
      PlanPlain(plan, left, right, rows, depth, batch);
    } else {
      PlanPacked(plan, left, right, rows, depth, batch);
    }
  }

 private:
  int64_t Columns(const Matrix& b) const { return options_.transpose_b ? b.rows : b.columns; }

  PackedMatrix PackedOf(const Operand& b, const Traits& traits) const {
    const Matrix matrix = MatrixOf(b, false);
    return {PackShapeOf(matrix, options_.transpose_b), sdk::Count(matrix.batch), b.dtype, traits};
  }

  // The batch dimensions of y, of which there are `count` matrices.
  static std::vector<int64_t> BatchOf(const Matrix& left, const Matrix& right, int64_t count,
                                      const Operand& y) {
    if (left.batch.empty() && right.batch.empty()) return {};
    const size_t n = std::max(left.batch.size(), right.batch.size());
    std::vector<int64_t> batch(y.shape.begin(), y.shape.begin() + static_cast<int64_t>(n));
    if (sdk::Count(batch) != count) throw sdk::Error(MS_INTERNAL, "a product's batch is not y's");
    return batch;
  }

  static std::vector<Batch> Batches(const Matrix& left, const Matrix& right,
                                    const std::vector<int64_t>& batch, int64_t a_step,
                                    int64_t b_step, int64_t y_step) {
    std::vector<Batch> batches;
    for (int64_t i = 0; i < sdk::Count(batch); ++i) {
      batches.push_back({BatchIndex(left.batch, batch, i) * a_step,
                         BatchIndex(right.batch, batch, i) * b_step, i * y_step, 0});
    }
    return batches;
  }

  // Steps of input 2, which is broadcast to [rows, columns].
  std::pair<int32_t, int32_t> StepsOfC(const PlanBuilder& plan, int64_t columns) const {
    const std::vector<int64_t>& shape = plan.in(2).shape;
    const int64_t n = shape.empty() ? 1 : shape.back();
    const int64_t m = shape.size() < 2 ? 1 : shape[shape.size() - 2];
    return {m == 1 ? 0 : Fit(n == 1 ? 1 : columns), n == 1 ? 0 : 1};
  }

  void PlanPacked(PlanBuilder& plan, const Matrix& left, const Matrix& right, int64_t rows,
                  int64_t depth, const std::vector<int64_t>& batch) const {
    const Operand &a = plan.in(0), &b = plan.in(1), &y = plan.out(0);
    const PackedMatrix matrix = PackedOf(b, plan.traits());
    const int64_t columns = Columns(right);
    Operand packed = b;  // of no element: nothing is read
    if (matrix.elements() > 0) {
      packed = plan.IsPacked(1) ? plan.packed(1, b.dtype, {matrix.elements()})
                                : matrix.PackInPlan(plan, b);
    }
    const bool has_c = plan.HasInput(2);
    Product product{a,
                    packed,
                    has_c ? plan.in(2) : a,
                    y,
                    {},
                    options_.activation,
                    options_.alpha,
                    options_.beta,
                    {}};
    ProductShape& s = product.shape;
    s.rows = s.width = Fit(rows);
    s.columns = s.y_row_step = Fit(columns);
    s.depth = Fit(depth);
    s.segment_depth = std::max(s.depth, 1);
    s.x_step = options_.transpose_a ? 1 : s.depth;
    s.depth_step = options_.transpose_a ? s.rows : 1;
    Fit(int64_t{s.depth} * s.depth_step);  // how far product.cl goes along the depth
    if (has_c) {
      s.has_c = 1;
      std::tie(s.c_row_step, s.c_column_step) = StepsOfC(plan, columns);
    }
    product.batches =
        Batches(left, right, batch, rows * depth, matrix.matrix_elements(), rows * columns);
    LaunchProduct(plan, product);
  }

  void PlanPlain(PlanBuilder& plan, const Matrix& left, const Matrix& right, int64_t rows,
                 int64_t depth, const std::vector<int64_t>& batch) const {
    const Operand &a = plan.in(0), &b = plan.in(1), &y = plan.out(0);
    const int64_t columns = Columns(right);
    const bool has_c = plan.HasInput(2);
    PlainShape s{};
    s.rows = Fit(rows), s.columns = Fit(columns), s.depth = Fit(depth);
    s.a_row_step = options_.transpose_a ? 1 : s.depth;
    s.a_depth_step = options_.transpose_a ? s.rows : 1;
    s.b_depth_step = options_.transpose_b ? 1 : s.columns;
    s.b_column_step = options_.transpose_b ? s.depth : 1;
    s.has_c = has_c ? 1 : 0;
    if (has_c) std::tie(s.c_row_step, s.c_column_step) = StepsOfC(plan, columns);
    const std::vector<Batch> batches =
        Batches(left, right, batch, rows * depth, depth * columns, rows * columns);
    const auto n_batches = static_cast<int64_t>(batches.size());
    Call call{"matmul", "matmul", DefineType("TX", a.dtype)};
    call.args = {a,
                 b,
                 has_c ? plan.in(2) : a,
                 y,
                 plan.Constant(sdk::kI64, {n_batches * 4}, batches.data()),
                 Scalar::Of(s)};
    call.global = {static_cast<size_t>(columns), static_cast<size_t>(rows),
                   static_cast<size_t>(n_batches)};
    call.local = {64, 1, 1};
    plan.Launch(std::move(call));
  }

  const Options options_;
};

std::unique_ptr<Kernel> Create(const sdk::NodeView& node) {
  Options options;
  if (node.op() == "Gemm") {
    options.transpose_a = node.Int("transA", 0) != 0;
    options.transpose_b = node.Int("transB", 0) != 0;
    options.alpha = node.Float("alpha", 1);
    options.beta = node.Float("beta", 1);
  } else if (node.domain() == kMidstream) {
    options.transpose_b = node.Int("transpose_b", 0) != 0;
    options.flat_rows = true;
    options.activation = ParseActivation(node).value_or(Activation{});
  }
  return std::make_unique<MatMul>(options);
}

sdk::Claim ClaimProduct(const sdk::NodeView& node, const Traits& traits) {
  bool wide = IsF64(node.output(0).dtype());
  const ms_dtype dtype = node.input(0).dtype();
  if (IsInteger(dtype)) {
    const bool scaled = node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1;
    return scaled ? sdk::Claim::No(MS_REASON_ATTRIBUTE) : sdk::Claim::Yes(dtype, dtype);
  }
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    if (!IsReal(node.input(i).dtype(), traits)) return sdk::Claim::No(MS_REASON_DTYPE);
    wide = wide || IsF64(node.input(i).dtype());
  }
  if (!IsReal(node.output(0).dtype(), traits)) return sdk::Claim::No(MS_REASON_DTYPE);
  if (!ParseActivation(node)) return sdk::Claim::No(MS_REASON_ATTRIBUTE);
  const ms_dtype compute = wide ? sdk::kF64 : sdk::kF32;
  return sdk::Claim::Yes(compute, compute);
}

}  // namespace

void AddMatMulOps(OpList* list) {
  list->push_back({kOnnx, "MatMul", ClaimProduct, Create});
  list->push_back({kOnnx, "Gemm", ClaimProduct, Create});
  list->push_back({kMidstream, "MatMul", ClaimProduct, Create});
}

}  // namespace midstream::opencl

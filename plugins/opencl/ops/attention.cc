// Attention as two products over packed keys and values with a softmax between them, and
// RotaryEmbedding.
#include <algorithm>
#include <cmath>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/product.h"
#include "ops/rows.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

// [B, N, S, H] or [B, S, N*H].
struct Heads {
  Heads(const Operand& x, int64_t count) : batch(x.dim(0)) {
    const bool split = x.rank() == 4;
    heads = split ? x.dim(1) : count;
    length = x.dim(split ? 2 : 1);
    width = split ? x.dim(3) : x.dim(2) / count;
    head_step = split ? length * width : width;
    row_step = split ? width : heads * width;
  }
  int64_t sample() const { return heads * length * width; }

  int64_t batch, heads, length, width;
  int64_t head_step, row_step;  // elements between neighbours
};

class Attention final : public Kernel {
 public:
  explicit Attention(const sdk::NodeView& node)
      : q_heads_(node.Int("q_num_heads", 0)),
        kv_heads_(node.Int("kv_num_heads", 0)),
        scale_(node.Float("scale", std::nan(""))) {}

  void Plan(PlanBuilder& plan) const override {
    if (plan.out(0).count() == 0) return;
    const Heads q(plan.in(0), q_heads_), k(plan.in(1), kv_heads_), v(plan.in(2), kv_heads_);
    if (k.length == 0) return PlanZeros(plan, v);
    const ms_dtype real = ComputeDType(plan.in(0).dtype);
    const Operand scores = plan.Scratch(real, {q.heads, q.length, k.length});
    for (int64_t b = 0; b < q.batch; ++b) {
      PlanScores(plan, q, k, b, scores);
      PlanWeights(plan, b, scores);
      PlanValues(plan, q, v, b, scores);
    }
  }

 private:
  // Of one sample: K as [width, keys], V as [keys, width], a matrix for each head.
  static Operand Packed(PlanBuilder& plan, const Operand& x, const Heads& heads, int64_t b,
                        bool transposed, int64_t* matrix_step) {
    PackShape shape;
    shape.depth = Fit(transposed ? heads.width : heads.length);
    shape.columns = Fit(transposed ? heads.length : heads.width);
    shape.channels = shape.depth;
    shape.channel_step = Fit(transposed ? 1 : heads.row_step);
    shape.column_step = Fit(transposed ? heads.row_step : 1);
    shape.matrix_step = Fit(heads.head_step);
    const PackedMatrix matrix(shape, heads.heads, x.dtype, plan.traits());
    *matrix_step = matrix.matrix_elements();
    return matrix.PackInPlan(plan, From(x, b * heads.sample()));
  }

  static std::vector<Batch> Batches(int64_t heads, int64_t shared, int64_t a_step, int64_t b_step,
                                    int64_t y_step) {
    std::vector<Batch> batches;
    for (int64_t n = 0; n < heads; ++n) {
      batches.push_back({n * a_step, n / shared * b_step, n * y_step, 0});
    }
    return batches;
  }

  void PlanScores(PlanBuilder& plan, const Heads& q, const Heads& k, int64_t b,
                  const Operand& scores) const {
    int64_t matrix_step = 0;
    const Operand keys = Packed(plan, plan.in(1), k, b, true, &matrix_step);
    const Operand queries = From(plan.in(0), b * q.sample());
    Product product{queries, keys, queries, scores, {}, {}, 1, 1, {}};
    product.alpha = std::isnan(scale_) ? 1.0 / std::sqrt(static_cast<double>(q.width)) : scale_;
    ProductShape& s = product.shape;
    s.rows = s.width = Fit(q.length);
    s.columns = s.y_row_step = Fit(k.length);
    s.depth = s.segment_depth = Fit(q.width);
    s.x_step = Fit(q.row_step);
    product.batches =
        Batches(q.heads, q.heads / k.heads, q.head_step, matrix_step, q.length * k.length);
    LaunchProduct(plan, product);
  }

  static void PlanWeights(PlanBuilder& plan, int64_t b, const Operand& scores) {
    const bool has_mask = plan.HasInput(3);
    Operand mask = has_mask ? plan.in(3) : scores;
    const int64_t rows = scores.dim(0) * scores.dim(1);
    std::vector<int64_t> steps(4, 0);
    if (has_mask) {
      const int64_t all[] = {plan.in(0).dim(0), scores.dim(0), scores.dim(1), scores.dim(2)};
      steps = BroadcastSteps(mask.shape, all);
      mask = From(mask, b * steps[0]);
    }
    const Positions positions(std::max(scores.count(), mask.count()));
    Call call{"rows", "weigh_scores",
              DefineType("TX", scores.dtype) + DefineType("TM", mask.dtype) + positions.defines()};
    call.args = {scores,
                 mask,
                 positions(scores.dim(1)),
                 positions(scores.dim(2)),
                 positions(rows),
                 positions(steps[1]),
                 positions(steps[2]),
                 positions(steps[3]),
                 I32(has_mask)};
    SetRows(&call, plan.traits(), rows);
    plan.Launch(std::move(call));
  }

  static void PlanValues(PlanBuilder& plan, const Heads& q, const Heads& v, int64_t b,
                         const Operand& weights) {
    int64_t matrix_step = 0;
    const Operand values = Packed(plan, plan.in(2), v, b, false, &matrix_step);
    const Heads out(plan.out(0), q.heads);
    Product product{weights, values, weights, From(plan.out(0), b * out.sample()), {}, {},
                    1,       1,      {}};
    ProductShape& s = product.shape;
    s.rows = s.width = Fit(q.length);
    s.columns = Fit(v.width);
    s.y_row_step = Fit(out.row_step);
    s.depth = s.segment_depth = s.x_step = Fit(v.length);
    product.batches =
        Batches(q.heads, q.heads / v.heads, q.length * v.length, matrix_step, out.head_step);
    LaunchProduct(plan, product);
  }

  // Nothing to attend to: sums of no terms.
  static void PlanZeros(PlanBuilder& plan, const Heads& v) {
    const Operand &q = plan.in(0), &out = plan.out(0);
    Product product{q, q, q, out, {}, {}, 1, 1, {}};
    ProductShape& s = product.shape;
    s.columns = s.y_row_step = Fit(v.width);
    s.rows = s.width = Fit(out.count() / v.width);
    product.batches = {Batch{}};
    LaunchProduct(plan, product);
  }

  const int64_t q_heads_, kv_heads_;
  const double scale_;
};

class Rotation final : public Kernel {
 public:
  explicit Rotation(const sdk::NodeView& node)
      : heads_(node.Int("num_heads", 0)),
        rotated_(node.Int("rotary_embedding_dim", 0)),
        interleaved_(node.Int("interleaved", 0) != 0) {}

  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    if (x.count() == 0) return;
    const Heads heads(x, heads_);
    const int64_t half = (rotated_ > 0 ? rotated_ : heads.width) / 2;
    const int64_t units = heads.width - half, span = SpanOf(plan.traits());
    const int64_t pieces = (units + span - 1) / span;
    const int64_t items = x.count() / heads.width * pieces;
    const bool by_position = plan.HasInput(3);
    const Positions positions(x.count());
    Call call{"rotation", "rotate_heads",
              DefineType("TX", x.dtype) + DefineType("TC", plan.in(1).dtype) + positions.defines()};
    call.args = {x,
                 plan.in(1),
                 plan.in(2),
                 by_position ? plan.in(3) : NoPositions(plan),
                 plan.out(0),
                 positions(heads.width),
                 positions(half),
                 positions(units),
                 positions(heads.heads),
                 positions(heads.length),
                 positions(by_position ? std::max<int64_t>(plan.in(1).dim(0), 1) : 0),
                 I32(x.rank() == 4),
                 I32(interleaved_),
                 positions(pieces),
                 positions(items)};
    SetItems(&call, items);
    plan.Launch(std::move(call));
  }

 private:
  static Operand NoPositions(PlanBuilder& plan) {
    const int64_t none = 0;
    return plan.Constant(sdk::kI64, {1}, &none);
  }

  const int64_t heads_, rotated_;
  const bool interleaved_;
};

sdk::Claim ClaimAttention(const sdk::NodeView& node, const Traits& traits) {
  if (node.HasInput(3)) {
    const ms_dtype mask = node.input(3).dtype();
    if (!IsBool(mask) && !IsReal(mask, traits)) return sdk::Claim::No(MS_REASON_DTYPE);
  }
  return ClaimReal(node, traits);
}

sdk::Claim ClaimRotation(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype cache = node.input(1).dtype();
  const bool mine = IsReal(cache, traits) && sdk::Same(node.input(2).dtype(), cache);
  return mine ? ClaimReal(node, traits) : sdk::Claim::No(MS_REASON_DTYPE);
}

}  // namespace

void AddAttentionOps(OpList* list) {
  list->push_back(Entry<Attention>(kOnnx, "Attention", ClaimAttention));
  list->push_back(Entry<Rotation>(kOnnx, "RotaryEmbedding", ClaimRotation));
}

}  // namespace midstream::opencl

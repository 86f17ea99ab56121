// Batch normalisation with given statistics, and local response normalisation.
#include <algorithm>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

class BatchNormalization final : public Kernel {
 public:
  explicit BatchNormalization(const sdk::NodeView& node)
      : epsilon_(node.Float("epsilon", 1e-5)), channels_last_(IsChannelsLast(node)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const std::span<const int64_t> shape(x.shape);
    const int64_t channels = channels_last_ ? shape.back() : x.dim(1);
    const int64_t inner = channels_last_ ? 1 : sdk::Count(shape.subspan(2));
    const bool across = inner == 1;  // a row runs over the channels
    const int64_t length = across ? channels : inner;
    const int64_t span = SpanOf(plan.traits()), pieces = (length + span - 1) / span;
    const int64_t items = x.count() == 0 ? 0 : x.count() / length * pieces;
    const Positions positions(x.count() + span);
    Call call{"normalization", "batch_normalization",
              DefineType("TX", x.dtype) + DefineType("TP", plan.in(1).dtype) + positions.defines()};
    call.args = {x,
                 plan.in(1),
                 plan.in(2),
                 plan.in(3),
                 plan.in(4),
                 plan.out(0),
                 RealArg(x.dtype, epsilon_),
                 positions(channels),
                 I32(across),
                 positions(length),
                 positions(pieces),
                 positions(items)};
    SetItems(&call, items);
    plan.Launch(std::move(call));
  }

 private:
  const double epsilon_;
  const bool channels_last_;
};

class Lrn final : public Kernel {
 public:
  explicit Lrn(const sdk::NodeView& node)
      : alpha_(node.Float("alpha", 1e-4)),
        beta_(node.Float("beta", 0.75)),
        bias_(node.Float("bias", 1.0)),
        size_(node.Int("size", 1)),
        channels_last_(IsChannelsLast(node)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const std::span<const int64_t> shape(x.shape);
    const int64_t channels = channels_last_ ? shape.back() : x.dim(1);
    const int64_t inner = channels_last_ ? 1 : sdk::Count(shape.subspan(2));
    const Positions positions(x.count() + SpanOf(plan.traits()));
    Call call{"normalization", "local_response",
              DefineType("TX", x.dtype) + DefineType("TP", x.dtype) + positions.defines()};
    call.args = {x,
                 plan.out(0),
                 RealArg(x.dtype, alpha_ / static_cast<double>(size_)),
                 RealArg(x.dtype, beta_),
                 RealArg(x.dtype, bias_),
                 positions(std::min((size_ - 1) / 2, channels)),
                 positions(std::min(size_ / 2, channels)),
                 positions(channels),
                 positions(inner),
                 positions(x.count())};
    SetElements(&call, plan.traits(), x.count());
    plan.Launch(std::move(call));
  }

 private:
  const double alpha_, beta_, bias_;
  const int64_t size_;
  const bool channels_last_;
};

sdk::Claim ClaimBatchNormalization(const sdk::NodeView& node, const Traits& traits) {
  for (size_t i = 1; i < 5; ++i) {
    const ms_dtype dtype = node.input(i).dtype();
    if (!IsReal(dtype, traits) || !sdk::Same(dtype, node.input(1).dtype())) {
      return sdk::Claim::No(MS_REASON_DTYPE);
    }
  }
  return ClaimReal(node, traits);
}

}  // namespace

void AddNormalizationOps(OpList* list) {
  for (std::string_view domain : {kOnnx, kMidstream}) {
    list->push_back(
        Entry<BatchNormalization>(domain, "BatchNormalization", ClaimBatchNormalization));
    list->push_back(Entry<Lrn>(domain, "LRN", ClaimReal));
  }
}

}  // namespace midstream::opencl

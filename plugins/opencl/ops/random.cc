// Random numbers that a key determines: midstream.RandomUniform, RandomNormal, RandomUniformInt.
#include "midstream/random.hpp"

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

// A launch of a work-item for each block of bits, with the arguments that all kernels take.
Call MakeCall(const PlanBuilder& plan, const char* kernel, int64_t stream) {
  const Operand& y = plan.out(0);
  const bool wide = y.dtype.bits == 64;
  Call call{"random", kernel, DefineType("TX", y.dtype) + " -DWIDE_ELEMENTS=" + (wide ? "1" : "0")};
  call.args = {plan.in(1), y, I64(y.count()), I64(stream)};
  const auto size = static_cast<int64_t>(sdk::RandomGroupSize(y.dtype.bits));
  SetItems(&call, (y.count() + size - 1) / size);
  return call;
}

class RandomUniform final : public Kernel {
 public:
  explicit RandomUniform(const sdk::NodeView& node) : stream_(node.Int("stream", 0)) {}
  void Plan(PlanBuilder& plan) const override {
    Call call = MakeCall(plan, "random_uniform", stream_);
    call.args.push_back(I32(sdk::MantissaBits(plan.out(0).dtype)));
    plan.Launch(std::move(call));
  }

 private:
  const int64_t stream_;
};

class RandomNormal final : public Kernel {
 public:
  explicit RandomNormal(const sdk::NodeView& node)
      : stream_(node.Int("stream", 0)), truncated_(node.Int("truncated", 0) != 0) {}
  void Plan(PlanBuilder& plan) const override {
    Call call = MakeCall(plan, "random_normal", stream_);
    call.args.push_back(I32(truncated_));
    plan.Launch(std::move(call));
  }

 private:
  const int64_t stream_;
  const bool truncated_;
};

class RandomUniformInt final : public Kernel {
 public:
  explicit RandomUniformInt(const sdk::NodeView& node) : stream_(node.Int("stream", 0)) {}
  void Plan(PlanBuilder& plan) const override {
    Call call = MakeCall(plan, "random_integer", stream_);
    call.args.insert(call.args.end(), {plan.in(2), plan.in(3)});
    plan.Launch(std::move(call));
  }

 private:
  const int64_t stream_;
};

sdk::Claim ClaimUniform(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype dtype = node.output(0).dtype();
  return ClaimDType(IsReal(dtype, traits), dtype);
}
// Computed in float64 and rounded once.
sdk::Claim ClaimNormal(const sdk::NodeView& node, const Traits& traits) {
  return traits.fp64 ? ClaimUniform(node, traits) : sdk::Claim::No(MS_REASON_DTYPE);
}
sdk::Claim ClaimInteger(const sdk::NodeView& node, const Traits&) {
  return ClaimDType(IsInteger(node.output(0).dtype()), node.output(0).dtype());
}

}  // namespace

void AddRandomOps(OpList* list) {
  list->push_back(Entry<RandomNormal>(kMidstream, "RandomNormal", ClaimNormal));
  list->push_back(Entry<RandomUniform>(kMidstream, "RandomUniform", ClaimUniform));
  list->push_back(Entry<RandomUniformInt>(kMidstream, "RandomUniformInt", ClaimInteger));
}

}  // namespace midstream::opencl

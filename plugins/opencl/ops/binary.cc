// Operators of two (Max, Min: any number of) inputs with broadcasting, and Where.
#include <array>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

struct Function {
  std::string_view op;
  const char* kernel;
};
constexpr std::array kOfNumbers = {
    Function{"Add", "binary_add"},
    Function{"Div", "binary_div"},
    Function{"Mul", "binary_mul"},
    Function{"Sub", "binary_sub"},
};
constexpr std::array kOfBits = {
    Function{"BitwiseAnd", "binary_bit_and"},
    Function{"BitwiseOr", "binary_bit_or"},
    Function{"BitwiseXor", "binary_bit_xor"},
};
constexpr std::array kComparisons = {
    Function{"Greater", "compare_greater"},
    Function{"GreaterOrEqual", "compare_greater_or_equal"},
    Function{"Less", "compare_less"},
    Function{"LessOrEqual", "compare_less_or_equal"},
};
constexpr std::array kLogic = {
    Function{"And", "compare_and"},
    Function{"Equal", "compare_equal"},
    Function{"Or", "compare_or"},
    Function{"Xor", "compare_xor"},
};

const char* KernelOf(const sdk::NodeView& node) {
  for (std::span<const Function> group :
       {std::span<const Function>(kOfNumbers), std::span<const Function>(kOfBits),
        std::span<const Function>(kComparisons), std::span<const Function>(kLogic)}) {
    for (const Function& function : group) {
      if (function.op == node.op()) return function.kernel;
    }
  }
  throw sdk::Error(MS_INTERNAL, "no function for " + std::string(node.op()));
}

// Tensor 0 is `out`; the others broadcast to it.
Walk BroadcastWalk(const Operand& out, std::initializer_list<const Operand*> inputs) {
  std::vector<WalkAxis> axes(out.rank());
  const std::vector<int64_t> own = RowMajor(out.shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    axes[i].size = out.dim(i);
    axes[i].step[0] = own[i];
  }
  size_t k = 0;
  for (const Operand* input : inputs) {
    ++k;
    const std::vector<int64_t> steps = BroadcastSteps(input->shape, out.shape);
    for (size_t i = 0; i < axes.size(); ++i) axes[i].step[k] = steps[i];
  }
  return {axes, inputs.size() + 1};
}

void Combine(PlanBuilder& plan, const char* kernel, const std::string& defines, const Operand& a,
             const Operand& b, const Operand& y) {
  const Walk walk = BroadcastWalk(y, {&a, &b});
  Call call{"binary", kernel, defines};
  call.args = {a, b, y, walk.positions()(walk.row_step(1)), walk.positions()(walk.row_step(2))};
  walk.Finish(plan, &call);
  plan.Launch(std::move(call));
}

class Binary final : public Kernel {
 public:
  explicit Binary(const sdk::NodeView& node) : kernel_(KernelOf(node)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &a = plan.in(0), &b = plan.in(1);
    Combine(plan, kernel_, DefineType("TX", a.dtype), a, b, plan.out(0));
  }

 private:
  const char* kernel_;
};

// fmod = 0 takes the sign of the divisor, fmod = 1 that of the dividend.
class Mod final : public Kernel {
 public:
  explicit Mod(const sdk::NodeView& node) : dividend_sign_(node.Int("fmod", 0) != 0) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand &a = plan.in(0), &b = plan.in(1);
    Combine(plan, dividend_sign_ ? "binary_fmod" : "binary_mod", DefineType("TX", a.dtype), a, b,
            plan.out(0));
  }

 private:
  const bool dividend_sign_;
};

class Pow final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand &a = plan.in(0), &b = plan.in(1);
    Combine(plan, "binary_pow", DefineType("TX", a.dtype) + DefineType("TE", b.dtype), a, b,
            plan.out(0));
  }
};

// Of any number of tensors, from left to right.
class Fold final : public Kernel {
 public:
  explicit Fold(const sdk::NodeView& node)
      : kernel_(node.op() == "Max" ? "binary_max" : "binary_min"),
        n_(static_cast<uint32_t>(node.inputs().size())) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& y = plan.out(0);
    if (n_ == 1) return plan.Copy(plan.in(0), y);
    Operand so_far = plan.in(0);
    for (uint32_t i = 1; i < n_; ++i) {
      const Operand next = i + 1 == n_ ? y : plan.Scratch(y.dtype, y.shape);
      Combine(plan, kernel_, DefineType("TX", y.dtype), so_far, plan.in(i), next);
      so_far = next;
    }
  }

 private:
  const char* kernel_;
  const uint32_t n_;
};

class Choice final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand &c = plan.in(0), &a = plan.in(1), &b = plan.in(2), &y = plan.out(0);
    const Walk walk = BroadcastWalk(y, {&c, &a, &b});
    Call call{"select", "where", DefineType("TX", AsBits(y).dtype)};
    call.args = {c, AsBits(a), AsBits(b), AsBits(y)};
    for (size_t k = 1; k <= 3; ++k) call.args.push_back(walk.positions()(walk.row_step(k)));
    walk.Finish(plan, &call);
    plan.Launch(std::move(call));
  }
};

sdk::Claim ClaimBits(const sdk::NodeView& node, const Traits&) {
  return ClaimDType(IsInteger(node.input(0).dtype()), node.input(0).dtype());
}
sdk::Claim ClaimLogic(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype dtype = node.input(0).dtype();
  return ClaimDType(IsReal(dtype, traits) || IsInteger(dtype) || IsBool(dtype), dtype);
}
sdk::Claim ClaimMod(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype dtype = node.input(0).dtype();
  if (IsReal(dtype, traits) && node.Int("fmod", 0) == 0) {
    return sdk::Claim::No(MS_REASON_ATTRIBUTE);
  }
  return ClaimNumber(node, traits);
}
// Each pair of dtypes is a program of its own: exponents of the base's dtype and the usual ones.
sdk::Claim ClaimPow(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype base = node.input(0).dtype(), exponent = node.input(1).dtype();
  const bool whole = sdk::Same(exponent, sdk::kI32) || sdk::Same(exponent, sdk::kI64);
  const bool usual = sdk::Same(exponent, base) || sdk::Same(exponent, sdk::kF32) || whole;
  if (!usual) return sdk::Claim::No(MS_REASON_DTYPE);
  const bool computed = IsReal(base, traits) ? whole || IsReal(exponent, traits)
                                             : IsInteger(base) && IsInteger(exponent);
  return ClaimDType(computed, base);
}
sdk::Claim ClaimWhere(const sdk::NodeView& node, const Traits&) {
  const ms_dtype dtype = node.output(0).dtype();
  return IsElement(dtype) ? sdk::Claim::Yes(dtype, dtype) : sdk::Claim::No(MS_REASON_DTYPE);
}

}  // namespace

void AddBinaryOps(OpList* list) {
  for (const Function& f : kOfNumbers) list->push_back(Entry<Binary>(kOnnx, f.op, ClaimNumber));
  for (const Function& f : kOfBits) list->push_back(Entry<Binary>(kOnnx, f.op, ClaimBits));
  for (const Function& f : kComparisons) list->push_back(Entry<Binary>(kOnnx, f.op, ClaimNumber));
  for (const Function& f : kLogic) list->push_back(Entry<Binary>(kOnnx, f.op, ClaimLogic));
  list->push_back(Entry<Fold>(kOnnx, "Max", ClaimNumber));
  list->push_back(Entry<Fold>(kOnnx, "Min", ClaimNumber));
  list->push_back(Entry<Mod>(kOnnx, "Mod", ClaimMod));
  list->push_back(Entry<Pow>(kOnnx, "Pow", ClaimPow));
  list->push_back(Entry<Choice>(kOnnx, "Where", ClaimWhere));
}

}  // namespace midstream::opencl

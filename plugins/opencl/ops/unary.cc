// Operators of one input that work element by element, Clip and Cast.
#include <array>

#include "ops/activation.h"
#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

struct Function {
  std::string_view domain;
  std::string_view op;
  const char* kernel;
  double alpha = 0;  // defaults of the attributes
  double gamma = 0;
};

constexpr std::array kOfReals = {
    Function{kOnnx, "Acos", "unary_acos"},
    Function{kOnnx, "Acosh", "unary_acosh"},
    Function{kOnnx, "Asin", "unary_asin"},
    Function{kOnnx, "Asinh", "unary_asinh"},
    Function{kOnnx, "Atan", "unary_atan"},
    Function{kOnnx, "Atanh", "unary_atanh"},
    Function{kOnnx, "Ceil", "unary_ceil"},
    Function{kOnnx, "Cos", "unary_cos"},
    Function{kOnnx, "Cosh", "unary_cosh"},
    Function{kOnnx, "Elu", "unary_elu", 1.0},
    Function{kOnnx, "Erf", "unary_erf"},
    Function{kOnnx, "Exp", "unary_exp"},
    Function{kOnnx, "Floor", "unary_floor"},
    Function{kOnnx, "Gelu", "unary_gelu", -0.70710678118654752440},
    Function{kOnnx, "LeakyRelu", "unary_leaky_relu", 0.01},
    Function{kOnnx, "Log", "unary_log"},
    Function{kOnnx, "Reciprocal", "unary_reciprocal"},
    Function{kOnnx, "Round", "unary_round"},
    Function{kOnnx, "Selu", "unary_selu", 1.67326319217681884765625, 1.05070102214813232421875},
    Function{kOnnx, "Sigmoid", "unary_sigmoid"},
    Function{kOnnx, "Sin", "unary_sin"},
    Function{kOnnx, "Sinh", "unary_sinh"},
    Function{kOnnx, "Softplus", "unary_softplus"},
    Function{kOnnx, "Softsign", "unary_softsign"},
    Function{kOnnx, "Sqrt", "unary_sqrt"},
    Function{kOnnx, "Tan", "unary_tan"},
    Function{kOnnx, "Tanh", "unary_tanh"},
    Function{kMidstream, "Erfc", "unary_erfc"},
    Function{kMidstream, "Expm1", "unary_expm1"},
    Function{kMidstream, "Log1p", "unary_log1p"},
};
constexpr std::array kOfNumbers = {
    Function{kOnnx, "Abs", "unary_abs"},
    Function{kOnnx, "Neg", "unary_neg"},
    Function{kOnnx, "Relu", "unary_relu"},
    Function{kOnnx, "Sign", "unary_sign"},
};
constexpr std::array kOfBits = {
    Function{kOnnx, "BitwiseNot", "unary_complement"},
    Function{kOnnx, "Not", "unary_not"},
};

constexpr Function kGeluTanh{kOnnx, "Gelu", "unary_gelu_tanh", kGeluLinear, kGeluCubic};

const Function& FunctionOf(const sdk::NodeView& node) {
  const bool tanh = node.op() == "Gelu" && node.String("approximate", "none") == "tanh";
  if (tanh) return kGeluTanh;
  for (std::span<const Function> group :
       {std::span<const Function>(kOfReals), std::span<const Function>(kOfNumbers),
        std::span<const Function>(kOfBits)}) {
    for (const Function& function : group) {
      if (function.op == node.op() && function.domain == node.domain()) return function;
    }
  }
  throw sdk::Error(MS_INTERNAL, "no function for " + std::string(node.op()));
}

class Unary final : public Kernel {
 public:
  explicit Unary(const sdk::NodeView& node)
      : kernel_(FunctionOf(node).kernel),
        alpha_(node.Float("alpha", FunctionOf(node).alpha)),
        gamma_(node.Float("gamma", FunctionOf(node).gamma)) {}
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    Call call{"unary", kernel_, DefineType("TX", x.dtype)};
    call.args = {x, plan.out(0), I64(x.count()), RealArg(x.dtype, alpha_),
                 RealArg(x.dtype, gamma_)};
    SetElements(&call, plan.traits(), x.count());
    plan.Launch(std::move(call));
  }

 private:
  const std::string kernel_;
  const double alpha_, gamma_;
};

class Clip final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand& x = plan.in(0);
    const bool has_low = plan.HasInput(1), has_high = plan.HasInput(2);
    Call call{"unary", "clip", DefineType("TX", x.dtype)};
    call.args = {x,
                 has_low ? plan.in(1) : x,
                 has_high ? plan.in(2) : x,
                 plan.out(0),
                 I64(x.count()),
                 I32(has_low),
                 I32(has_high)};
    SetElements(&call, plan.traits(), x.count());
    plan.Launch(std::move(call));
  }
};

class Cast final : public Kernel {
 public:
  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    if (sdk::Same(x.dtype, y.dtype)) return plan.Copy(x, y);
    Call call{"cast", "cast", DefineType("TX", x.dtype) + DefineType("TY", y.dtype)};
    call.args = {x, y, I64(x.count())};
    SetElements(&call, plan.traits(), x.count());
    plan.Launch(std::move(call));
  }
};

sdk::Claim ClaimBits(const sdk::NodeView& node, const Traits&) {
  const ms_dtype dtype = node.input(0).dtype();
  return ClaimDType(IsInteger(dtype) || IsBool(dtype), dtype);
}
sdk::Claim ClaimCast(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype from = node.input(0).dtype(), to = node.output(0).dtype();
  auto computes = [&](ms_dtype dtype) {
    return IsElement(dtype) && (!IsF64(dtype) || traits.fp64);
  };
  return computes(from) && computes(to) ? sdk::Claim::Yes(to, to) : sdk::Claim::No(MS_REASON_DTYPE);
}

std::unique_ptr<Kernel> MakeUnary(const sdk::NodeView& node) {
  return std::make_unique<Unary>(node);
}

}  // namespace

void AddUnaryOps(OpList* list) {
  for (const Function& f : kOfReals) list->push_back({f.domain, f.op, ClaimReal, MakeUnary});
  for (const Function& f : kOfNumbers) list->push_back({f.domain, f.op, ClaimNumber, MakeUnary});
  for (const Function& f : kOfBits) list->push_back({f.domain, f.op, ClaimBits, MakeUnary});
  list->push_back(Entry<Clip>(kOnnx, "Clip", ClaimNumber));
  list->push_back(Entry<Cast>(kOnnx, "Cast", ClaimCast));
}

}  // namespace midstream::opencl

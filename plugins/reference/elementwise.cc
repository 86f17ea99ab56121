// Operators of one input that work element by element, Where, and Cast.
#include <algorithm>
#include <array>
#include <cmath>

#include "plugins/reference/activation.h"
#include "plugins/reference/arithmetic.h"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// f(double) -> double over float inputs; integers where the operator allows them go through double.
template <typename F>
KernelPtr Map(F f) {
  return MakeCompute([f](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* x = call.in(0).as<T>();
      T* y = call.out().as<T>();
      for (int64_t i = 0, n = call.in(0).count(); i < n; ++i) {
        y[i] = FromReal<T>(f(static_cast<double>(x[i])));
      }
    });
  });
}

template <double (*kFunction)(double)>
KernelPtr Real(const NodeView&) {
  return Map(kFunction);
}

double Exp(double x) { return std::exp(x); }
double Log(double x) { return std::log(x); }
double Sqrt(double x) { return std::sqrt(x); }
double Erf(double x) { return std::erf(x); }
double Floor(double x) { return std::floor(x); }
double Ceil(double x) { return std::ceil(x); }
double Round(double x) { return std::nearbyint(x); }  // ties to even
double Tanh(double x) { return std::tanh(x); }
double Reciprocal(double x) { return 1.0 / x; }
double Sin(double x) { return std::sin(x); }
double Cos(double x) { return std::cos(x); }
double Tan(double x) { return std::tan(x); }
double Asin(double x) { return std::asin(x); }
double Acos(double x) { return std::acos(x); }
double Atan(double x) { return std::atan(x); }
double Sinh(double x) { return std::sinh(x); }
double Cosh(double x) { return std::cosh(x); }
double Asinh(double x) { return std::asinh(x); }
double Acosh(double x) { return std::acosh(x); }
double Atanh(double x) { return std::atanh(x); }
double Log1p(double x) { return std::log1p(x); }
double Erfc(double x) { return std::erfc(x); }
double Expm1(double x) { return std::expm1(x); }
double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double Softsign(double x) { return x / (1.0 + std::fabs(x)); }

double GeluErf(double x) { return 0.5 * x * std::erfc(-x * 0.70710678118654752440); }

KernelPtr Gelu(const NodeView& node) {
  return node.String("approximate", "none") == "tanh" ? Map(GeluTanh) : Map(GeluErf);
}

KernelPtr Elu(const NodeView& node) {
  double alpha = node.Float("alpha", 1.0);
  return Map([alpha](double x) { return x < 0 ? alpha * std::expm1(x) : x; });
}
KernelPtr LeakyRelu(const NodeView& node) {
  double alpha = node.Float("alpha", 0.01);
  return Map([alpha](double x) { return x < 0 ? alpha * x : x; });
}
KernelPtr Selu(const NodeView& node) {
  double alpha = node.Float("alpha", 1.67326319217681884765625);
  double gamma = node.Float("gamma", 1.05070102214813232421875);
  return Map([=](double x) { return gamma * (x > 0 ? x : alpha * std::expm1(x)); });
}

// f(T) -> T for each wide type.
template <typename F>
KernelPtr Generic(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* x = call.in(0).as<T>();
      T* y = call.out().as<T>();
      for (int64_t i = 0, n = call.in(0).count(); i < n; ++i) y[i] = F()(x[i]);
    });
  });
}

struct AbsOf {
  template <typename T>
  T operator()(T x) const {
    if constexpr (kIsReal<T>) return std::fabs(x);
    return x < T{0} ? Sub(T{0}, x) : x;
  }
};
struct NegOf {
  template <typename T>
  T operator()(T x) const {
    if constexpr (kIsReal<T>) return -x;
    return Sub(T{0}, x);
  }
};
struct SignOf {
  template <typename T>
  T operator()(T x) const {
    if (x > T{0}) return T{1};
    return x < T{0} ? Sub(T{0}, T{1}) : x;  // 0, -0 and NaN as they are
  }
};
struct ReluOf {
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? T{0} : x;
  }
};
struct NotOf {
  template <typename T>
  T operator()(T x) const {
    return x == T{0} ? T{1} : T{0};
  }
};

struct ComplementOf {
  template <typename T>
  T operator()(T x) const {
    if constexpr (kIsReal<T>)
      return x;  // refused by the schema
    else
      return static_cast<T>(~x);
  }
};

KernelPtr Clip(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* x = call.in(0).as<T>();
      T* y = call.out().as<T>();
      Operand low = call.in(1);
      Operand high = call.in(2);
      for (int64_t i = 0, n = call.in(0).count(); i < n; ++i) {
        y[i] = x[i];
        if (low.present() && y[i] < *low.as<T>()) y[i] = *low.as<T>();
        if (high.present() && y[i] > *high.as<T>()) y[i] = *high.as<T>();
      }
    });
  });
}

// Float to integer goes towards zero; what does not fit saturates, and NaN gives 0.
int64_t IntFromReal(ms_dtype to, double value) {
  if (to.code == MS_DTYPE_BOOL) return value != 0 ? 1 : 0;
  if (to.code == MS_DTYPE_UINT) {
    auto high = static_cast<uint64_t>(HighestInt(to));
    return static_cast<int64_t>(std::min(FromReal<uint64_t>(value), high));
  }
  return std::clamp(FromReal<int64_t>(value), LowestInt(to), HighestInt(to));
}

// An integer rounds once, straight to float32, not by way of double.
template <typename T>
double RealFromInt(ms_dtype to, T value) {
  bool single = to.code == MS_DTYPE_FLOAT && to.bits == 32;
  return single ? static_cast<double>(static_cast<float>(value)) : static_cast<double>(value);
}

KernelPtr Cast(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ms_dtype to = call.out().dtype();
    bool to_real = WideOf(to) == Wide::kReal;
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* x = call.in(0).as<T>();
      auto* reals = call.out().as<double>();
      auto* ints = call.out().as<int64_t>();
      for (int64_t i = 0, n = call.in(0).count(); i < n; ++i) {
        if constexpr (kIsReal<T>) {
          if (to_real) reals[i] = x[i];
          if (!to_real) ints[i] = IntFromReal(to, x[i]);
        } else {
          if (to_real) reals[i] = RealFromInt(to, x[i]);
          if (!to_real) ints[i] = static_cast<int64_t>(x[i]);
        }
      }
    });
  });
}

KernelPtr Where(const NodeView&) {
  return MakeMove([](const KernelArgs& args) {
    const TensorView& out = args.outputs[0];
    Index strides[3];
    for (size_t k = 0; k < 3; ++k) {
      strides[k] = BroadcastStrides(args.inputs[k].shape(), out.shape());
    }
    uint64_t width = sdk::ByteWidth(out.dtype);
    ForEach(out.shape(), [&](const Index& at, int64_t i) {
      bool condition = args.inputs[0].as<uint8_t>()[Offset(at, strides[0], out.rank)] != 0;
      size_t k = condition ? 1 : 2;
      auto from = static_cast<uint64_t>(Offset(at, strides[k], out.rank));
      std::memcpy(out.as<std::byte>() + static_cast<uint64_t>(i) * width,
                  args.inputs[k].as<std::byte>() + from * width, width);
    });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "Abs", ClaimAny, Generic<AbsOf>},
    KernelEntry{"", "Acos", ClaimAny, Real<Acos>},
    KernelEntry{"", "Acosh", ClaimAny, Real<Acosh>},
    KernelEntry{"", "Asin", ClaimAny, Real<Asin>},
    KernelEntry{"", "Asinh", ClaimAny, Real<Asinh>},
    KernelEntry{"", "Atan", ClaimAny, Real<Atan>},
    KernelEntry{"", "Atanh", ClaimAny, Real<Atanh>},
    KernelEntry{"", "BitwiseNot", ClaimAny, Generic<ComplementOf>},
    KernelEntry{"", "Cast", ClaimAny, Cast},
    KernelEntry{"", "Ceil", ClaimAny, Real<Ceil>},
    KernelEntry{"", "Clip", ClaimAny, Clip},
    KernelEntry{"", "Cos", ClaimAny, Real<Cos>},
    KernelEntry{"", "Cosh", ClaimAny, Real<Cosh>},
    KernelEntry{"", "Elu", ClaimAny, Elu},
    KernelEntry{"", "Erf", ClaimAny, Real<Erf>},
    KernelEntry{"", "Exp", ClaimAny, Real<Exp>},
    KernelEntry{"", "Floor", ClaimAny, Real<Floor>},
    KernelEntry{"", "Gelu", ClaimAny, Gelu},
    KernelEntry{"", "LeakyRelu", ClaimAny, LeakyRelu},
    KernelEntry{"", "Log", ClaimAny, Real<Log>},
    KernelEntry{"", "Neg", ClaimAny, Generic<NegOf>},
    KernelEntry{"", "Not", ClaimAny, Generic<NotOf>},
    KernelEntry{"", "Reciprocal", ClaimAny, Real<Reciprocal>},
    KernelEntry{"", "Relu", ClaimAny, Generic<ReluOf>},
    KernelEntry{"", "Round", ClaimAny, Real<Round>},
    KernelEntry{"", "Selu", ClaimAny, Selu},
    KernelEntry{"", "Sigmoid", ClaimAny, Real<Sigmoid>},
    KernelEntry{"", "Sign", ClaimAny, Generic<SignOf>},
    KernelEntry{"", "Sin", ClaimAny, Real<Sin>},
    KernelEntry{"", "Sinh", ClaimAny, Real<Sinh>},
    KernelEntry{"", "Softplus", ClaimAny, Real<Softplus>},
    KernelEntry{"", "Softsign", ClaimAny, Real<Softsign>},
    KernelEntry{"", "Sqrt", ClaimAny, Real<Sqrt>},
    KernelEntry{"", "Tan", ClaimAny, Real<Tan>},
    KernelEntry{"", "Tanh", ClaimAny, Real<Tanh>},
    KernelEntry{"", "Where", ClaimAny, Where},
    KernelEntry{"midstream", "Erfc", ClaimAny, Real<Erfc>},
    KernelEntry{"midstream", "Expm1", ClaimAny, Real<Expm1>},
    KernelEntry{"midstream", "Log1p", ClaimAny, Real<Log1p>},
};

}  // namespace

std::span<const KernelEntry> ElementwiseKernels() { return kTable; }

}  // namespace midstream::reference

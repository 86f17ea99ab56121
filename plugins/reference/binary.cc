// Operators of two (Max, Min: any number of) inputs with broadcasting.
#include <array>
#include <cmath>

#include "plugins/reference/arithmetic.h"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// y[i] = f(a, b) over the broadcast shape; `a`, `b` and `y` may have different wide types.
template <typename A, typename B, typename Y, typename F>
void Combine(const Operand& a, const Operand& b, const Operand& y, F f) {
  Index a_strides = BroadcastStrides(a.shape(), y.shape());
  Index b_strides = BroadcastStrides(b.shape(), y.shape());
  size_t rank = y.shape().size();
  ForEach(y.shape(), [&](const Index& at, int64_t i) {
    y.as<Y>()[i] =
        f(a.as<A>()[Offset(at, a_strides, rank)], b.as<B>()[Offset(at, b_strides, rank)]);
  });
}

template <typename F>
KernelPtr Binary(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      Combine<T, T, T>(call.in(0), call.in(1), call.out(), F());
    });
  });
}

template <typename F>
KernelPtr Compare(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      Combine<T, T, int64_t>(call.in(0), call.in(1), call.out(),
                             [](T a, T b) { return F()(a, b) ? 1 : 0; });
    });
  });
}

struct AddOf {
  auto operator()(auto a, auto b) const { return Add(a, b); }
};
struct SubOf {
  auto operator()(auto a, auto b) const { return Sub(a, b); }
};
struct MulOf {
  auto operator()(auto a, auto b) const { return Mul(a, b); }
};
struct DivOf {
  auto operator()(auto a, auto b) const { return Div(a, b); }
};
// NaN wins, whichever side it is on.
struct MaxOf {
  auto operator()(auto a, auto b) const { return a > b || a != a ? a : b; }
};
struct MinOf {
  auto operator()(auto a, auto b) const { return a < b || a != a ? a : b; }
};

template <typename F>
KernelPtr Fold(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      Operand y = call.out();
      Combine<T, T, T>(call.in(0), call.in(0), y, [](T a, T) { return a; });
      for (uint32_t k = 1; k < call.n_inputs(); ++k) {
        Combine<T, T, T>(y, call.in(k), y, F());
      }
    });
  });
}

// fmod = 0 takes the sign of the divisor, fmod = 1 that of the dividend.
KernelPtr Mod(const NodeView& node) {
  bool dividend_sign = node.Int("fmod", 0) != 0;
  return MakeCompute([dividend_sign](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      Combine<T, T, T>(call.in(0), call.in(1), call.out(), [&](T a, T b) {
        T rest = Remainder(a, b);
        bool flip = !dividend_sign && rest != T{0} && (rest < T{0}) != (b < T{0}) && b != T{0};
        return flip ? Add(rest, b) : rest;
      });
    });
  });
}

// Integer powers stay exact modulo 2^64; a negative exponent truncates towards zero.
template <typename T>
T IntegerPower(T base, int64_t exponent) {
  if (exponent < 0) {
    if (base == T{1}) return base;
    if (Add(base, T{1}) == T{0} && std::is_signed_v<T>) return exponent % 2 == 0 ? T{1} : base;
    return T{0};
  }
  T result{1};
  for (auto left = static_cast<uint64_t>(exponent); left != 0; left >>= 1) {
    if ((left & 1) != 0) result = Mul(result, base);
    base = Mul(base, base);
  }
  return result;
}

template <typename T, typename E>
T Power(T base, E exponent) {
  if constexpr (kIsReal<T> || kIsReal<E>) {
    return FromReal<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  } else {
    return IntegerPower(base, static_cast<int64_t>(exponent));
  }
}

KernelPtr Pow(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.in(0).dtype(), [&](auto base) {
      ForWide(call.in(1).dtype(), [&](auto exponent) {
        using T = decltype(base);
        using E = decltype(exponent);
        Combine<T, E, T>(call.in(0), call.in(1), call.out(), Power<T, E>);
      });
    });
  });
}

struct AndOf {
  auto operator()(auto a, auto b) const { return a != 0 && b != 0; }
};
struct OrOf {
  auto operator()(auto a, auto b) const { return a != 0 || b != 0; }
};
struct XorOf {
  auto operator()(auto a, auto b) const { return (a != 0) != (b != 0); }
};

// Integers by their bits.
template <typename F>
struct Bits {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (kIsReal<T>)
      return a;  // refused by the schema
    else
      return F()(a, b);
  }
};

constexpr std::array kTable = {
    KernelEntry{"", "Add", ClaimAny, Binary<AddOf>},
    KernelEntry{"", "And", ClaimAny, Compare<AndOf>},
    KernelEntry{"", "BitwiseAnd", ClaimAny, Binary<Bits<std::bit_and<>>>},
    KernelEntry{"", "BitwiseOr", ClaimAny, Binary<Bits<std::bit_or<>>>},
    KernelEntry{"", "BitwiseXor", ClaimAny, Binary<Bits<std::bit_xor<>>>},
    KernelEntry{"", "Div", ClaimAny, Binary<DivOf>},
    KernelEntry{"", "Equal", ClaimAny, Compare<std::equal_to<>>},
    KernelEntry{"", "Greater", ClaimAny, Compare<std::greater<>>},
    KernelEntry{"", "GreaterOrEqual", ClaimAny, Compare<std::greater_equal<>>},
    KernelEntry{"", "Less", ClaimAny, Compare<std::less<>>},
    KernelEntry{"", "LessOrEqual", ClaimAny, Compare<std::less_equal<>>},
    KernelEntry{"", "Max", ClaimAny, Fold<MaxOf>},
    KernelEntry{"", "Min", ClaimAny, Fold<MinOf>},
    KernelEntry{"", "Mod", ClaimAny, Mod},
    KernelEntry{"", "Mul", ClaimAny, Binary<MulOf>},
    KernelEntry{"", "Or", ClaimAny, Compare<OrOf>},
    KernelEntry{"", "Pow", ClaimAny, Pow},
    KernelEntry{"", "Sub", ClaimAny, Binary<SubOf>},
    KernelEntry{"", "Xor", ClaimAny, Compare<XorOf>},
};

}  // namespace

std::span<const KernelEntry> BinaryKernels() { return kTable; }

}  // namespace midstream::reference

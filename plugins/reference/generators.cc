// Operators that make elements from a few parameters.
#include <array>
#include <cmath>

#include "plugins/reference/arithmetic.h"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// start + i * delta; no error builds up.
KernelPtr Range(const NodeView&) {
  return MakeCompute([](const Call& call) {
    ForWide(call.out().dtype(), [&](auto zero) {
      using T = decltype(zero);
      T start = *call.in(0).as<T>();
      T delta = *call.in(2).as<T>();
      T* y = call.out().as<T>();
      for (int64_t i = 0, n = call.out().count(); i < n; ++i) {
        y[i] = Add(start, Mul(static_cast<T>(i), delta));
      }
    });
  });
}

// An index in [-depth, depth) switches its place on; others switch nothing on.
KernelPtr OneHot(const NodeView& node) {
  return MakeCompute([axis = node.Int("axis", -1)](const Call& call) {
    Operand indices = call.in(0);
    Dims out = call.out().shape();
    size_t along = NormalAxis(axis, out.size());
    int64_t depth = out[along];
    Index own = Strides(indices.shape());
    const auto* values = call.in(2).as<uint64_t>();  // bits of whatever wide type
    auto* y = call.out().as<uint64_t>();
    ForWide(indices.dtype(), [&](auto zero) {
      using T = decltype(zero);
      ForEach(out, [&](const Index& at, int64_t i) {
        int64_t place = 0;
        for (size_t k = 0; k < indices.shape().size(); ++k) {
          place += at[k < along ? k : k + 1] * own[k];
        }
        auto idx = FromReal<int64_t>(static_cast<double>(indices.as<T>()[place]));
        bool on = idx >= -depth && (idx < 0 ? idx + depth : idx) == at[along];
        y[i] = values[on ? 1 : 0];
      });
    });
  });
}

KernelPtr ConstantOfShape(const NodeView& node) {
  int64_t as_int = node.Int("value", 0);
  double as_real = node.Float("value", static_cast<double>(as_int));
  return MakeCompute([=](const Call& call) {
    Operand out = call.out();
    bool real = WideOf(out.dtype()) == Wide::kReal;
    int64_t bits = as_int != 0 ? as_int : FromReal<int64_t>(as_real);
    for (int64_t i = 0, n = out.count(); i < n; ++i) {
      if (real) out.as<double>()[i] = as_real;
      if (!real) out.as<int64_t>()[i] = bits;
    }
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "ConstantOfShape", ClaimAny, ConstantOfShape},
    KernelEntry{"", "OneHot", ClaimAny, OneHot},
    KernelEntry{"", "Range", ClaimAny, Range},
};

}  // namespace

std::span<const KernelEntry> GeneratorKernels() { return kTable; }

}  // namespace midstream::reference

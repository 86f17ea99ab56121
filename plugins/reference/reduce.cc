// Reductions over axes, global pooling among them, and ArgMax.
#include <array>
#include <cmath>

#include "plugins/reference/arithmetic.h"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

using AxisSet = std::array<bool, kMaxRank>;

// How to fold elements into one: what it starts with, the step, and what becomes of the result.
struct SumFold {
  template <typename T>
  static T Start(ms_dtype) {
    return T{0};
  }
  template <typename T>
  static T Step(T so_far, T x) {
    return Add(so_far, x);
  }
  template <typename T>
  static T Finish(T result, int64_t) {
    return result;
  }
};
struct MeanFold : SumFold {
  template <typename T>
  static T Finish(T result, int64_t count) {
    return Div(result, static_cast<T>(count));
  }
};
struct ProdFold : SumFold {
  template <typename T>
  static T Start(ms_dtype) {
    return T{1};
  }
  template <typename T>
  static T Step(T so_far, T x) {
    return Mul(so_far, x);
  }
};
struct MaxFold : SumFold {
  template <typename T>
  static T Start(ms_dtype dtype) {
    if constexpr (kIsReal<T>) return -INFINITY;
    return static_cast<T>(LowestInt(dtype));
  }
  template <typename T>
  static T Step(T so_far, T x) {
    return x <= so_far ? so_far : x;
  }
};
struct MinFold : SumFold {
  template <typename T>
  static T Start(ms_dtype dtype) {
    if constexpr (kIsReal<T>) return INFINITY;
    return static_cast<T>(HighestInt(dtype));
  }
  template <typename T>
  static T Step(T so_far, T x) {
    return x >= so_far ? so_far : x;
  }
};

// The output holds the elements of x's shape with reduced axes of size 1, kept or not.
template <typename F>
void ReduceOver(const Call& call, const AxisSet& reduced) {
  Dims shape = call.in(0).shape();
  Index strides{};
  int64_t step = 1;
  int64_t folded = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = reduced[axis] ? 0 : step;
    (reduced[axis] ? folded : step) *= shape[axis];
  }
  ForWide(call.in(0).dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = call.in(0).as<T>();
    T* y = call.out().as<T>();
    int64_t count = call.out().count();
    for (int64_t i = 0; i < count; ++i) y[i] = F::template Start<T>(call.in(0).dtype());
    ForEach(shape, [&](const Index& at, int64_t i) {
      T& so_far = y[Offset(at, strides, shape.size())];
      so_far = F::Step(so_far, x[i]);
    });
    for (int64_t i = 0; i < count; ++i) y[i] = F::Finish(y[i], folded);
  });
}

template <typename F>
KernelPtr Reduce(const NodeView& node) {
  bool none_is_noop = node.Int("noop_with_empty_axes", 0) != 0;
  return MakeCompute([none_is_noop](const Call& call) {
    AxisSet reduced{};
    Operand axes = call.in(1);
    int64_t n = axes.present() ? axes.count() : 0;
    if (n == 0 && !none_is_noop) reduced.fill(true);
    for (int64_t i = 0; i < n; ++i) {
      reduced[NormalAxis(axes.as<int64_t>()[i], call.in(0).shape().size())] = true;
    }
    ReduceOver<F>(call, reduced);
  });
}

// All spatial axes.
template <typename F>
KernelPtr GlobalPool(const NodeView& node) {
  return MakeCompute([channels_last = IsChannelsLast(node)](const Call& call) {
    size_t rank = call.in(0).shape().size();
    AxisSet reduced{};
    for (size_t axis = 1; axis < rank; ++axis) {
      reduced[axis] = axis != (channels_last ? rank - 1 : 1);
    }
    ReduceOver<F>(call, reduced);
  });
}

// Position of the extreme along the line; the first of equal ones, or the last if asked for.
template <typename T>
int64_t Extreme(const T* x, int64_t n, int64_t step, bool largest, bool last) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i) {
    T value = x[i * step];
    T held = x[best * step];
    bool better = largest ? value > held : value < held;
    if (better || (last && value == held)) best = i;
  }
  return best;
}

KernelPtr ArgReduce(const NodeView& node) {
  int64_t axis = node.Int("axis", 0);
  bool last = node.Int("select_last_index", 0) != 0;
  return MakeCompute([=, largest = node.op() == "ArgMax"](const Call& call) {
    Dims shape = call.in(0).shape();
    size_t along = NormalAxis(axis, shape.size());
    int64_t step = Strides(shape)[along];
    int64_t* y = call.out().as<int64_t>();
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      ForEach(shape, [&](const Index& at, int64_t i) {
        if (at[along] != 0) return;
        *y++ = Extreme(call.in(0).as<T>() + i, shape[along], step, largest, last);
      });
    });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "ArgMax", ClaimAny, ArgReduce},
    KernelEntry{"", "ArgMin", ClaimAny, ArgReduce},
    KernelEntry{"", "GlobalAveragePool", ClaimAny, GlobalPool<MeanFold>},
    KernelEntry{"", "GlobalMaxPool", ClaimAny, GlobalPool<MaxFold>},
    KernelEntry{"", "ReduceMax", ClaimAny, Reduce<MaxFold>},
    KernelEntry{"", "ReduceMean", ClaimAny, Reduce<MeanFold>},
    KernelEntry{"", "ReduceMin", ClaimAny, Reduce<MinFold>},
    KernelEntry{"", "ReduceProd", ClaimAny, Reduce<ProdFold>},
    KernelEntry{"", "ReduceSum", ClaimAny, Reduce<SumFold>},
    KernelEntry{"midstream", "GlobalAveragePool", ClaimAny, GlobalPool<MeanFold>},
};

}  // namespace

std::span<const KernelEntry> ReduceKernels() { return kTable; }

}  // namespace midstream::reference

// Operators that pick or place elements by computed positions, and running sums and products.
#include <algorithm>
#include <array>
#include <cmath>

#include "plugins/reference/arithmetic.h"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// [-size, size) -> [0, size).
int64_t CheckedIndex(const char* op, int64_t idx, int64_t size) {
  if (idx >= -size && idx < size) return idx < 0 ? idx + size : idx;
  throw sdk::Error(MS_OUT_OF_RANGE, std::string(op) + ": index " + std::to_string(idx) +
                                        " is outside an axis of " + std::to_string(size));
}

// Offset of tuple `row` of indices [..., depth] into x, whose axes from `first` on it names.
int64_t TupleOffset(const char* op, const TensorView& indices, int64_t row, const TensorView& x,
                    size_t first) {
  Index strides = Strides(x.shape());
  int64_t depth = indices.dim(indices.rank - 1);
  int64_t offset = 0;
  for (int64_t k = 0; k < depth; ++k) {
    size_t axis = first + static_cast<size_t>(k);
    offset += CheckedIndex(op, IntAt(indices, row * depth + k), x.dim(axis)) * strides[axis];
  }
  return offset;
}

KernelPtr GatherND(const NodeView& node) {
  return MakeMove([batch = static_cast<size_t>(node.Int("batch_dims", 0))](const KernelArgs& args) {
    const TensorView &x = args.inputs[0], &indices = args.inputs[1], &y = args.outputs[0];
    if (y.count() == 0) return;
    Dims batches = x.shape().first(batch);
    auto depth = static_cast<size_t>(indices.dim(indices.rank - 1));
    int64_t run = sdk::Count(x.shape().subspan(batch + depth));
    int64_t rows = sdk::Count(indices.shape().first(indices.rank - 1));
    int64_t rows_each = rows / sdk::Count(batches);
    int64_t batch_step = sdk::Count(x.shape().subspan(batch));
    uint64_t bytes = static_cast<uint64_t>(run) * sdk::ByteWidth(x.dtype);
    for (int64_t row = 0; row < rows; ++row) {
      int64_t from = row / rows_each * batch_step + TupleOffset("GatherND", indices, row, x, batch);
      std::memcpy(y.as<std::byte>() + static_cast<uint64_t>(row) * bytes,
                  x.as<std::byte>() + static_cast<uint64_t>(from) * sdk::ByteWidth(x.dtype), bytes);
    }
  });
}

template <typename T>
T Joined(const std::string& reduction, T held, T update) {
  if (reduction == "add") return Add(held, update);
  if (reduction == "mul") return Mul(held, update);
  if (reduction == "max") return update > held || update != update ? update : held;
  if (reduction == "min") return update < held || update != update ? update : held;
  return update;
}

// Updates in the order in which they are given.
KernelPtr ScatterND(const NodeView& node) {
  return MakeCompute([reduction = node.String("reduction", "none")](const Call& call) {
    const TensorView &x = call.in(0).tensor, &indices = call.in(1).tensor;
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      T* y = call.out().as<T>();
      std::copy_n(call.in(0).as<T>(), call.in(0).count(), y);
      const T* updates = call.in(2).as<T>();
      auto depth = static_cast<size_t>(indices.dim(indices.rank - 1));
      int64_t run = sdk::Count(x.shape().subspan(depth));
      int64_t rows = sdk::Count(indices.shape().first(indices.rank - 1));
      for (int64_t row = 0; row < rows && run > 0; ++row) {
        T* to = y + TupleOffset("ScatterND", indices, row, x, 0);
        for (int64_t i = 0; i < run; ++i) to[i] = Joined(reduction, to[i], updates[row * run + i]);
      }
    });
  });
}

// The k largest (or smallest) of each line, in order; of equal ones the first. A NaN counts as the
// largest.
KernelPtr TopK(const NodeView& node) {
  int64_t axis = node.Int("axis", -1);
  bool largest = node.Int("largest", 1) != 0;
  return MakeCompute([=](const Call& call) {
    Dims shape = call.in(0).shape(), out = call.out(0).shape();
    size_t along = NormalAxis(axis, shape.size());
    int64_t size = shape[along], count = out[along], inner = sdk::Count(shape.subspan(along + 1));
    int64_t lines = sdk::Count(shape.first(along)) * inner;
    auto* places = call.out(1).as<int64_t>();
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      auto above = [](T a, T b) { return a > b || (a != a && b == b); };
      for (int64_t line = 0; line < lines; ++line) {
        const T* x = call.in(0).as<T>() + line / inner * size * inner + line % inner;
        int64_t to = line / inner * count * inner + line % inner;
        auto before = [&](int64_t a, int64_t b) {  // place a comes before place b
          T p = x[a * inner], q = x[b * inner];
          bool first = largest ? above(p, q) : above(q, p);
          bool second = largest ? above(q, p) : above(p, q);
          return first || (!second && a < b);
        };
        int64_t last = -1;
        for (int64_t k = 0; k < count; ++k) {  // the next one behind the last
          int64_t best = -1;
          for (int64_t i = 0; i < size; ++i) {
            bool open = last < 0 || before(last, i);
            if (open && (best < 0 || before(i, best))) best = i;
          }
          last = best;
          places[to + k * inner] = best;
          call.out(0).as<T>()[to + k * inner] = x[best * inner];
        }
      }
    });
  });
}

KernelPtr ReverseSequence(const NodeView& node) {
  int64_t batch_axis = node.Int("batch_axis", 1), time_axis = node.Int("time_axis", 0);
  return MakeMove([=](const KernelArgs& args) {
    const TensorView &x = args.inputs[0], &y = args.outputs[0];
    size_t batch = NormalAxis(batch_axis, x.rank), time = NormalAxis(time_axis, x.rank);
    Index strides = Strides(x.shape());
    uint64_t width = sdk::ByteWidth(x.dtype);
    ForEach(x.shape(), [&](const Index& at, int64_t i) {
      int64_t length = IntAt(args.inputs[1], at[batch]);
      if (length < 0 || length > x.dim(time)) {
        throw sdk::Error(MS_OUT_OF_RANGE, "ReverseSequence: the length " + std::to_string(length) +
                                              " is outside [0," + std::to_string(x.dim(time)) +
                                              "]");
      }
      int64_t from = at[time] < length ? length - 1 - at[time] : at[time];
      auto source = static_cast<uint64_t>(i + (from - at[time]) * strides[time]);
      std::memcpy(y.as<std::byte>() + static_cast<uint64_t>(i) * width,
                  x.as<std::byte>() + source * width, width);
    });
  });
}

struct SumStep {
  static constexpr int kStart = 0;
  auto operator()(auto a, auto b) const { return Add(a, b); }
};
struct ProductStep {
  static constexpr int kStart = 1;
  auto operator()(auto a, auto b) const { return Mul(a, b); }
};

template <typename Step>
KernelPtr Cumulate(const NodeView& node) {
  bool exclusive = node.Int("exclusive", 0) != 0, reverse = node.Int("reverse", 0) != 0;
  return MakeCompute([=](const Call& call) {
    Dims shape = call.in(0).shape();
    size_t along = NormalAxis(*call.in(1).as<int64_t>(), shape.size());
    int64_t size = shape[along], inner = sdk::Count(shape.subspan(along + 1));
    int64_t lines = sdk::Count(shape.first(along)) * inner;
    ForWide(call.in(0).dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t line = 0; line < lines; ++line) {
        int64_t start = line / inner * size * inner + line % inner;
        auto so_far = static_cast<T>(Step::kStart);
        for (int64_t k = 0; k < size; ++k) {
          int64_t at = start + (reverse ? size - 1 - k : k) * inner;
          T next = Step()(so_far, call.in(0).as<T>()[at]);
          call.out().as<T>()[at] = exclusive ? so_far : next;
          so_far = next;
        }
      }
    });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "CumSum", ClaimAny, Cumulate<SumStep>},
    KernelEntry{"", "GatherND", ClaimAny, GatherND},
    KernelEntry{"", "ReverseSequence", ClaimAny, ReverseSequence},
    KernelEntry{"", "ScatterND", ClaimAny, ScatterND},
    KernelEntry{"", "TopK", ClaimAny, TopK},
    KernelEntry{"midstream", "CumProd", ClaimAny, Cumulate<ProductStep>},
};

}  // namespace

std::span<const KernelEntry> IndexingKernels() { return kTable; }

}  // namespace midstream::reference

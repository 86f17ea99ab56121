// ReduceSum, -Mean, -Max, -Min, -Prod, ArgMax and ArgMin.
#include <array>
#include <limits>

#include "ops/floats.h"
#include "ops/integers.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr uint32_t kMaxRank = 8;

// The axes of a tensor with neighbours of one kind joined: kept and reduced axes take turns.
struct ReduceShape {
  struct Axis {
    int64_t size, step;
    bool reduced;
  };
  std::array<Axis, kMaxRank> axes{};
  uint32_t rank = 0;
  int64_t outputs = 1, reduced = 1;

  ReduceShape(const TensorView& x, const std::array<bool, kMaxRank>& marks) {
    int64_t step = x.count();
    for (uint32_t i = 0; i < x.rank; ++i) {
      const int64_t size = x.dim(i);
      (marks[i] ? reduced : outputs) *= size;
      step = size == 0 ? 0 : step / size;
      if (size == 1) continue;
      if (rank > 0 && axes[rank - 1].reduced == marks[i]) {
        axes[rank - 1].size *= size;
        axes[rank - 1].step = step;
      } else {
        axes[rank++] = {size, step, marks[i]};
      }
    }
  }

  // Offset of element `index` among the reduced (or the kept) axes.
  int64_t Offset(int64_t index, bool of_reduced) const {
    int64_t offset = 0;
    for (uint32_t i = rank; i-- > 0;) {
      if (axes[i].reduced != of_reduced) continue;
      offset += index % axes[i].size * axes[i].step;
      index /= axes[i].size;
    }
    return offset;
  }
};

Reduce ReduceOf(std::string_view op) {
  if (op == "ReduceMean") return Reduce::kMean;
  if (op == "ReduceMax") return Reduce::kMax;
  if (op == "ReduceMin") return Reduce::kMin;
  return op == "ReduceProd" ? Reduce::kProd : Reduce::kSum;
}

class ReduceKernel final : public sdk::Kernel {
 public:
  ReduceKernel(const KernelTable& isa, Reduce op, bool noop_when_empty)
      : isa_(isa), op_(op), noop_when_empty_(noop_when_empty) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    if (!IsFloatStorage(shapes.inputs[0].dtype)) return 0;
    AsFloats(isa_, shapes.inputs[0], &scratch);
    OutputFloats(shapes.outputs[0], &scratch);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    ReduceShape shape(x, Marks(args));
    if (shape.outputs == 0) return;
    if (sdk::Same(x.dtype, sdk::kI32)) return RunIntegers<int32_t, uint32_t>(shape, x, out);
    if (sdk::Same(x.dtype, sdk::kI64)) return RunIntegers<int64_t, uint64_t>(shape, x, out);
    ScratchCutter scratch(args.scratch);
    const float* from = AsFloats(isa_, x, &scratch);
    float* to = OutputFloats(out, &scratch);
    RunFloats(shape, from, to, *args.host);
    FinishFloats(isa_, to, out);
  }

 private:
  std::array<bool, kMaxRank> Marks(const KernelArgs& args) const {
    std::array<bool, kMaxRank> marks{};
    Integers axes(args, 1);
    for (int64_t i = 0; i < axes.size(); ++i)
      marks[PositiveAxis(axes[i], args.inputs[0].rank)] = true;
    if (axes.size() == 0 && !noop_when_empty_) marks.fill(true);
    return marks;
  }

  void RunFloats(const ReduceShape& shape, const float* x, float* out,
                 const sdk::Host& host) const {
    const bool empty = shape.reduced == 0;
    const uint32_t rank = empty ? kMaxRank : shape.rank;
    const bool first = rank > 0 && rank <= kMaxRank && !empty && shape.axes[0].reduced;
    const double microseconds = static_cast<double>(shape.outputs * shape.reduced) / 8e3;
    if (!empty && (rank == 0 || (rank <= 2 && !first) || (rank == 1 && first))) {
      // [kept, reduced], [reduced], [kept]
      ForRange(host, microseconds, shape.outputs, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          out[i] = isa_.reduce_row(op_, x + i * shape.reduced, shape.reduced);
        }
      });
    } else if (!empty && ((rank == 2 && first) || (rank == 3 && !first))) {
      // [kept, reduced, kept], [reduced, kept]
      const int64_t inner = shape.axes[rank - 1].size;
      ForRange(host, microseconds, shape.outputs / inner, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          isa_.reduce_columns(op_, x + i * shape.reduced * inner, shape.reduced, inner, inner,
                              out + i * inner);
        }
      });
    } else {
      RunAnyOrder(shape, x, out);
    }
  }

  void RunAnyOrder(const ReduceShape& shape, const float* x, float* out) const {
    for (int64_t i = 0; i < shape.outputs; ++i) {
      const float* from = x + shape.Offset(i, false);
      double result = op_ == Reduce::kProd  ? 1.0
                      : op_ == Reduce::kMax ? -std::numeric_limits<double>::infinity()
                      : op_ == Reduce::kMin ? std::numeric_limits<double>::infinity()
                                            : 0.0;
      for (int64_t r = 0; r < shape.reduced; ++r) {
        double value = from[shape.Offset(r, true)];
        switch (op_) {
          case Reduce::kProd:
            result *= value;
            break;
          case Reduce::kMax:
            result = value > result || value != value ? value : result;
            break;
          case Reduce::kMin:
            result = value < result || value != value ? value : result;
            break;
          default:
            result += value;
        }
      }
      if (op_ == Reduce::kMean) result /= static_cast<double>(shape.reduced);
      out[i] = static_cast<float>(result);
    }
  }

  template <typename T, typename U>
  void RunIntegers(const ReduceShape& shape, const TensorView& x, const TensorView& out) const {
    for (int64_t i = 0; i < shape.outputs; ++i) {
      const T* from = x.as<T>() + shape.Offset(i, false);
      T result = op_ == Reduce::kProd  ? T{1}
                 : op_ == Reduce::kMax ? std::numeric_limits<T>::min()
                 : op_ == Reduce::kMin ? std::numeric_limits<T>::max()
                                       : T{0};
      for (int64_t r = 0; r < shape.reduced; ++r) {
        T value = from[shape.Offset(r, true)];
        switch (op_) {
          case Reduce::kProd:
            result = static_cast<T>(static_cast<U>(result) * static_cast<U>(value));
            break;
          case Reduce::kMax:
            result = std::max(result, value);
            break;
          case Reduce::kMin:
            result = std::min(result, value);
            break;
          default:
            result = static_cast<T>(static_cast<U>(result) + static_cast<U>(value));
        }
      }
      out.as<T>()[i] = result;
    }
  }

  const KernelTable& isa_;
  const Reduce op_;
  const bool noop_when_empty_;
};

Claim ClaimReduce(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!node.input(0).rank_known() || node.input(0).info().rank > kMaxRank) {
    return Claim::No(MS_REASON_SHAPE);
  }
  if (IsFloatStorage(dtype)) return Claim::Yes(sdk::kF32, sdk::kF32);
  if (!IsIndexType(dtype) || node.op() == "ReduceMean") return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(dtype, dtype);
}

std::unique_ptr<sdk::Kernel> CreateReduce(const NodeView& node, const Setup& setup) {
  return std::make_unique<ReduceKernel>(setup.isa, ReduceOf(node.op()),
                                        node.Int("noop_with_empty_axes", 0) != 0);
}

// ---- ArgMax, ArgMin ----

class ArgKernel final : public sdk::Kernel {
 public:
  ArgKernel(const KernelTable& isa, int64_t axis, bool maximum, bool last)
      : isa_(isa), axis_(axis), maximum_(maximum), last_(last) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    if (!IsFloatStorage(shapes.inputs[0].dtype)) return 0;
    ScratchCutter scratch(nullptr);
    AsFloats(isa_, shapes.inputs[0], &scratch);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const TensorView& x = args.inputs[0];
    if (sdk::Same(x.dtype, sdk::kI32)) return RunOf(x, x.as<int32_t>(), args.outputs[0]);
    if (sdk::Same(x.dtype, sdk::kI64)) return RunOf(x, x.as<int64_t>(), args.outputs[0]);
    ScratchCutter scratch(args.scratch);
    RunOf(x, AsFloats(isa_, x, &scratch), args.outputs[0]);
  }

 private:
  template <typename T>
  void RunOf(const TensorView& x, const T* values, const TensorView& out) const {
    const uint32_t axis = PositiveAxis(axis_, x.rank);
    const int64_t size = x.dim(axis);
    int64_t inner = 1;
    for (uint32_t i = axis + 1; i < x.rank; ++i) inner *= x.dim(i);
    auto* to = out.as<int64_t>();
    for (int64_t i = 0; i < out.count(); ++i) {
      to[i] = Find(values + i / inner * size * inner + i % inner, size, inner);
    }
  }

  template <typename T>
  int64_t Find(const T* values, int64_t size, int64_t step) const {
    int64_t found = 0;
    T best = values[0];
    for (int64_t i = 1; i < size; ++i) {
      T value = values[i * step];
      bool better = maximum_ ? value > best : value < best;
      if (better || (last_ && value == best)) {
        best = value;
        found = i;
      }
    }
    return found;
  }

  const KernelTable& isa_;
  const int64_t axis_;
  const bool maximum_, last_;
};

Claim ClaimArg(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!IsFloatStorage(dtype) && !IsIndexType(dtype)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(IsFloatStorage(dtype) ? sdk::kF32 : dtype, sdk::kI64);
}

std::unique_ptr<sdk::Kernel> CreateArg(const NodeView& node, const Setup& setup) {
  return std::make_unique<ArgKernel>(setup.isa, node.Int("axis", 0), node.op() == "ArgMax",
                                     node.Int("select_last_index", 0) != 0);
}

}  // namespace

void AddReduceOps(OpList* list) {
  for (std::string_view op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"}) {
    list->push_back({kOnnx, op, ClaimReduce, CreateReduce});
  }
  list->push_back({kOnnx, "ArgMax", ClaimArg, CreateArg});
  list->push_back({kOnnx, "ArgMin", ClaimArg, CreateArg});
}

}  // namespace midstream::cpu_blas

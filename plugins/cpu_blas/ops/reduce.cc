// ReduceSum, -Mean, -Max, -Min, -Prod, ArgMax and ArgMin.
#include <array>
#include <limits>

#include "ops/integers.h"
#include "ops/op_table.h"
#include "ops/reduce_shape.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr uint32_t kMaxRank = ReduceShape::kMaxRank;

Reduce ReduceOf(std::string_view op) {
  if (op == "ReduceMean") return Reduce::kMean;
  if (op == "ReduceMax") return Reduce::kMax;
  if (op == "ReduceMin") return Reduce::kMin;
  return op == "ReduceProd" ? Reduce::kProd : Reduce::kSum;
}

class ReduceKernel final : public sdk::Kernel {
 public:
  ReduceKernel(const KernelTable& isa, Reduce op, bool noop_when_empty, bool deterministic)
      : isa_(isa), op_(op), noop_when_empty_(noop_when_empty), deterministic_(deterministic) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    if (!IsFloatStorage(shapes.inputs[0].dtype)) return 0;
    AsFloats(isa_, shapes.inputs[0], &scratch);
    OutputFloats(shapes.outputs[0], &scratch);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    ReduceShape shape(x, Marks(args), deterministic_);
    if (shape.outputs == 0) return;
    if (!IsFloatStorage(x.dtype)) return ReduceAny(isa_, op_, shape, x, out, *args.host);
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

  const KernelTable& isa_;
  const Reduce op_;
  const bool noop_when_empty_;
  const bool deterministic_;
};

Claim ClaimReduce(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!node.input(0).rank_known() || node.input(0).info().rank > kMaxRank) {
    return Claim::No(MS_REASON_SHAPE);
  }
  if (!IsReal(dtype) && !IsInteger(dtype)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreateReduce(const NodeView& node, const Setup& setup) {
  return std::make_unique<ReduceKernel>(setup.isa, ReduceOf(node.op()),
                                        node.Int("noop_with_empty_axes", 0) != 0,
                                        setup.deterministic);
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
    ScratchCutter scratch(args.scratch);
    const void* values =
        IsFloatStorage(x.dtype) ? AsFloats(isa_, x, &scratch) : static_cast<const void*>(x.data);
    WithElement(*ElementTypeOf(x.dtype), [&](auto zero) {
      RunOf(x, static_cast<const decltype(zero)*>(values), args.outputs[0]);
    });
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
  if (!IsReal(dtype) && !IsInteger(dtype)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(ComputeDType(dtype), sdk::kI64);
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

// LayerNormalization and RMSNormalization: over rows, in float32, or in float64 where an operand is.
#include <array>

#include "ops/op_table.h"
#include "ops/row_buffers.h"
#include "ops/strided_copy.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr uint32_t kMaxRank = 8;

// Scale or shift as T, and where the part for each row begins: it repeats along leading axes of X;
// one that also repeats within a row is written out in full.
template <typename T>
class Parameter {
 public:
  Parameter(const KernelTable& isa, const TensorView& parameter, const TensorView& x, uint32_t axis,
            const sdk::Host& host, ScratchCutter* scratch) {
    if (!parameter.present()) return;
    std::array<int64_t, kMaxRank> steps = Steps(parameter, x);
    for (uint32_t i = axis; i < x.rank; ++i) full_ &= steps[i] != 0 || x.dim(i) == 1;
    const T* reals = AsReals<T>(isa, parameter, scratch);
    axes_ = axis;
    if (full_) {
      for (uint32_t i = 0; i < axis; ++i) steps_[i] = steps[i], sizes_[i] = x.dim(i);
      begin_ = reals;
      return;
    }
    T* whole = scratch->Take<T>(x.count());
    begin_ = whole;
    if (whole == nullptr || x.count() == 0) return;
    StridedView view;
    for (uint32_t i = 0; i < x.rank; ++i) view.AddAxis(x.dim(i), steps[i]);
    view.CopyTo(whole, reals, sizeof(T), host);
  }

  const T* Row(int64_t row, int64_t length) const {
    if (begin_ == nullptr) return nullptr;
    if (!full_) return begin_ + row * length;
    int64_t offset = 0;
    for (uint32_t i = axes_; i-- > 0;) {
      offset += row % sizes_[i] * steps_[i];
      row /= sizes_[i];
    }
    return begin_ + offset;
  }

 private:
  static std::array<int64_t, kMaxRank> Steps(const TensorView& parameter, const TensorView& x) {
    std::array<int64_t, kMaxRank> steps{};
    int64_t step = 1;
    for (uint32_t i = 1; i <= parameter.rank; ++i) {
      const int64_t size = parameter.dim(parameter.rank - i);
      steps[x.rank - i] = size == 1 ? 0 : step;
      step *= size;
    }
    return steps;
  }

  const T* begin_ = nullptr;
  bool full_ = true;
  uint32_t axes_ = 0;
  std::array<int64_t, kMaxRank> steps_{}, sizes_{};
};

template <typename T>
class RowNormalizationKernel final : public sdk::Kernel {
 public:
  RowNormalizationKernel(const KernelTable& isa, int64_t axis, double epsilon, bool centred)
      : isa_(isa), axis_(axis), epsilon_(static_cast<T>(epsilon)), centred_(centred) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    const TensorView& x = args.inputs[0];
    if (x.count() == 0) return;
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    job.rows.ForRows(*args.host, static_cast<double>(x.count()) / 2e3, x.data, args.outputs[0].data,
                     x.count() / job.length, [&](const T* from, T* to, int64_t row) {
                       RealsOf(isa_, T{}).normalize_row(from, job.scale.Row(row, job.length),
                                                        job.shift.Row(row, job.length), to,
                                                        job.length, epsilon_, centred_);
                     });
  }

 private:
  struct Job {
    int64_t length;
    Parameter<T> scale, shift;
    RowBuffers<T> rows;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView& x = args.inputs[0];
    const auto axis = static_cast<uint32_t>(axis_ < 0 ? axis_ + x.rank : axis_);
    int64_t length = 1;
    for (uint32_t i = axis; i < x.rank; ++i) length *= x.dim(i);
    const TensorView shift = args.n_inputs > 2 ? args.inputs[2] : TensorView{};
    return {length,
            {isa_, args.inputs[1], x, axis, *args.host, scratch},
            {isa_, shift, x, axis, *args.host, scratch},
            {isa_, *args.host, x.dtype, length, scratch}};
  }

  const KernelTable& isa_;
  const int64_t axis_;
  const T epsilon_;
  const bool centred_;
};

Claim ClaimRowNormalization(const NodeView& node) {
  bool wide = false;
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    const ms_dtype dtype = node.input(i).dtype();
    if (!IsReal(dtype)) return Claim::No(MS_REASON_DTYPE);
    wide |= IsF64(dtype);
    if (!node.input(i).rank_known() || node.input(i).info().rank > kMaxRank) {
      return Claim::No(MS_REASON_SHAPE);
    }
  }
  const ms_dtype compute = wide ? sdk::kF64 : sdk::kF32;
  return Claim::Yes(compute, compute);
}

std::unique_ptr<sdk::Kernel> CreateRowNormalization(const NodeView& node, const Setup& setup) {
  const int64_t axis = node.Int("axis", -1);
  const double epsilon = node.Float("epsilon", 1e-5);
  const bool centred = node.op() == "LayerNormalization";
  if (sdk::Same(ClaimRowNormalization(node).compute, sdk::kF64)) {
    return std::make_unique<RowNormalizationKernel<double>>(setup.isa, axis, epsilon, centred);
  }
  return std::make_unique<RowNormalizationKernel<float>>(setup.isa, axis, epsilon, centred);
}

}  // namespace

void AddRowNormalizationOps(OpList* list) {
  for (std::string_view op : {"LayerNormalization", "RMSNormalization"}) {
    list->push_back({kOnnx, op, ClaimRowNormalization, CreateRowNormalization});
  }
}

}  // namespace midstream::cpu_blas

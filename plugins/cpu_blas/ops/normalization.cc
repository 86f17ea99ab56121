// BatchNormalization (inference), Softmax and LogSoftmax; in float64 where an operand is float64.
#include <cmath>

#include "ops/elements.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;

template <typename T>
class BatchNormKernel final : public sdk::Kernel {
 public:
  BatchNormKernel(const KernelTable& isa, T epsilon, bool channels_last)
      : isa_(isa), epsilon_(epsilon), channels_last_(channels_last) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    ScratchCutter scratch(args.scratch);
    Job job = Prepare(args, &scratch);
    const int64_t count = args.outputs[0].count();
    if (count == 0) return;
    for (int64_t c = 0; c < job.channels; ++c) {
      job.factor[c] = job.in[1][c] / std::sqrt(job.in[4][c] + epsilon_);
      job.shift[c] = job.in[2][c] - job.in[3][c] * job.factor[c];
    }
    const int64_t inner = channels_last_ ? 1 : job.inner;
    ForRange(*args.host, static_cast<double>(count) / 4e3, job.rows, 1,
             [&](int64_t begin, int64_t end) {
               for (int64_t row = begin; row < end; ++row) RunRow(job, row, inner);
             });
    FinishReals(isa_, job.out, args.outputs[0]);
  }

 private:
  struct Job {
    int64_t channels, rows, inner;  // rows of channels (last), or of channels x inner
    const T* in[5];
    T* factor;
    T* shift;
    T* out;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const sdk::TensorView& x = args.inputs[0];
    Job job{};
    job.channels = x.dim(channels_last_ ? x.rank - 1 : 1);
    job.inner = 1;
    for (uint32_t i = 2; i < x.rank && !channels_last_; ++i) job.inner *= x.dim(i);
    const int64_t row = job.channels * job.inner;
    job.rows = row == 0 ? 0 : x.count() / row;
    for (uint32_t i = 0; i < 5; ++i) job.in[i] = AsReals<T>(isa_, args.inputs[i], scratch);
    job.factor = scratch->Take<T>(job.channels);
    job.shift = scratch->Take<T>(job.channels);
    job.out = OutputReals<T>(args.outputs[0], scratch);
    return job;
  }

  void RunRow(const Job& job, int64_t row, int64_t inner) const {
    const T* x = job.in[0] + row * job.channels * inner;
    T* out = job.out + row * job.channels * inner;
    if (inner == 1)
      return RealsOf(isa_, T{}).scale_shift(x, job.factor, job.shift, out, job.channels);
    for (int64_t c = 0; c < job.channels; ++c) {
      for (int64_t i = 0; i < inner; ++i) {
        out[c * inner + i] = x[c * inner + i] * job.factor[c] + job.shift[c];
      }
    }
  }

  const KernelTable& isa_;
  const T epsilon_;
  const bool channels_last_;
};

bool HasF64(const NodeView& node) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (IsF64(node.input(i).dtype())) return true;
  }
  return false;
}

Claim ClaimBatchNorm(const NodeView& node) {
  for (size_t i = 0; i < 5; ++i) {
    if (!IsReal(node.input(i).dtype())) return Claim::No(MS_REASON_DTYPE);
  }
  if (!node.input(0).rank_known() || node.input(0).info().rank < 2)
    return Claim::No(MS_REASON_SHAPE);
  const ms_dtype compute = HasF64(node) ? sdk::kF64 : sdk::kF32;
  return Claim::Yes(compute, compute);
}

std::unique_ptr<sdk::Kernel> CreateBatchNorm(const NodeView& node, const Setup& setup) {
  bool last = node.domain() == kMidstream && node.String("data_layout", "NCHW") == "NHWC";
  const double epsilon = node.Float("epsilon", 1e-5);
  if (HasF64(node)) return std::make_unique<BatchNormKernel<double>>(setup.isa, epsilon, last);
  return std::make_unique<BatchNormKernel<float>>(setup.isa, static_cast<float>(epsilon), last);
}

// Along any axis; columns that are not contiguous are gathered into scratch rows.
template <typename T>
class SoftmaxKernel final : public sdk::Kernel {
 public:
  SoftmaxKernel(const KernelTable& isa, int64_t axis, bool log)
      : isa_(isa), axis_(axis), log_(log) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    AsReals<T>(isa_, shapes.inputs[0], &scratch);
    OutputReals<T>(shapes.outputs[0], &scratch);
    scratch.Take<T>(AxisOf(shapes.inputs[0]).size);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const sdk::TensorView& x = args.inputs[0];
    const int64_t count = x.count();
    if (count == 0) return;
    ScratchCutter scratch(args.scratch);
    const T* from = AsReals<T>(isa_, x, &scratch);
    T* out = OutputReals<T>(args.outputs[0], &scratch);
    const Axis axis = AxisOf(x);
    if (axis.inner == 1) {
      ForRange(*args.host, static_cast<double>(count) / 1e3, count / axis.size, 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   RealsOf(isa_, T{}).softmax_row(from + row * axis.size, out + row * axis.size,
                                                  axis.size, log_);
                 }
               });
    } else {
      RunColumns(axis, from, out, count, scratch.Take<T>(axis.size));
    }
    FinishReals(isa_, out, args.outputs[0]);
  }

 private:
  struct Axis {
    int64_t size, inner;
  };
  Axis AxisOf(const sdk::TensorView& x) const {
    auto axis = static_cast<uint32_t>(axis_ < 0 ? axis_ + x.rank : axis_);
    Axis result{x.dim(axis), 1};
    for (uint32_t i = axis + 1; i < x.rank; ++i) result.inner *= x.dim(i);
    return result;
  }

  void RunColumns(const Axis& axis, const T* from, T* out, int64_t count, T* row) const {
    const int64_t block = axis.size * axis.inner;
    for (int64_t column = 0; column < count / axis.size; ++column) {
      int64_t first = column / axis.inner * block + column % axis.inner;
      for (int64_t i = 0; i < axis.size; ++i) row[i] = from[first + i * axis.inner];
      RealsOf(isa_, T{}).softmax_row(row, row, axis.size, log_);
      for (int64_t i = 0; i < axis.size; ++i) out[first + i * axis.inner] = row[i];
    }
  }

  const KernelTable& isa_;
  const int64_t axis_;
  const bool log_;
};

Claim ClaimSoftmax(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!IsReal(dtype)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreateSoftmax(const NodeView& node, const Setup& setup) {
  const int64_t axis = node.Int("axis", -1);
  const bool log = node.op() == "LogSoftmax";
  if (HasF64(node)) return std::make_unique<SoftmaxKernel<double>>(setup.isa, axis, log);
  return std::make_unique<SoftmaxKernel<float>>(setup.isa, axis, log);
}

}  // namespace

void AddNormalizationOps(OpList* list) {
  for (std::string_view domain : {kOnnx, kMidstream}) {
    list->push_back({domain, "BatchNormalization", ClaimBatchNorm, CreateBatchNorm});
  }
  list->push_back({kOnnx, "Softmax", ClaimSoftmax, CreateSoftmax});
  list->push_back({kOnnx, "LogSoftmax", ClaimSoftmax, CreateSoftmax});
}

}  // namespace midstream::cpu_blas

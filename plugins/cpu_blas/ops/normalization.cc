// BatchNormalization (inference), Softmax and LogSoftmax.
#include <cmath>

#include "ops/floats.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;

class BatchNormKernel final : public sdk::Kernel {
 public:
  BatchNormKernel(const KernelTable& isa, float epsilon, bool channels_last)
      : isa_(isa), epsilon_(epsilon), channels_last_(channels_last) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    Prepare(shapes, &scratch);
    return scratch.used();
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
    FinishFloats(isa_, job.out, args.outputs[0]);
  }

 private:
  struct Job {
    int64_t channels, rows, inner;  // rows of channels (last), or of channels x inner
    const float* in[5];
    float* factor;
    float* shift;
    float* out;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const sdk::TensorView& x = args.inputs[0];
    Job job{};
    job.channels = x.dim(channels_last_ ? x.rank - 1 : 1);
    job.inner = 1;
    for (uint32_t i = 2; i < x.rank && !channels_last_; ++i) job.inner *= x.dim(i);
    const int64_t row = job.channels * job.inner;
    job.rows = row == 0 ? 0 : x.count() / row;
    for (uint32_t i = 0; i < 5; ++i) job.in[i] = AsFloats(isa_, args.inputs[i], scratch);
    job.factor = scratch->Take<float>(job.channels);
    job.shift = scratch->Take<float>(job.channels);
    job.out = OutputFloats(args.outputs[0], scratch);
    return job;
  }

  void RunRow(const Job& job, int64_t row, int64_t inner) const {
    const float* x = job.in[0] + row * job.channels * inner;
    float* out = job.out + row * job.channels * inner;
    if (inner == 1) return isa_.scale_shift(x, job.factor, job.shift, out, job.channels);
    for (int64_t c = 0; c < job.channels; ++c) {
      for (int64_t i = 0; i < inner; ++i) {
        out[c * inner + i] = x[c * inner + i] * job.factor[c] + job.shift[c];
      }
    }
  }

  const KernelTable& isa_;
  const float epsilon_;
  const bool channels_last_;
};

Claim ClaimBatchNorm(const NodeView& node) {
  for (size_t i = 0; i < 5; ++i) {
    if (!IsFloatStorage(node.input(i).dtype())) return Claim::No(MS_REASON_DTYPE);
  }
  if (!node.input(0).rank_known() || node.input(0).info().rank < 2)
    return Claim::No(MS_REASON_SHAPE);
  return Claim::Yes(sdk::kF32, sdk::kF32);
}

std::unique_ptr<sdk::Kernel> CreateBatchNorm(const NodeView& node, const Setup& setup) {
  bool last = node.domain() == kMidstream && node.String("data_layout", "NCHW") == "NHWC";
  return std::make_unique<BatchNormKernel>(setup.isa,
                                           static_cast<float>(node.Float("epsilon", 1e-5)), last);
}

// Along any axis; columns that are not contiguous are gathered into scratch rows.
class SoftmaxKernel final : public sdk::Kernel {
 public:
  SoftmaxKernel(const KernelTable& isa, int64_t axis, bool log)
      : isa_(isa), axis_(axis), log_(log) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    AsFloats(isa_, shapes.inputs[0], &scratch);
    OutputFloats(shapes.outputs[0], &scratch);
    scratch.Take<float>(AxisOf(shapes.inputs[0]).size);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const sdk::TensorView& x = args.inputs[0];
    const int64_t count = x.count();
    if (count == 0) return;
    ScratchCutter scratch(args.scratch);
    const float* from = AsFloats(isa_, x, &scratch);
    float* out = OutputFloats(args.outputs[0], &scratch);
    const Axis axis = AxisOf(x);
    if (axis.inner == 1) {
      ForRange(*args.host, static_cast<double>(count) / 1e3, count / axis.size, 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   isa_.softmax_row(from + row * axis.size, out + row * axis.size, axis.size, log_);
                 }
               });
    } else {
      RunColumns(axis, from, out, count, scratch.Take<float>(axis.size));
    }
    FinishFloats(isa_, out, args.outputs[0]);
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

  void RunColumns(const Axis& axis, const float* from, float* out, int64_t count,
                  float* row) const {
    const int64_t block = axis.size * axis.inner;
    for (int64_t column = 0; column < count / axis.size; ++column) {
      int64_t first = column / axis.inner * block + column % axis.inner;
      for (int64_t i = 0; i < axis.size; ++i) row[i] = from[first + i * axis.inner];
      isa_.softmax_row(row, row, axis.size, log_);
      for (int64_t i = 0; i < axis.size; ++i) out[first + i * axis.inner] = row[i];
    }
  }

  const KernelTable& isa_;
  const int64_t axis_;
  const bool log_;
};

Claim ClaimSoftmax(const NodeView& node) {
  if (!IsFloatStorage(node.input(0).dtype())) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(sdk::kF32, sdk::kF32);
}

std::unique_ptr<sdk::Kernel> CreateSoftmax(const NodeView& node, const Setup& setup) {
  return std::make_unique<SoftmaxKernel>(setup.isa, node.Int("axis", -1),
                                         node.op() == "LogSoftmax");
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

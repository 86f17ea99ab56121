// LRN: y = x / (bias + alpha / size * s)^beta, s the sum of squares over `size` channels around x's.
//
// Squares are added a run at a time: the pixels of a plane when channels come first, the channels of
// a pixel when they come last.
#include <algorithm>

#include "ops/elements.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

struct ResponseOptions {
  double alpha, beta, bias;
  int64_t size;
  bool channels_last;
};

template <typename T>
class ResponseKernel final : public sdk::Kernel {
 public:
  ResponseKernel(const KernelTable& isa, const ResponseOptions& options)
      : reals_(RealsOf(isa, T{})), isa_(isa), options_(options) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    const int64_t count = args.outputs[0].count();
    if (count == 0) return;
    const double microseconds = static_cast<double>(count * options_.size) / 4e3;
    ForRange(*args.host, microseconds, count / job.run, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) RunRow(job, row);
    });
    FinishReals(isa_, job.out, args.outputs[0]);
  }

 private:
  struct Job {
    int64_t channels, run;  // run: pixels of a plane, or channels of a pixel
    const T* x;
    T* sums;
    T* out;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView& x = args.inputs[0];
    Job job{};
    job.channels = x.dim(options_.channels_last ? x.rank - 1 : 1);
    job.run = options_.channels_last ? job.channels : 1;
    for (uint32_t i = 2; i < x.rank && !options_.channels_last; ++i) job.run *= x.dim(i);
    job.x = AsReals<T>(isa_, x, scratch);
    job.sums = scratch->Take<T>(x.count());
    job.out = OutputReals<T>(args.outputs[0], scratch);
    return job;
  }

  // Channels [c - before, c + after] count for channel c.
  void RunRow(const Job& job, int64_t row) const {
    const int64_t before = (options_.size - 1) / 2, after = options_.size / 2;
    const T* x = job.x + row * job.run;
    T* sums = job.sums + row * job.run;
    std::fill_n(sums, job.run, T(0));
    if (options_.channels_last) {
      const int64_t reach = std::min(after, job.run - 1);
      for (int64_t d = -std::min(before, job.run - 1); d <= reach; ++d) {
        const int64_t n = job.run - std::abs(d);
        reals_.add_squares(x + std::max<int64_t>(d, 0), sums + std::max<int64_t>(-d, 0), n);
      }
    } else {
      const int64_t c = row % job.channels;
      const int64_t last = std::min(c + after, job.channels - 1);
      for (int64_t other = std::max<int64_t>(c - before, 0); other <= last; ++other) {
        reals_.add_squares(x + (other - c) * job.run, sums, job.run);
      }
    }
    const double scale = options_.alpha / static_cast<double>(options_.size);
    reals_.response_row(x, sums, job.out + row * job.run, job.run, static_cast<T>(options_.bias),
                        static_cast<T>(scale), static_cast<T>(options_.beta));
  }

  const Reals<T>& reals_;
  const KernelTable& isa_;
  const ResponseOptions options_;
};

Claim ClaimResponse(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!IsReal(dtype)) return Claim::No(MS_REASON_DTYPE);
  if (!node.input(0).rank_known() || node.input(0).info().rank < 3) {
    return Claim::No(MS_REASON_SHAPE);
  }
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreateResponse(const NodeView& node, const Setup& setup) {
  const ResponseOptions options{
      node.Float("alpha", 1e-4), node.Float("beta", 0.75), node.Float("bias", 1.0),
      node.Int("size", 1),
      node.domain() == kMidstream && node.String("data_layout", "NCHW") == "NHWC"};
  if (IsF64(node.input(0).dtype())) {
    return std::make_unique<ResponseKernel<double>>(setup.isa, options);
  }
  return std::make_unique<ResponseKernel<float>>(setup.isa, options);
}

}  // namespace

void AddResponseOps(OpList* list) {
  for (std::string_view domain : {kOnnx, kMidstream}) {
    list->push_back({domain, "LRN", ClaimResponse, CreateResponse});
  }
}

}  // namespace midstream::cpu_blas

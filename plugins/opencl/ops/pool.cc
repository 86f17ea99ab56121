// Pooling over windows, channels first or last. Global pooling is a reduction: reduce.cc.
#include <algorithm>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"

namespace midstream::opencl {
namespace {

constexpr size_t kMaxSpatial = 3;  // axes that pool.cl loops over

class Pool final : public Kernel {
 public:
  explicit Pool(const sdk::NodeView& node)
      : average_(node.op() == "AveragePool"),
        channels_last_(IsChannelsLast(node)),
        include_pad_(node.Int("count_include_pad", 0) != 0),
        kernel_(node.Ints("kernel_shape")),
        strides_(node.Ints("strides")),
        dilations_(node.Ints("dilations")),
        pads_(node.Ints("pads")),
        auto_pad_(node.String("auto_pad", "NOTSET")) {}

  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const int64_t channels = channels_last_ ? x.shape.back() : 1;
    const int64_t width = Width(plan.traits(), channels, x.dtype);
    const int64_t places = y.count() / std::max<int64_t>(channels, 1);
    // What the wide kernel leaves of the channels is made one by one.
    const int64_t blocks = channels / width, rest = channels - blocks * width;
    Launch(plan, width, blocks, 0, places);
    if (rest > 0) Launch(plan, 1, rest, blocks * width, places);
  }

 private:
  static int64_t Width(const Traits& traits, int64_t channels, ms_dtype dtype) {
    if (!traits.cpu || IsInteger(dtype)) return 1;
    return channels >= 16 ? 16 : channels >= 8 ? 8 : channels >= 4 ? 4 : 1;
  }

  void Launch(PlanBuilder& plan, int64_t width, int64_t blocks, int64_t first,
              int64_t places) const {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const int64_t channels = channels_last_ ? x.shape.back() : 1;
    const int64_t images = channels_last_ ? x.dim(0) : x.dim(0) * x.dim(1);
    const int64_t items = places * blocks;
    if (items == 0) return;
    const Positions positions(std::max(x.count(), y.count()));
    Call call{"pool", (average_ ? "average_pool_" : "max_pool_") + std::to_string(width),
              DefineType("TX", x.dtype) + positions.defines()};
    call.args = {From(x, first),
                 From(y, first),
                 positions.Table(plan, Axes(x, y)),
                 positions(x.count() / images),
                 positions(channels),
                 positions(blocks),
                 positions(items),
                 I32(include_pad_)};
    SetItems(&call, items);
    plan.Launch(std::move(call));
  }

  // For pool.cl: three axes, the first of which may be missing.
  std::vector<int64_t> Axes(const Operand& x, const Operand& y) const {
    const size_t rank = kernel_.size(), first = channels_last_ ? 1 : 2;
    const std::vector<int64_t> steps = RowMajor(x.shape);
    std::vector<int64_t> table;
    for (size_t i = rank; i < kMaxSpatial; ++i) {
      table.insert(table.end(), {1, 1, 1, 1, 1, 0, 0, 0});
    }
    for (size_t i = 0; i < rank; ++i) {
      const int64_t size = x.dim(first + i), out = y.dim(first + i);
      const int64_t stride = strides_.empty() ? 1 : strides_[i];
      const int64_t dilation = dilations_.empty() ? 1 : dilations_[i];
      int64_t begin = pads_.empty() ? 0 : pads_[i], end = pads_.empty() ? 0 : pads_[rank + i];
      if (auto_pad_.starts_with("SAME")) {
        const int64_t extent = (kernel_[i] - 1) * dilation + 1;
        const int64_t total = std::max<int64_t>((out - 1) * stride + extent - size, 0);
        begin = auto_pad_ == "SAME_UPPER" ? total / 2 : total - total / 2;
        end = total - begin;
      }
      table.insert(table.end(),
                   {size, out, kernel_[i], stride, dilation, begin, end, steps[first + i]});
    }
    return table;
  }

  const bool average_, channels_last_, include_pad_;
  const std::vector<int64_t> kernel_, strides_, dilations_, pads_;
  const std::string auto_pad_;
};

sdk::Claim ClaimPool(const sdk::NodeView& node, const Traits& traits) {
  if (node.Ints("kernel_shape").size() > kMaxSpatial) return sdk::Claim::No(MS_REASON_SHAPE);
  return node.op() == "MaxPool" ? ClaimNumber(node, traits) : ClaimReal(node, traits);
}

}  // namespace

void AddPoolOps(OpList* list) {
  for (std::string_view domain : {kOnnx, kMidstream}) {
    list->push_back(Entry<Pool>(domain, "AveragePool", ClaimPool));
    list->push_back(Entry<Pool>(domain, "MaxPool", ClaimPool));
  }
}

}  // namespace midstream::opencl

// Pooling over windows, channels first or last. Global pooling is a reduction: reduce.cc.
#include <algorithm>

#include "ops/claims.h"
#include "ops/op_table.h"
#include "ops/walk.h"
#include "ops/window.h"

namespace midstream::opencl {
namespace {

constexpr size_t kMaxSpatial = 3;  // axes that pool.cl loops over

class Pool final : public Kernel {
 public:
  explicit Pool(const sdk::NodeView& node)
      : average_(node.op() == "AveragePool"),
        include_pad_(node.Int("count_include_pad", 0) != 0),
        kernel_(node.Ints("kernel_shape")),
        window_(WindowSpec::Parse(node)) {}

  void Plan(PlanBuilder& plan) const override {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const int64_t channels = window_.channels_last ? x.shape.back() : 1;
    const int64_t width = Width(plan.traits(), channels, x.dtype);
    const int64_t places = y.count() / std::max<int64_t>(channels, 1);
    // What the wide kernel leaves of the channels is made one by one.
    const int64_t blocks = channels / width, rest = channels - blocks * width;
    Launch(plan, width, blocks, 0, places);
    if (rest > 0) Launch(plan, 1, rest, blocks * width, places);
  }

 private:
  static int64_t Width(const Traits& traits, int64_t channels, ms_dtype dtype) {
    if (!traits.tiles || IsInteger(dtype)) return 1;
    return channels >= 16 ? 16 : channels >= 8 ? 8 : channels >= 4 ? 4 : 1;
  }

  void Launch(PlanBuilder& plan, int64_t width, int64_t blocks, int64_t first,
              int64_t places) const {
    const Operand &x = plan.in(0), &y = plan.out(0);
    const int64_t channels = window_.channels_last ? x.shape.back() : 1;
    const int64_t images = window_.channels_last ? x.dim(0) : x.dim(0) * x.dim(1);
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
    const Image from = Image::Of(x, window_.channels_last);
    const Image to = Image::Of(y, window_.channels_last);
    const size_t rank = kernel_.size();
    std::vector<int64_t> table;
    for (size_t i = rank; i < kMaxSpatial; ++i) {
      table.insert(table.end(), {1, 1, 1, 1, 1, 0, 0, 0});
    }
    for (size_t i = 0; i < rank; ++i) {
      const int64_t size = from.spatial[i].size, out = to.spatial[i].size;
      const WindowAxis axis = window_.Axis(i, rank, kernel_[i], size, out);
      table.insert(table.end(), {size, out, axis.kernel, axis.stride, axis.dilation, axis.pad_begin,
                                 axis.pad_end, from.spatial[i].step});
    }
    return table;
  }

  const bool average_, include_pad_;
  const std::vector<int64_t> kernel_;
  const WindowSpec window_;
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

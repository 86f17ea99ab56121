// Conv of ONNX and of domain "midstream": what is claimed, and the fusion with a pooling behind it.
#include "ops/conv.h"

#include "ops/conv_any.h"
#include "ops/conv_kernel.h"
#include "ops/op_table.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::NodeView;

Claim ClaimConv(const NodeView& node) {
  if (!node.input(0).rank_known() || node.input(0).info().rank > kMaxImageRank) {
    return Claim::No(MS_REASON_SHAPE);
  }
  if (!ParseActivation(node)) return Claim::No(MS_REASON_ATTRIBUTE);
  const ms_dtype compute = ComputesInF64(node) ? sdk::kF64 : sdk::kF32;
  return Claim::Yes(compute, compute);
}

ConvOptions OptionsOf(const NodeView& node) {
  ConvOptions options;
  options.window = WindowSpec::Parse(node);
  options.weights_hwio =
      node.domain() == kMidstream && node.String("weight_layout", "OIHW") == "HWIO";
  options.weights_packed = IsHeld(node.input(1));
  options.group = node.Int("group", 1);
  options.activation = *ParseActivation(node);
  return options;
}

std::unique_ptr<sdk::Kernel> CreateConv(const NodeView& node, const Setup& setup) {
  if (NeedsAnyConv(node)) return CreateAnyConv(node, setup);
  return std::make_unique<ConvKernel>(setup.isa, OptionsOf(node));
}

}  // namespace

bool CanPoolInside(const NodeView& conv, const NodeView& pool) {
  const std::vector<int64_t> two = {2, 2};
  WindowSpec window = WindowSpec::Parse(pool);
  auto all = [](const std::vector<int64_t>& values, int64_t expected) {
    return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == expected; });
  };
  // SAME asks for padding only at the end of odd images; with VALID and no pads there is none.
  bool even = conv.output(0).rank_known();
  if (window.auto_pad.starts_with("SAME")) {
    for (size_t i = 1; even && i <= 2; ++i) {
      int64_t size = conv.output(0).info().rank == 4 ? conv.output(0).shape()[i] : -1;
      even = size > 0 && size % 2 == 0;
    }
  }
  return pool.op() == "MaxPool" && window.channels_last && even &&
         WindowSpec::Parse(conv).channels_last && conv.output(0).info().rank == 4 &&
         !NeedsAnyConv(conv) && sdk::Same(conv.output(0).dtype(), pool.output(0).dtype()) &&
         pool.Ints("kernel_shape") == two && window.strides == two && all(window.dilations, 1) &&
         all(window.pads, 0) && pool.Int("ceil_mode", 0) == 0;
}

std::unique_ptr<sdk::Kernel> CreateConvWithPool(const NodeView& conv, const Setup& setup) {
  ConvOptions options = OptionsOf(conv);
  options.max_pool = true;
  return std::make_unique<ConvKernel>(setup.isa, std::move(options));
}

void AddConvOps(OpList* list) {
  list->push_back({kOnnx, "Conv", ClaimConv, CreateConv});
  list->push_back({kMidstream, "Conv", ClaimConv, CreateConv});
}

}  // namespace midstream::cpu_blas

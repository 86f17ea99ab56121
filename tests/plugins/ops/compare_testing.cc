#include "tests/plugins/ops/compare.h"

#include <cmath>
#include <cstring>

namespace midstream::op_cases {
namespace {

// |got - want| <= slack * absolute + relative * |want|. The reference rounds once, from double; a
// backend may round each step to float32 and the result to the dtype.
struct Bound {
  DType dtype;
  double absolute;
  double relative;
};
constexpr Bound kBounds[] = {
    {DType::kF64, 1e-11, 1e-11},
    {DType::kF32, 4e-6, 4e-6},
    {DType::kF16, 1e-3, 1e-3},
    {DType::kBF16, 8e-3, 8e-3},
};

double Uniform(Random* random, double low, double high) {
  double unit = static_cast<double>((*random)() >> 11) * 0x1p-53;
  return low + unit * (high - low);
}

double Load(DType dtype, const std::byte* from) {
  auto get = [&](auto v) {
    std::memcpy(&v, from, sizeof v);
    return v;
  };
  switch (dtype) {
    case DType::kF64:
      return get(double{});
    case DType::kF32:
      return get(float{});
    case DType::kF16:
      return HalfToFloat(get(uint16_t{}));
    default:
      return BFloat16ToFloat(get(uint16_t{}));
  }
}

bool Near(double got, double want, const Bound& bound, double slack) {
  if (std::isnan(want)) return std::isnan(got);
  if (got == want) return true;
  return std::fabs(got - want) <= slack * bound.absolute + bound.relative * std::fabs(want);
}

}  // namespace

Tensor MakeValue(const Arg& arg, Random* random) {
  if (arg.dtype == DType::kInvalid || !arg.value.empty()) return arg.value;
  Tensor tensor = *Tensor::Allocate(arg.dtype, arg.shape);
  auto* to = static_cast<std::byte*>(tensor.mutable_data());
  size_t size = DTypeSize(arg.dtype);
  for (int64_t i = 0; i < tensor.count(); ++i, to += size) {
    double value = Uniform(random, arg.low, arg.high);
    if (arg.whole) value = std::nearbyint(value);
    if (arg.dtype == DType::kBool) value = static_cast<double>((*random)() & 1);
    StoreElement(arg.dtype, value, to);
  }
  return tensor;
}

plugin_testing::NodeCase ToNode(const OpCase& one, const std::vector<Tensor>& values,
                                const std::vector<bool>& weights) {
  plugin_testing::NodeCase node{one.op, one.domain, one.attrs, {}, one.n_outputs};
  for (size_t i = 0; i < values.size(); ++i) {
    auto via = one.args[i].constant ? plugin_testing::Via::kConstant
               : weights[i]         ? plugin_testing::Via::kWeight
                                    : plugin_testing::Via::kInput;
    node.inputs.push_back({values[i], via});
  }
  return node;
}

std::string Difference(const Tensor& got, const Tensor& want, double slack) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape()) {
    return "got " + std::string(DTypeName(got.dtype())) + got.shape().ToString() + ", want " +
           std::string(DTypeName(want.dtype())) + want.shape().ToString();
  }
  if (!IsFloat(want.dtype())) {
    if (BitEqual(got, want)) return "";
    auto a = *got.ToInts(), b = *want.ToInts();
    size_t i = 0;
    while (a[i] == b[i]) ++i;
    return "at " + std::to_string(i) + ": got " + std::to_string(a[i]) + ", want " +
           std::to_string(b[i]);
  }
  const Bound* bound = kBounds;
  while (bound->dtype != want.dtype()) ++bound;
  size_t size = DTypeSize(want.dtype());
  for (int64_t i = 0; i < want.count(); ++i) {
    double x = Load(got.dtype(), got.bytes().data() + static_cast<size_t>(i) * size);
    double y = Load(want.dtype(), want.bytes().data() + static_cast<size_t>(i) * size);
    if (Near(x, y, *bound, slack)) continue;
    return "at " + std::to_string(i) + " of " + want.shape().ToString() + ": got " +
           std::to_string(x) + ", want " + std::to_string(y) + ", off by " +
           std::to_string((x - y) * 1e6) + "e-6";
  }
  return "";
}

}  // namespace midstream::op_cases

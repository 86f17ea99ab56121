// Short ways to write a tensor and to run one node on the reference plugin.
#ifndef MIDSTREAM_TESTS_PLUGINS_REFERENCE_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_REFERENCE_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/plugins/plugin_runner.h"

namespace midstream::plugin_testing {

using IntList = std::vector<int64_t>;
inline AttrValue Int(int64_t value) { return value; }
inline AttrValue Real(double value) { return value; }
inline AttrValue Text(std::string value) { return value; }

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
Tensor Make(DType dtype, const Shape& shape, const std::vector<T>& values) {
  return *Tensor::Copy(dtype, shape, std::as_bytes(std::span(values)));
}
inline Tensor F32(const Shape& shape, const std::vector<float>& values) {
  return Make(DType::kF32, shape, values);
}
inline Tensor I32(const Shape& shape, const std::vector<int32_t>& values) {
  return Make(DType::kI32, shape, values);
}
inline Tensor I64(const Shape& shape, const std::vector<int64_t>& values) {
  return Make(DType::kI64, shape, values);
}
inline Tensor Bool(const Shape& shape, const std::vector<uint8_t>& values) {
  return Make(DType::kBool, shape, values);
}

// An input whose value shape inference needs.
inline NodeInput Const(Tensor value) { return {std::move(value), Via::kConstant}; }
inline NodeInput ConstInts(const IntList& values) { return Const(Tensor::FromInts(values)); }
inline const NodeInput kAbsent{};

inline std::vector<Tensor> RunAll(const NodeCase& node) {
  auto device = OpenPlugin("reference");
  EXPECT_TRUE(device.ok()) << device.status().ToString();
  if (!device.ok()) return std::vector<Tensor>(node.n_outputs);
  auto outputs = RunNode(*device, node);
  EXPECT_TRUE(outputs.ok()) << outputs.status().ToString();
  return outputs.ok() ? *outputs : std::vector<Tensor>(node.n_outputs);
}

inline Tensor Compute(const std::string& op, std::vector<NodeInput> inputs, Attributes attrs = {}) {
  return RunAll({op, "", std::move(attrs), std::move(inputs)})[0];
}
inline Tensor RunMs(const std::string& op, std::vector<NodeInput> inputs, Attributes attrs = {}) {
  return RunAll({op, "midstream", std::move(attrs), std::move(inputs)})[0];
}

// Elements as a vector, for matchers.
template <typename T>
std::vector<T> Values(const Tensor& tensor) {
  EXPECT_EQ(DTypeSize(tensor.dtype()), sizeof(T)) << DTypeName(tensor.dtype());
  auto view = tensor.as<T>();
  return {view.begin(), view.end()};
}

// The float32 elements are these, up to rounding; NaN equals NaN.
inline auto Near(const std::vector<float>& want) {
  return testing::Pointwise(testing::NanSensitiveFloatNear(1e-6f), want);
}

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_REFERENCE_TESTING_H_

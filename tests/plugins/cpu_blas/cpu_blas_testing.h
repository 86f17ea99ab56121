// The cpu_blas plugin opened once for each instruction set that this machine has, and tensors of
// reproducible values.
#ifndef MIDSTREAM_TESTS_PLUGINS_CPU_BLAS_CPU_BLAS_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_CPU_BLAS_CPU_BLAS_TESTING_H_

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "tests/plugins/plugin_runner.h"

namespace midstream::plugin_testing {

inline Result<std::shared_ptr<backend::Device>> OpenCpuBlas(const backend::DeviceOptions& options) {
  return OpenPlugin("cpu_blas", options);
}

// Runs body for each instruction set that this machine has.
inline void ForEachIsa(const std::function<void(const std::shared_ptr<backend::Device>&)>& body) {
  int found = 0;
  for (const char* isa : {"generic", "avx2", "avx512"}) {
    auto device = OpenCpuBlas({.values = {{"isa", isa}}});
    if (!device.ok()) continue;
    ++found;
    SCOPED_TRACE(isa);
    body(*device);
  }
  ASSERT_GE(found, 1);
}

// Multiples of 1/64 in [-1, 1]: products and short sums of them are exact.
class Values {
 public:
  explicit Values(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  float Next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(static_cast<int32_t>(state_ >> 25) - 64) / 64.0f;
  }
  Tensor Floats(Shape shape) {
    Tensor t = *Tensor::Allocate(DType::kF32, std::move(shape));
    for (float& value : t.mutable_as<float>()) value = Next();
    return t;
  }

 private:
  uint32_t state_;
};

// Rounds to a 16-bit float dtype.
inline Tensor Narrowed(const Tensor& x, DType dtype) {
  if (dtype == DType::kF32) return x;
  Tensor t = *Tensor::Allocate(dtype, x.shape());
  for (int64_t i = 0; i < x.count(); ++i) {
    float value = x.as<float>()[static_cast<size_t>(i)];
    t.mutable_as<uint16_t>()[static_cast<size_t>(i)] =
        dtype == DType::kF16 ? FloatToHalf(value) : FloatToBFloat16(value);
  }
  return t;
}
inline std::vector<double> Doubles(const Tensor& x) {
  std::vector<double> out;
  for (size_t i = 0; i < static_cast<size_t>(x.count()); ++i) {
    if (x.dtype() == DType::kF32) out.push_back(x.as<float>()[i]);
    if (x.dtype() == DType::kF16) out.push_back(HalfToFloat(x.as<uint16_t>()[i]));
    if (x.dtype() == DType::kBF16) out.push_back(BFloat16ToFloat(x.as<uint16_t>()[i]));
  }
  return out;
}

// Every element within `tolerance` of the largest magnitude expected.
inline void ExpectNear(const Tensor& actual, const std::vector<double>& expected,
                       double tolerance) {
  std::vector<double> values = Doubles(actual);
  ASSERT_EQ(values.size(), expected.size());
  double scale = 1e-30;
  for (double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_LE(std::abs(values[i] - expected[i]), tolerance * scale)
        << "element " << i << ": " << values[i] << ", expected " << expected[i];
  }
}

// Tolerance for a result of this dtype, where sums are float32.
inline double ToleranceOf(DType dtype) {
  return dtype == DType::kF32 ? 2e-6 : dtype == DType::kF16 ? 1e-3 : 8e-3;
}

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_CPU_BLAS_CPU_BLAS_TESTING_H_

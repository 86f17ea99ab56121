// The vectorised functions of cpu_blas against the C library in double, on every instruction set:
// over a dense range, and at the values where such functions usually break.
#include <limits>

#include "tests/plugins/cpu_blas/cpu_blas_testing.h"

namespace midstream::plugin_testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Function {
  const char* op;
  double (*exact)(double);
  float from, to;
  double max_ulps;
};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double Elu(double x) { return x < 0 ? std::expm1(x) : x; }
double Round(double x) { return std::nearbyint(x); }

const Function kFunctions[] = {
    {"Exp", [](double x) { return std::exp(x); }, -103.0f, 89.0f, 3},
    {"Log", [](double x) { return std::log(x); }, 1e-3f, 1e6f, 3},
    {"Tanh", [](double x) { return std::tanh(x); }, -12.0f, 12.0f, 4},
    {"Sigmoid", Sigmoid, -80.0f, 30.0f, 4},
    {"Erf", [](double x) { return std::erf(x); }, -5.0f, 5.0f, 4},
    {"Softplus", Softplus, -80.0f, 40.0f, 5},
    {"Elu", Elu, -20.0f, 5.0f, 4},
    {"Round", Round, -9.0f, 9.0f, 0},
    {"Floor", [](double x) { return std::floor(x); }, -9.0f, 9.0f, 0},
    {"Sqrt", [](double x) { return std::sqrt(x); }, 0.0f, 1e9f, 1},
};

// Distance in units in the last place of the expected value.
double Ulps(float actual, double expected) {
  float rounded = static_cast<float>(expected);
  if (std::isnan(rounded) || std::isinf(rounded)) {
    return std::isnan(rounded) ? (std::isnan(actual) ? 0 : 1e9) : (actual == rounded ? 0 : 1e9);
  }
  float magnitude = std::max(std::abs(rounded), std::numeric_limits<float>::min());
  double unit = std::nextafter(magnitude, kInfinity) - magnitude;
  return std::abs(static_cast<double>(actual) - expected) / unit;
}

void Check(const std::shared_ptr<backend::Device>& device, const Function& f,
           const std::vector<float>& points) {
  SCOPED_TRACE(f.op);
  Tensor x = *Tensor::Allocate(DType::kF32, {static_cast<int64_t>(points.size())});
  std::copy(points.begin(), points.end(), x.mutable_as<float>().begin());
  auto out = RunNode(device, {f.op, "", {}, {{x}}});
  ASSERT_TRUE(out.ok()) << out.status().message();
  for (size_t i = 0; i < points.size(); ++i) {
    double expected = f.exact(points[i]);
    ASSERT_LE(Ulps((*out)[0].as<float>()[i], expected), f.max_ulps)
        << "at " << points[i] << ": " << (*out)[0].as<float>()[i] << ", expected " << expected;
  }
}

TEST(CpuBlasMath, StaysWithinAFewUnitsInTheLastPlace) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (const Function& f : kFunctions) {
      std::vector<float> points;
      constexpr int kPoints = 20011;
      for (int i = 0; i < kPoints; ++i) {
        points.push_back(f.from + (f.to - f.from) * static_cast<float>(i) / kPoints);
      }
      for (float x = 1.0f; x > 1e-36f; x *= 0.3f) {  // towards zero, from the range's side
        if (x >= f.from && x <= f.to) points.push_back(x);
        if (-x >= f.from && -x <= f.to) points.push_back(-x);
      }
      Check(device, f, points);
    }
  });
}

TEST(CpuBlasMath, HonoursSpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> points = {0.0f, kInfinity, -kInfinity, nan, 1e30f, -1e30f, 1e-40f};
  ForEachIsa([&](const std::shared_ptr<backend::Device>& device) {
    for (const Function& f : kFunctions) Check(device, f, points);
  });
}

// ---- float64, against long double ----

struct Function64 {
  const char* op;
  long double (*exact)(long double);
  double from, to;
  double max_ulps;
};

using Wide = long double;
const Function64 kFunctions64[] = {
    {"Exp", [](Wide x) { return std::exp(x); }, -745.0, 710.0, 2},
    {"Log", [](Wide x) { return std::log(x); }, 1e-3, 1e6, 2},
    {"Tanh", [](Wide x) { return std::tanh(x); }, -25.0, 25.0, 4},
    {"Sigmoid", [](Wide x) { return 1 / (1 + std::exp(-x)); }, -700.0, 40.0, 4},
    {"Erf", [](Wide x) { return std::erf(x); }, -6.0, 6.0, 2},
    {"Softplus", [](Wide x) { return std::max<Wide>(x, 0) + std::log1p(std::exp(-std::abs(x))); },
     -700.0, 40.0, 4},
    {"Elu", [](Wide x) { return x < 0 ? std::expm1(x) : x; }, -40.0, 5.0, 4},
    {"Round", [](Wide x) { return std::nearbyint(x); }, -9.0, 9.0, 0},
    {"Sqrt", [](Wide x) { return std::sqrt(x); }, 0.0, 1e9, 1},
};

double Ulps64(double actual, long double expected) {
  const auto rounded = static_cast<double>(expected);
  if (std::isnan(rounded)) return std::isnan(actual) ? 0 : 1e9;
  if (std::isinf(rounded)) return actual == rounded ? 0 : 1e9;
  double magnitude = std::max(std::abs(rounded), std::numeric_limits<double>::min());
  double unit = std::nextafter(magnitude, HUGE_VAL) - magnitude;
  return static_cast<double>(std::abs(actual - expected) / unit);
}

TEST(CpuBlasMath, Float64StaysWithinAFewUnitsInTheLastPlace) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (const Function64& f : kFunctions64) {
      SCOPED_TRACE(f.op);
      std::vector<double> points = {0.0, HUGE_VAL, -HUGE_VAL, std::nan(""), 1e300, -1e300, 1e-310};
      constexpr int kPoints = 20011;
      for (int i = 0; i < kPoints; ++i) points.push_back(f.from + (f.to - f.from) * i / kPoints);
      for (double x = 1.0; x > 1e-300; x *= 0.3) {
        if (x >= f.from && x <= f.to) points.push_back(x);
        if (-x >= f.from && -x <= f.to) points.push_back(-x);
      }
      Tensor x = *Tensor::Allocate(DType::kF64, {static_cast<int64_t>(points.size())});
      std::copy(points.begin(), points.end(), x.mutable_as<double>().begin());
      auto out = RunNode(device, {f.op, "", {}, {{x}}});
      ASSERT_TRUE(out.ok()) << out.status().message();
      for (size_t i = 0; i < points.size(); ++i) {
        const double actual = (*out)[0].as<double>()[i];
        ASSERT_LE(Ulps64(actual, f.exact(points[i])), f.max_ulps)
            << "at " << points[i] << ": " << actual;
      }
    }
  });
}

TEST(CpuBlasMath, SoftmaxOfLargeAndLongRows) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (int64_t n : {1, 3, 17, 1500}) {
      Values values(9);
      Tensor x = values.Floats({3, n});
      for (float& v : x.mutable_as<float>()) v *= 90.0f;
      for (const char* op : {"Softmax", "LogSoftmax"}) {
        auto out = RunNode(device, {op, "", {}, {{x}}});
        ASSERT_TRUE(out.ok()) << out.status().message();
        std::vector<double> expected;
        for (size_t row = 0; row < 3; ++row) {
          auto from = x.as<float>().subspan(row * static_cast<size_t>(n), static_cast<size_t>(n));
          double top = *std::max_element(from.begin(), from.end()), sum = 0;
          for (float v : from) sum += std::exp(v - top);
          for (float v : from) {
            expected.push_back(op[0] == 'S' ? std::exp(v - top) / sum : v - top - std::log(sum));
          }
        }
        ExpectNear((*out)[0], expected, 1e-6);
      }
    }
  });
}

}  // namespace
}  // namespace midstream::plugin_testing

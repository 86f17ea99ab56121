// Convolutions of cpu_blas against plain loops in double, on every instruction set: each case is
// one of the ways that a convolution can go.
#include "tests/plugins/cpu_blas/cpu_blas_testing.h"

namespace midstream::plugin_testing {
namespace {

struct ConvCase {
  const char* what;
  int64_t batch, height, width, in, out, kernel_y, kernel_x;
  int64_t stride = 1, dilation = 1, group = 1;
  int64_t pads[4] = {0, 0, 0, 0};  // top, left, bottom, right
  const char* activation = "";
  DType weights = DType::kF32;
};

const ConvCase kCases[] = {
    {"few channels", 2, 9, 11, 1, 32, 5, 5, 1, 1, 1, {2, 2, 2, 2}, "Relu"},
    {"odd channels", 1, 7, 5, 3, 13, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
    {"winograd 5x5", 3, 14, 14, 32, 64, 5, 5, 1, 1, 1, {2, 2, 2, 2}, "Relu"},
    {"winograd 5x5, odd sizes", 2, 11, 9, 17, 21, 5, 5, 1, 1, 1, {1, 2, 2, 0}},
    {"winograd 3x3", 2, 12, 13, 16, 48, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
    {"winograd 3x3, no padding", 1, 19, 10, 20, 33, 3, 3},
    {"strides", 2, 15, 16, 8, 24, 3, 3, 2, 1, 1, {1, 1, 1, 1}, "Relu"},
    {"dilation", 1, 13, 14, 16, 16, 3, 3, 1, 2, 1, {2, 2, 2, 2}},
    {"pointwise", 3, 7, 5, 19, 40, 1, 1, 1, 1, 1, {0, 0, 0, 0}, "Relu"},
    {"pointwise, strides", 1, 8, 9, 12, 20, 1, 1, 2},
    {"uneven padding", 1, 6, 6, 4, 8, 4, 4, 2, 1, 1, {0, 1, 3, 2}},
    {"groups", 2, 6, 7, 12, 18, 3, 3, 1, 1, 3, {1, 1, 1, 1}, "Tanh"},
    {"depthwise", 2, 9, 8, 21, 21, 3, 3, 2, 1, 21, {1, 1, 1, 1}, "Relu"},
    {"depthwise, two filters a channel", 1, 6, 5, 5, 10, 3, 3, 1, 1, 5, {1, 1, 1, 1}},
    {"one pixel", 1, 1, 1, 32, 32, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
    {"no image", 0, 8, 8, 16, 16, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
    {"bfloat16 filters", 1, 8, 8, 16, 32, 3, 3, 1, 1, 1, {1, 1, 1, 1}, "", DType::kBF16},
    {"float16 filters", 1, 8, 8, 16, 32, 5, 5, 1, 1, 1, {2, 2, 2, 2}, "Relu", DType::kF16},
    {"float16 depthwise", 1, 8, 8, 16, 16, 3, 3, 1, 1, 16, {1, 1, 1, 1}, "", DType::kF16},
};

int64_t OutSize(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

double Activate(const std::string& name, double x) {
  if (name == "Relu") return std::max(0.0, x);
  return name == "Tanh" ? std::tanh(x) : x;
}

// x NHWC, w HWIO, result NHWC.
std::vector<double> Expected(const ConvCase& c, const std::vector<double>& x,
                             const std::vector<double>& w, const std::vector<double>& bias) {
  int64_t height = OutSize(c.height, c.kernel_y, c.stride, c.dilation, c.pads[0] + c.pads[2]);
  int64_t width = OutSize(c.width, c.kernel_x, c.stride, c.dilation, c.pads[1] + c.pads[3]);
  int64_t group_in = c.in / c.group, group_out = c.out / c.group;
  std::vector<double> out;
  auto at = [](const std::vector<double>& v, int64_t i) { return v[static_cast<size_t>(i)]; };
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t xx = 0; xx < width; ++xx)
        for (int64_t o = 0; o < c.out; ++o) {
          double sum = at(bias, o);
          for (int64_t ky = 0; ky < c.kernel_y; ++ky)
            for (int64_t kx = 0; kx < c.kernel_x; ++kx) {
              int64_t iy = y * c.stride + ky * c.dilation - c.pads[0];
              int64_t ix = xx * c.stride + kx * c.dilation - c.pads[1];
              if (iy < 0 || ix < 0 || iy >= c.height || ix >= c.width) continue;
              for (int64_t i = 0; i < group_in; ++i) {
                int64_t channel = o / group_out * group_in + i;
                sum += at(x, ((b * c.height + iy) * c.width + ix) * c.in + channel) *
                       at(w, ((ky * c.kernel_x + kx) * group_in + i) * c.out + o);
              }
            }
          out.push_back(Activate(c.activation, sum));
        }
  return out;
}

// The elements in the order of `perm`, rank 4.
Tensor Permuted(const Tensor& x, const std::vector<size_t>& perm) {
  const auto& d = x.shape().dims();
  std::vector<int64_t> dims, steps(4, 1);
  for (size_t i = 3; i-- > 0;) steps[i] = steps[i + 1] * d[i + 1];
  for (size_t p : perm) dims.push_back(d[p]);
  Tensor out = *Tensor::Allocate(DType::kF32, dims);
  size_t to = 0;
  for (int64_t a = 0; a < dims[0]; ++a)
    for (int64_t b = 0; b < dims[1]; ++b)
      for (int64_t c = 0; c < dims[2]; ++c)
        for (int64_t e = 0; e < dims[3]; ++e) {
          int64_t from =
              a * steps[perm[0]] + b * steps[perm[1]] + c * steps[perm[2]] + e * steps[perm[3]];
          out.mutable_as<float>()[to++] = x.as<float>()[static_cast<size_t>(from)];
        }
  return out;
}

Attributes AttributesOf(const ConvCase& c) {
  Attributes attrs;
  attrs["strides"] = std::vector<int64_t>{c.stride, c.stride};
  attrs["dilations"] = std::vector<int64_t>{c.dilation, c.dilation};
  attrs["pads"] = std::vector<int64_t>(c.pads, c.pads + 4);
  attrs["group"] = c.group;
  return attrs;
}

// The same convolution in three spellings of layouts.
void CheckCase(const std::shared_ptr<backend::Device>& device, const ConvCase& c) {
  SCOPED_TRACE(c.what);
  Values values(static_cast<uint32_t>(c.in * 31 + c.out));
  Tensor x = values.Floats({c.batch, c.height, c.width, c.in});
  Tensor w = Narrowed(values.Floats({c.kernel_y, c.kernel_x, c.in / c.group, c.out}), c.weights);
  Tensor bias = values.Floats({c.out});
  std::vector<double> expected = Expected(c, Doubles(x), Doubles(w), Doubles(bias));
  NodeCase node{"Conv", "midstream", AttributesOf(c), {}, 1, true};
  node.attrs["data_layout"] = std::string("NHWC");
  node.attrs["weight_layout"] = std::string("HWIO");
  if (c.activation[0] != 0) node.attrs["activation"] = std::string(c.activation);
  for (Via via : {Via::kWeight, Via::kConstant, Via::kInput}) {
    node.inputs = {{x}, {w, via}, {bias, via}};
    auto out = RunNode(device, node);
    ASSERT_TRUE(out.ok()) << out.status().message();
    ExpectNear((*out)[0], expected, 1e-5);
  }
  if (c.weights != DType::kF32) return;
  Tensor oihw = Permuted(w, {3, 2, 0, 1});
  node.attrs["weight_layout"] = std::string("OIHW");
  node.inputs = {{x}, {oihw, Via::kWeight}, {bias, Via::kWeight}};
  auto out = RunNode(device, node);
  ASSERT_TRUE(out.ok()) << out.status().message();
  ExpectNear((*out)[0], expected, 1e-5);
  if (c.activation[0] != 0) return;  // ONNX's Conv has none
  NodeCase onnx{
      "Conv", "", AttributesOf(c), {{Permuted(x, {0, 3, 1, 2})}, {oihw, Via::kWeight}, {bias}}};
  out = RunNode(device, onnx);
  ASSERT_TRUE(out.ok()) << out.status().message();
  ExpectNear(Permuted((*out)[0], {0, 2, 3, 1}), expected, 1e-5);
}

TEST(CpuBlasConv, MatchesPlainLoops) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (const ConvCase& c : kCases) CheckCase(device, c);
  });
}

TEST(CpuBlasConv, DynamicOneDimensional) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    Values values(7);
    Tensor x = values.Floats({2, 3, 9}), w = values.Floats({4, 3, 3});
    Attributes attrs;
    attrs["pads"] = std::vector<int64_t>{1, 1};
    auto out = RunNode(device, {"Conv", "", attrs, {{x}, {w, Via::kWeight}}, 1, true});
    ASSERT_TRUE(out.ok()) << out.status().message();
    std::vector<double> expected;
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t o = 0; o < 4; ++o)
        for (int64_t i = 0; i < 9; ++i) {
          double sum = 0;
          for (int64_t c = 0; c < 3; ++c)
            for (int64_t k = 0; k < 3; ++k) {
              int64_t at = i + k - 1;
              if (at < 0 || at >= 9) continue;
              sum += static_cast<double>(x.as<float>()[static_cast<size_t>((b * 3 + c) * 9 + at)]) *
                     static_cast<double>(w.as<float>()[static_cast<size_t>((o * 3 + c) * 3 + k)]);
            }
          expected.push_back(sum);
        }
    ExpectNear((*out)[0], expected, 2e-6);
  });
}

}  // namespace
}  // namespace midstream::plugin_testing

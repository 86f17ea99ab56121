// Fusions, module options and device options of cpu_blas.
#include "tests/plugins/cpu_blas/segment_testing.h"

namespace midstream::plugin_testing {
namespace {

struct PooledConv {
  const char* what;
  int64_t batch, size, in, out, kernel;
  const char* activation;
};
const PooledConv kPooled[] = {
    {"direct", 2, 12, 1, 32, 5, "Relu"},
    {"winograd 5x5", 3, 14, 32, 40, 5, "Relu"},
    {"winograd 3x3", 1, 12, 16, 17, 3, ""},
    {"winograd 5x5, odd image", 2, 11, 16, 33, 5, "Relu"},
    {"another activation", 1, 8, 16, 16, 5, "Tanh"},
    {"pointwise", 2, 6, 8, 24, 1, "Relu"},
};

// conv -> pool; with `keep_conv` the convolution is an output too, which forbids fusing.
Result<Graph> ConvAndPool(const PooledConv& c, const Tensor& x, bool keep_conv) {
  Values values(11);
  Graph graph;
  ValueId image = graph.AddInput("x", DType::kF32, x.shape());
  ValueId w = graph.AddConstant("w", values.Floats({c.kernel, c.kernel, c.in, c.out}));
  ValueId bias = graph.AddConstant("b", values.Floats({c.out}));
  Attributes conv;
  conv["data_layout"] = std::string("NHWC");
  conv["weight_layout"] = std::string("HWIO");
  conv["auto_pad"] = std::string("SAME_UPPER");
  if (c.activation[0] != 0) conv["activation"] = std::string(c.activation);
  Attributes pool;
  pool["data_layout"] = std::string("NHWC");
  pool["kernel_shape"] = std::vector<int64_t>{2, 2};
  pool["strides"] = std::vector<int64_t>{2, 2};
  ValueId convolved = graph.Add("Conv", "conv", {image, w, bias}, conv, "midstream");
  ValueId pooled = graph.Add("MaxPool", "pool", {convolved}, pool, "midstream");
  graph.AddOutput(pooled, "pooled");
  if (keep_conv) graph.AddOutput(convolved, "convolved");
  MS_RETURN_IF_ERROR(graph.Compact());
  MS_RETURN_IF_ERROR(InferShapes(graph, nullptr));
  return graph;
}

TEST(CpuBlasSegment, PoolingInsideAConvolutionKeepsTheBits) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (const PooledConv& c : kPooled) {
      SCOPED_TRACE(c.what);
      Values values(12);
      Tensor x = values.Floats({c.batch, c.size, c.size, c.in});
      auto fused = ConvAndPool(c, x, false), apart = ConvAndPool(c, x, true);
      ASSERT_TRUE(fused.ok() && apart.ok()) << fused.status().message();
      auto got = RunSegment(device, *fused, {x}, false);
      auto want = RunSegment(device, *apart, {x}, false);
      ASSERT_TRUE(got.ok()) << got.status().message();
      ASSERT_TRUE(want.ok()) << want.status().message();
      EXPECT_TRUE(BitEqual((*got)[0], (*want)[0]));
    }
  });
}

TEST(CpuBlasSegment, LargeProductOfActivations) {
  constexpr int64_t kM = 256, kK = 257, kN = 260;
  Values values(13);
  Tensor a = values.Floats({kM, kK}), b = values.Floats({kK, kN});
  Graph graph;
  ValueId left = graph.AddInput("a", DType::kF32, a.shape());
  ValueId right = graph.AddInput("b", DType::kF32, b.shape());
  graph.AddOutput(graph.Add("MatMul", "product", {left, right}), "c");
  ASSERT_TRUE(graph.Compact().ok());
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  std::vector<double> expected(kM * kN, 0.0), da = Doubles(a), db = Doubles(b);
  for (size_t i = 0; i < kM; ++i)
    for (size_t k = 0; k < kK; ++k)
      for (size_t j = 0; j < kN; ++j) expected[i * kN + j] += da[i * kK + k] * db[k * kN + j];
  for (const char* blas : {"auto", "always", "never"}) {
    auto device = OpenCpuBlas({.values = {{"openblas", blas}}});
    ASSERT_TRUE(device.ok()) << device.status().message();
    for (bool deterministic : {false, true}) {
      auto out = RunSegment(*device, graph, {a, b}, deterministic);
      ASSERT_TRUE(out.ok()) << out.status().message();
      ExpectNear((*out)[0], expected, 2e-6);
    }
  }
}

TEST(CpuBlasOptions, NamesWhatItDoesNotKnow) {
  auto key = OpenCpuBlas({.values = {{"izza", "avx2"}}});
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.status().code(), Code::kInvalidArgument);
  EXPECT_NE(std::string(key.status().message()).find("'izza'"), std::string::npos);
  auto value = OpenCpuBlas({.values = {{"isa", "avx9"}}});
  ASSERT_FALSE(value.ok());
  EXPECT_NE(std::string(value.status().message()).find("'avx9'"), std::string::npos);
  EXPECT_NE(std::string(value.status().message()).find("generic"), std::string::npos);
}

TEST(CpuBlasOptions, TellsTheInstructionSet) {
  auto device = OpenCpuBlas({.values = {{"isa", "generic"}}});
  ASSERT_TRUE(device.ok()) << device.status().message();
  const ms_str isa = (*device)->info().isa;
  EXPECT_EQ(std::string(isa.data, isa.size), "generic");
}

}  // namespace
}  // namespace midstream::plugin_testing

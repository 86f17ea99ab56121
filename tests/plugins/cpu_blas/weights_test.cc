// Packed weights of cpu_blas come back bit for bit, NaN payloads included.
#include "tests/plugins/cpu_blas/cpu_blas_testing.h"

namespace midstream::plugin_testing {
namespace {

Tensor AnyBits(DType dtype, Shape shape) {
  Tensor t = *Tensor::Allocate(dtype, std::move(shape));
  auto* bytes = static_cast<uint8_t*>(t.mutable_data());
  uint32_t state = 1;
  for (size_t i = 0; i < t.byte_size(); ++i) {
    state = state * 1664525u + 1013904223u;
    bytes[i] = static_cast<uint8_t>(state >> 24);
  }
  return t;
}

// Puts `w` as input 1 of the node, and reads it again.
void ExpectRoundTrip(const std::shared_ptr<backend::Device>& device, NodeCase node,
                     const Tensor& w) {
  SCOPED_TRACE(node.op + " " + w.shape().ToString());
  node.inputs[1] = {w, Via::kWeight};
  auto built = BuiltNode::Build(node);
  ASSERT_TRUE(built.ok()) << built.status().message();
  auto runner = NodeRunner::Create(device, *built, false);
  ASSERT_TRUE(runner.ok()) << runner.status().message();
  auto set = runner->Stage(built->weights, nullptr);
  ASSERT_TRUE(set.ok()) << set.status().message();
  Tensor back = *Tensor::Allocate(w.dtype(), w.shape());
  Status status = (*set)->Get(0, &back);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(BitEqual(back, w));
}

// Large enough to be stored past the caches, with a last panel that is not whole.
TEST(CpuBlasWeights, LargeOnesComeBackBitForBit) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    Tensor x = *Tensor::Allocate(DType::kF32, {1, 1500});
    ExpectRoundTrip(device, {"MatMul", "", {}, {{x}, {}}}, AnyBits(DType::kF32, {1500, 1001}));
  });
}

TEST(CpuBlasWeights, ComeBackBitForBit) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      for (int64_t n : {1, 10, 16, 33, 70}) {
        Tensor x = *Tensor::Allocate(dtype, {2, 37});
        ExpectRoundTrip(device, {"MatMul", "", {}, {{x}, {}}}, AnyBits(dtype, {37, n}));
        NodeCase gemm{"Gemm", "", {{"transB", int64_t{1}}}, {{x}, {}}};
        ExpectRoundTrip(device, gemm, AnyBits(dtype, {n, 37}));
      }
      for (int64_t kernel : {1, 3, 5}) {
        Tensor x = *Tensor::Allocate(dtype, {1, 8, 8, 18});
        NodeCase conv{"Conv", "midstream", {}, {{x}, {}}};
        conv.attrs["data_layout"] = std::string("NHWC");
        conv.attrs["weight_layout"] = std::string("HWIO");
        ExpectRoundTrip(device, conv, AnyBits(dtype, {kernel, kernel, 18, 34}));
        conv.attrs["weight_layout"] = std::string("OIHW");
        ExpectRoundTrip(device, conv, AnyBits(dtype, {34, 18, kernel, kernel}));
        conv.attrs["group"] = int64_t{2};
        ExpectRoundTrip(device, conv, AnyBits(dtype, {34, 9, kernel, kernel}));
      }
    }
  });
}

}  // namespace
}  // namespace midstream::plugin_testing

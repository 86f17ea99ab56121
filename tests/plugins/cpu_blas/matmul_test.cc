// Matrix products of cpu_blas against plain loops in double, on every instruction set.
#include "tests/plugins/cpu_blas/cpu_blas_testing.h"

namespace midstream::plugin_testing {
namespace {

std::vector<double> Product(const Tensor& a, const Tensor& b, int64_t m, int64_t k, int64_t n) {
  std::vector<double> left = Doubles(a), right = Doubles(b), out(static_cast<size_t>(m * n), 0.0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j) {
        out[static_cast<size_t>(i * n + j)] +=
            left[static_cast<size_t>(i * k + l)] * right[static_cast<size_t>(l * n + j)];
      }
  return out;
}

struct Sizes {
  int64_t m, k, n;
};

// Around the borders of row tiles, panels, groups of panels and blocks of k.
const Sizes kSizes[] = {{1, 1, 1},     {1, 7, 10},    {1, 64, 16},  {1, 100, 33},  {1, 33, 160},
                        {2, 50, 31},   {3, 40, 65},   {4, 9, 128},  {6, 64, 17},   {7, 5, 8},
                        {13, 70, 32},  {14, 31, 48},  {15, 16, 9},  {29, 64, 40},  {57, 20, 70},
                        {5, 2048, 33}, {3, 3200, 20}, {2, 5000, 9}, {20, 4100, 5}, {0, 4, 4},
                        {4, 0, 4},     {4, 4, 0}};

void CheckProduct(const std::shared_ptr<backend::Device>& device, const Sizes& s, DType x_type,
                  DType w_type, Via via) {
  SCOPED_TRACE(Shape({s.m, s.k, s.n}).ToString());
  Values values(static_cast<uint32_t>(s.m * 7 + s.k * 3 + s.n));
  Tensor a = Narrowed(values.Floats({s.m, s.k}), x_type);
  Tensor b = Narrowed(values.Floats({s.k, s.n}), w_type);
  Tensor bias = values.Floats({s.n});
  std::vector<double> expected = Product(a, b, s.m, s.k, s.n);
  for (size_t i = 0; i < expected.size(); ++i) {
    expected[i] = std::max(0.0, expected[i] + Doubles(bias)[i % static_cast<size_t>(s.n)]);
  }
  NodeCase node{"MatMul", "midstream", {}, {{a}, {b, via}, {bias, via}}};
  node.attrs["activation"] = std::string("Relu");
  auto out = RunNode(device, node);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ((*out)[0].dtype(), x_type);
  ExpectNear((*out)[0], expected, ToleranceOf(x_type));
}

TEST(CpuBlasMatMul, MatchesPlainLoops) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (const Sizes& s : kSizes) {
      for (Via via : {Via::kWeight, Via::kInput}) {
        CheckProduct(device, s, DType::kF32, DType::kF32, via);
      }
    }
  });
}

TEST(CpuBlasMatMul, TakesEveryFloatStorage) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (DType x : {DType::kF32, DType::kBF16, DType::kF16}) {
      for (DType w : {DType::kF32, DType::kBF16, DType::kF16}) {
        CheckProduct(device, {5, 37, 43}, x, w, Via::kWeight);
        CheckProduct(device, {1, 64, 70}, x, w, Via::kInput);
      }
    }
  });
}

// Several blocks of rows, of columns and of k, as bfloat16 arithmetic cuts them.
TEST(CpuBlasMatMul, BlocksOfBFloat16) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (const Sizes& s : {Sizes{910, 21, 300}, Sizes{29, 4101, 135}, Sizes{120, 9, 2}}) {
      CheckProduct(device, s, DType::kBF16, DType::kBF16, Via::kWeight);
    }
  });
}

// Whether a value is activated does not depend on the block that it is in.
TEST(CpuBlasMatMul, ActivatesEveryBlock) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (DType x : {DType::kF32, DType::kBF16}) {
      Values values(8);
      Tensor a = Narrowed(values.Floats({100, 12}), x);
      Tensor b = Narrowed(values.Floats({12, 700}), DType::kBF16);
      std::vector<double> expected = Product(a, b, 100, 12, 700);
      for (double& y : expected) {
        y = y / (1.0 + std::exp(-1.5957691216057308 * y * (1.0 + 0.044715 * y * y)));
      }
      NodeCase node{"MatMul", "midstream", {}, {{a}, {b, Via::kWeight}}};
      node.attrs["activation"] = std::string("Gelu");
      auto out = RunNode(device, node);
      ASSERT_TRUE(out.ok()) << out.status().message();
      ExpectNear((*out)[0], expected, ToleranceOf(x));
    }
  });
}

TEST(CpuBlasMatMul, BroadcastsBatches) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    Values values(3);
    Tensor a = values.Floats({2, 1, 3, 4}), b = values.Floats({5, 4, 6});
    auto out = RunNode(device, {"MatMul", "", {}, {{a}, {b}}});
    ASSERT_TRUE(out.ok()) << out.status().message();
    ASSERT_EQ((*out)[0].shape(), Shape({2, 5, 3, 6}));
    std::vector<double> expected;
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 5; ++j) {
        Tensor left = Tensor::Wrap(DType::kF32, {3, 4}, a.as<float>().data() + i * 12, nullptr);
        Tensor right = Tensor::Wrap(DType::kF32, {4, 6}, b.as<float>().data() + j * 24, nullptr);
        for (double value : Product(left, right, 3, 4, 6)) expected.push_back(value);
      }
    ExpectNear((*out)[0], expected, 2e-6);
  });
}

TEST(CpuBlasMatMul, VectorsOnEitherSide) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    Values values(4);
    Tensor row = values.Floats({20}), matrix = values.Floats({20, 20}),
           column = values.Floats({20});
    auto left = RunNode(device, {"MatMul", "", {}, {{row}, {matrix, Via::kWeight}}});
    ASSERT_TRUE(left.ok()) << left.status().message();
    ExpectNear((*left)[0], Product(row, matrix, 1, 20, 20), 2e-6);
    auto right = RunNode(device, {"MatMul", "", {}, {{matrix}, {column, Via::kWeight}}});
    ASSERT_TRUE(right.ok()) << right.status().message();
    ExpectNear((*right)[0], Product(matrix, column, 20, 20, 1), 2e-6);
    auto scalar = RunNode(device, {"MatMul", "", {}, {{row}, {column}}});
    ASSERT_TRUE(scalar.ok()) << scalar.status().message();
    ASSERT_EQ((*scalar)[0].shape(), Shape({}));
    ExpectNear((*scalar)[0], Product(row, column, 1, 20, 1), 2e-6);
  });
}

TEST(CpuBlasMatMul, GemmTransposesAndScales) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    Values values(5);
    Tensor a = values.Floats({9, 6}), b = values.Floats({35, 9});
    Tensor at = *Tensor::Allocate(DType::kF32, {6, 9}),
           bt = *Tensor::Allocate(DType::kF32, {9, 35});
    for (size_t i = 0; i < 6; ++i)
      for (size_t k = 0; k < 9; ++k) at.mutable_as<float>()[i * 9 + k] = a.as<float>()[k * 6 + i];
    for (size_t k = 0; k < 9; ++k)
      for (size_t j = 0; j < 35; ++j) bt.mutable_as<float>()[k * 35 + j] = b.as<float>()[j * 9 + k];
    Tensor c = values.Floats({6, 1});
    std::vector<double> expected = Product(at, bt, 6, 9, 35);
    for (size_t i = 0; i < expected.size(); ++i) {
      expected[i] = 0.5 * expected[i] + 2.0 * Doubles(c)[i / 35];
    }
    Attributes attrs{{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 0.5}, {"beta", 2.0}};
    auto out = RunNode(device, {"Gemm", "", attrs, {{a}, {b, Via::kWeight}, {c}}});
    ASSERT_TRUE(out.ok()) << out.status().message();
    ExpectNear((*out)[0], expected, 2e-6);
  });
}

// What ModuleOptions::deterministic promises: a row's bits do not depend on the rows beside it.
TEST(CpuBlasMatMul, BatchSplitKeepsBits) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    Values values(6);
    Tensor a = values.Floats({17, 3000}), b = values.Floats({3000, 70});
    auto whole = RunNode(device, {"MatMul", "", {}, {{a}, {b, Via::kWeight}}});
    ASSERT_TRUE(whole.ok()) << whole.status().message();
    for (int64_t row : {0, 5, 16}) {
      Tensor one = Tensor::Wrap(DType::kF32, {1, 3000}, a.as<float>().data() + row * 3000, nullptr);
      auto alone = RunNode(device, {"MatMul", "", {}, {{one}, {b, Via::kWeight}}});
      ASSERT_TRUE(alone.ok()) << alone.status().message();
      EXPECT_EQ(0, std::memcmp((*alone)[0].data(), (*whole)[0].as<float>().data() + row * 70, 280));
    }
  });
}

}  // namespace
}  // namespace midstream::plugin_testing

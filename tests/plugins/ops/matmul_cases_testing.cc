// Cases of matrix products.
#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

struct Size {
  int64_t m, k, n;
};
const std::vector<Size> kSizes = {{1, 1, 1},     {1, 7, 5},  {3, 1, 4},    {2, 3, 0},
                                  {0, 3, 4},     {4, 0, 3},  {16, 64, 10}, {5, 33, 17},
                                  {1, 784, 32},  {7, 8, 16}, {8, 16, 8},   {128, 50, 65},
                                  {3, 257, 129}, {33, 2, 1}, {1, 3136, 64}};

void AddFused(OpCases* cases, const Size& s) {
  Arg a = F32({s.m, s.k});
  Arg b = F32({s.k, s.n});
  Arg b_transposed = F32({s.n, s.k});
  Arg bias = F32({s.n});
  double slack = SlackFor(s.k);
  auto add = [&](std::vector<Arg> args, Attributes attrs) {
    cases->push_back({"MatMul", "midstream", std::move(args), std::move(attrs), 1, slack});
  };
  auto add64 = [&](const OpCase& one) { cases->push_back(InDType(one, DType::kF64)); };
  add({a, b}, {});
  add({a, b, bias}, {{"activation", Text("Relu")}});
  add({a, b_transposed, bias}, {{"transpose_b", Int(1)}, {"activation", Text("Tanh")}});
  for (const char* activation : {"Relu", "Clip", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Gelu"}) {
    Attributes attrs = {{"activation", Text(activation)}};
    const bool two = attrs["activation"] == Text("Clip"),
               none = activation[0] >= 'R' || activation[0] == 'G';
    if (!none) attrs["activation_params"] = std::vector<double>(two ? 2 : 1, 0.3);
    add64({"MatMul", "midstream", {a, b, bias}, attrs, 1, slack});
  }
  add64({"MatMul", "midstream", {a, b_transposed}, {{"transpose_b", Int(1)}}, 1, slack});
  add({a, Of(DType::kF64, {s.k, s.n}), bias}, {});
  add({Of(DType::kF64, {s.m, s.k}), b, Of(DType::kBF16, {s.n})},
      {{"output_dtype", Text("float16")}});
  for (DType stored : kHalves) {
    add({a, Of(stored, {s.k, s.n}), bias}, {{"activation", Text("Gelu")}});
    add({Of(stored, {s.m, s.k}), Of(stored, {s.k, s.n})}, {{"activation", Text("Gelu")}});
    add({a, Of(stored, {s.k, s.n}), bias}, {{"activation", Text("Sigmoid")}});
    add({a, Of(stored, {s.n, s.k})}, {{"transpose_b", Int(1)}});
    add({Of(stored, {s.m, s.k}), Of(stored, {s.k, s.n}), bias}, {});
    add({Of(stored, {s.m, s.k}), Of(stored, {s.k, s.n}), Of(stored, {s.n})},
        {{"output_dtype", Text("float32")}});
    add({a, b}, {{"output_dtype", Text(std::string(DTypeName(stored)))}});
  }
}

}  // namespace

void AddMatMulCases(OpCases* cases) {
  for (const Size& s : kSizes) {
    OpCase plain{"MatMul", "", {F32({s.m, s.k}), F32({s.k, s.n})}, {}, 1, SlackFor(s.k)};
    AddWithDTypes(cases, plain, kNumbers);
    AddFused(cases, s);
    for (int64_t flags = 0; flags < 4; ++flags) {
      bool trans_a = (flags & 1) != 0;
      bool trans_b = (flags & 2) != 0;
      OpCase gemm{"Gemm",
                  "",
                  {F32(trans_a ? Shape{s.k, s.m} : Shape{s.m, s.k}),
                   F32(trans_b ? Shape{s.n, s.k} : Shape{s.k, s.n}), F32({s.n})},
                  {{"transA", Int(flags & 1)}, {"transB", Int(flags >> 1)}},
                  1,
                  SlackFor(s.k)};
      AddWithDTypes(cases, gemm, s.m * s.k < 1000 ? kNumbers : kFloats);
    }
    AddWithDTypes(
        cases,
        {"Gemm", "", {F32({s.m, s.k}), F32({s.k, s.n})}, {{"alpha", Real(0.5)}}, 1, SlackFor(s.k)},
        kFloats);
    for (const Shape& c : {Shape{}, Shape{1}, Shape{s.m, 1}, Shape{1, s.n}, Shape{s.m, s.n}}) {
      OpCase gemm{"Gemm", "", {F32({s.m, s.k}), F32({s.k, s.n}), F32(c)}, {}, 1, SlackFor(s.k)};
      AddWithDTypes(cases, gemm, s.m * s.k < 1000 ? kInts : std::vector<DType>{});
      gemm.attrs = {{"alpha", Real(2)}, {"beta", Real(-0.5)}};
      gemm.slack *= 2;
      AddWithDTypes(cases, gemm, {DType::kF64});
    }
  }
  auto product = [&](const Shape& a, const Shape& b) {
    AddWithDTypes(cases, {"MatMul", "", {F32(a), F32(b)}, {}, 1, 2}, kNumbers);
  };
  product({2, 3, 4}, {4, 5});
  product({4, 5}, {2, 5, 3});
  product({2, 1, 3, 4}, {5, 4, 2});
  product({2, 3, 4, 5}, {2, 3, 5, 6});
  product({4}, {4, 3});
  product({3, 4}, {4});
  product({4}, {4});
  product({2, 3, 4}, {4});
  product({4}, {2, 4, 3});
  product({0, 3, 4}, {4, 2});
  product({0, 3, 4}, {1, 4, 2});
  product({3, 1, 2, 4}, {2, 4, 3});
  product({300, 70}, {70, 90});
  for (const Shape& a : {Shape{2, 3, 8}, Shape{2, 0, 8}, Shape{1, 1, 1, 8}}) {
    cases->push_back(
        {"MatMul",
         "midstream",
         {F32(a), F32({8, 5}), F32({5})},
         {{"activation", Text("Clip")}, {"activation_params", std::vector<double>{0, 6}}},
         1,
         2});
    cases->push_back(
        {"MatMul",
         "midstream",
         {F32(a), F32({8, 5})},
         {{"activation", Text("LeakyRelu")}, {"activation_params", std::vector<double>{0.2}}},
         1,
         2});
    cases->push_back(
        {"MatMul",
         "midstream",
         {F32(a), F32({8, 5})},
         {{"activation", Text("Elu")}, {"activation_params", std::vector<double>{1.5}}},
         1,
         2});
  }
}

}  // namespace midstream::op_cases

// Cases of what transformers are made of: normalisation of rows, Gelu, rotation by position,
// attention.
#include <cmath>

#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

void AddRowNormalizations(OpCases* cases) {
  auto both = [&](const Shape& x, const Shape& parameter, const Attributes& attrs,
                  const std::vector<DType>& dtypes) {
    Arg scale = F32(parameter), shift = F32(parameter);
    AddWithDTypes(cases, {"LayerNormalization", "", {F32(x), scale, shift}, attrs, 1, 3}, dtypes);
    AddWithDTypes(cases, {"LayerNormalization", "", {F32(x), scale}, attrs, 1, 3}, dtypes);
    AddWithDTypes(cases, {"RMSNormalization", "", {F32(x), scale}, attrs, 1, 3}, dtypes);
  };
  for (const Shape& x : {Shape{7}, Shape{1, 1}, Shape{3, 5}, Shape{2, 3, 16}, Shape{0, 5},
                         Shape{4, 0}, Shape{5, 1152}, Shape{64, 257}, Shape{2, 3, 4, 33}}) {
    both(x, {x[x.rank() - 1]}, {}, kFloats);
    both(x, {x[x.rank() - 1]}, {{"epsilon", Real(1e-6)}}, {});
  }
  both({2, 3, 4}, {3, 4}, {{"axis", Int(1)}}, {DType::kF64});
  both({2, 3, 4}, {2, 3, 4}, {{"axis", Int(0)}}, {});
  both({2, 3, 4}, {2, 1, 4}, {}, {DType::kBF16});  // a scale for each sample
  both({2, 3, 4}, {2, 3, 1}, {}, {});
  both({2, 3, 4}, {1}, {}, {});
  both({2, 3, 4}, {}, {{"axis", Int(-2)}}, {});
  both({2, 3, 4}, {4}, {{"axis", Int(1)}}, {});
  for (DType dtype : kHalves) {  // parameters wider than the data
    cases->push_back({"RMSNormalization", "", {Of(dtype, {6, 40}), F32({40})}, {}});
    cases->push_back(
        {"LayerNormalization", "", {Of(dtype, {6, 40}), F32({40}), F32({40})}, {}, 1, 3});
  }
  // A large mean beside a small spread.
  cases->push_back({"LayerNormalization", "", {F32({3, 50}).In(99, 101), F32({50})}, {}, 1, 30});
}

void AddGelu(OpCases* cases) {
  for (const char* form : {"none", "tanh"}) {
    const Attributes attrs = {{"approximate", Text(form)}};
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{33}, Shape{4, 17, 9}, Shape{257, 129}}) {
      AddWithDTypes(cases, {"Gelu", "", {F32(shape).In(-6, 6)}, attrs}, kFloats);
    }
    cases->push_back({"Gelu", "", {Exactly({7}, {0, -0.0f, 1, -1, 1e-20f, 30, -30})}, attrs});
    cases->push_back({"Gelu", "", {Exactly({2}, {INFINITY, NAN})}, attrs});
  }
  AddWithDTypes(cases, {"Gelu", "", {F32({3, 5})}, {}}, kFloats);
}

void AddRotations(OpCases* cases) {
  for (int64_t interleaved : {0, 1}) {
    const Attributes split = {{"interleaved", Int(interleaved)}};
    auto add = [&](const Shape& x, int64_t half, const Attributes& more) {
      Attributes attrs = split;
      attrs.insert(more.begin(), more.end());
      const int64_t batch = x[0], length = x.rank() == 4 ? x[2] : x[1];
      Arg angles = F32({batch, length, half}).In(-1, 1);
      AddWithDTypes(cases, {"RotaryEmbedding", "", {F32(x), angles, angles}, attrs}, kFloats);
      Arg rows = F32({9, half}).In(-1, 1);
      Arg ids = Of(DType::kI64, {batch, length}).In(0, 8);
      AddWithDTypes(cases, {"RotaryEmbedding", "", {F32(x), rows, rows, ids}, attrs}, kFloats);
      cases->push_back({"RotaryEmbedding", "", {Of(DType::kBF16, x), angles, angles}, attrs});
    };
    add({1, 1, 1, 2}, 1, {});
    add({2, 3, 4, 8}, 4, {});
    add({2, 4, 24}, 4, {{"num_heads", Int(3)}});
    add({1, 5, 70}, 35, {{"num_heads", Int(1)}});
    add({2, 3, 4, 10}, 3, {{"rotary_embedding_dim", Int(6)}});
    add({1, 17, 512}, 32, {{"num_heads", Int(8)}});
    add({0, 3, 4, 8}, 4, {});
    add({2, 0, 8}, 2, {{"num_heads", Int(2)}});
  }
}

struct Sizes {
  int64_t batch, q_heads, kv_heads, queries, keys, width, v_width;
};

void AddAttention(OpCases* cases, const Sizes& s, const std::vector<DType>& dtypes) {
  const double slack = 4;  // weights of a softmax sum up to 1, so an error does not grow with keys
  Arg q = F32({s.batch, s.queries, s.q_heads * s.width});
  Arg k = F32({s.batch, s.keys, s.kv_heads * s.width});
  Arg v = F32({s.batch, s.keys, s.kv_heads * s.v_width});
  Attributes attrs = {{"q_num_heads", Int(s.q_heads)}, {"kv_num_heads", Int(s.kv_heads)}};
  AddWithDTypes(cases, {"Attention", "", {q, k, v}, attrs, 1, slack}, dtypes);
  Arg seen = Of(DType::kBool, {s.batch, 1, s.queries, s.keys});
  AddWithDTypes(cases, {"Attention", "", {q, k, v, seen}, attrs, 1, slack}, dtypes);
  AddWithDTypes(
      cases,
      {"Attention",
       "",
       {F32({s.batch, s.q_heads, s.queries, s.width}), F32({s.batch, s.kv_heads, s.keys, s.width}),
        F32({s.batch, s.kv_heads, s.keys, s.v_width}),
        F32({s.batch, 1, s.queries, s.keys}).In(-9, 9)},
       {},
       1,
       slack},
      dtypes);
}

// Each way of broadcasting, in both kinds, with a scale of its own.
void AddMasks(OpCases* cases, const Sizes& s) {
  Arg q = F32({s.batch, s.queries, s.q_heads * s.width});
  Arg k = F32({s.batch, s.keys, s.kv_heads * s.width});
  Arg v = F32({s.batch, s.keys, s.kv_heads * s.v_width});
  Attributes attrs = {
      {"q_num_heads", Int(s.q_heads)}, {"kv_num_heads", Int(s.kv_heads)}, {"scale", Real(0.3)}};
  for (const Shape& mask : {Shape{s.queries, s.keys}, Shape{s.batch, s.q_heads, s.queries, s.keys},
                            Shape{s.keys}, Shape{s.queries, 1}, Shape{}}) {
    cases->push_back({"Attention", "", {q, k, v, F32(mask)}, attrs, 1, 4});
    cases->push_back({"Attention", "", {q, k, v, Of(DType::kBool, mask)}, attrs, 1, 4});
  }
}

}  // namespace

void AddAttentionCases(OpCases* cases) {
  AddRowNormalizations(cases);
  AddGelu(cases);
  AddRotations(cases);
  AddAttention(cases, {1, 1, 1, 1, 1, 1, 1}, kFloats);
  AddAttention(cases, {2, 2, 1, 3, 4, 4, 4}, kFloats);
  AddAttention(cases, {1, 4, 2, 5, 3, 2, 6}, kFloats);
  AddAttention(cases, {1, 3, 3, 17, 33, 72, 72}, kFloats);
  AddAttention(cases, {1, 8, 1, 51, 150, 64, 64}, kFloats);
  AddAttention(cases, {2, 8, 1, 70, 290, 16, 40}, kHalves);
  AddAttention(cases, {1, 2, 2, 130, 1, 9, 5}, kHalves);
  AddAttention(cases, {1, 2, 1, 0, 3, 4, 4}, {});
  AddAttention(cases, {1, 2, 1, 3, 0, 4, 4}, {});
  AddMasks(cases, {2, 4, 2, 3, 5, 4, 4});
  AddMasks(cases, {1, 2, 1, 1, 1, 2, 3});
  // Rows that see no key, by either kind of mask; scores far apart.
  Arg q = F32({1, 2, 2, 4}), k = F32({1, 2, 3, 4});
  Arg hidden = Exactly({2, 3}, {0, -INFINITY, 0, -INFINITY, -INFINITY, -INFINITY});
  cases->push_back({"Attention", "", {q, k, k, hidden}, {}, 1, 2});
  Arg large = Exactly({3}, {-2.3819763e38f, 0, -2.3819763e38f});
  cases->push_back({"Attention", "", {q, k, k, large}, {}, 1, 2});
  cases->push_back({"Attention", "", {q.In(-99, 99), k.In(-9, 9), k}, {}, 1, 40});
}

}  // namespace midstream::op_cases

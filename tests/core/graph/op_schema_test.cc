// The schema table, and shape inference of elementwise operators, products and reductions.
#include "core/graph/op_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/core/graph/infer_testing.h"

namespace midstream {
namespace {

using testing::HasSubstr;

constexpr int64_t kU = kUnknownDim;

TEST(OpSchema, TableIsSortedAndUnique) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  std::pair<std::string_view, std::string_view> last;
  for (const OpSchema& schema : AllSchemas()) {
    std::pair key(schema.domain, schema.name);
    EXPECT_TRUE(seen.insert(key).second) << schema.name;
    EXPECT_TRUE(last <= key) << schema.name;
    last = key;
    EXPECT_EQ(FindSchema(schema.domain, schema.name), &schema);
    EXPECT_NE(schema.infer, nullptr);
  }
  EXPECT_EQ(FindSchema("", "Einsum"), nullptr);
  EXPECT_EQ(FindSchema("midstream", "Add"), nullptr);
}

TEST(OpSchema, ErrorsNameOperatorAndNode) {
  EXPECT_EQ(Infer("Add", {F32({2}), F32({3})}),
            "Add 'n': expected shapes that broadcast, got [2] and [3]");
  EXPECT_EQ(InferMs("Conv", {F32({1, 2, 3, 3}), F32({4, 2, 1, 1})}, {{"data_layout", Text("X")}}),
            "midstream.Conv 'n': expected data_layout NCHW or NHWC, got 'X'");
  EXPECT_EQ(Infer("Nope", {F32({2})}), "Nope 'n': the operator is not known");
  EXPECT_EQ(Infer("Add", {F32({2})}), "Add 'n': has 1 inputs");
  EXPECT_EQ(Infer("Add", {F32({2}), kAbsent}), "Add 'n': input 1 is missing");
  EXPECT_EQ(Infer("Max", {F32({2}), kAbsent}), "Max 'n': input 1 is missing");
  EXPECT_EQ(Infer("Add", {F32({2}), F32({2})}, {}, 2), "Add 'n': has 2 outputs");
}

TEST(OpSchema, Broadcasting) {
  EXPECT_EQ(Infer("Add", {F32({2, 1}), F32({3})}), "float32[2,3]");
  EXPECT_EQ(Infer("Add", {F32({}), F32({})}), "float32[]");
  EXPECT_EQ(Infer("Add", {F32({0}), F32({1})}), "float32[0]");
  EXPECT_EQ(Infer("Add", {F32({2, 0}), F32({2, 1})}), "float32[2,0]");
  EXPECT_EQ(Infer("Add", {F32({kU, 3}), F32({1})}), "float32[?,3]");
  EXPECT_EQ(Infer("Add", {F32({kU}), F32({0})}), "float32[0]");
  EXPECT_EQ(Infer("Add", {F32({1}), F32({kU})}), "float32[?]");
  EXPECT_EQ(Infer("Add", {F32({kU}), F32({5})}), "float32[5]");
  EXPECT_EQ(Infer("Add", {Unknown(), F32({5})}), "float32<unknown rank>");
  EXPECT_THAT(Infer("Add", {F32({0}), F32({2})}), HasSubstr("broadcast"));
  EXPECT_EQ(Infer("Max", {F32({2, 1}), F32({1, 3}), F32({1})}), "float32[2,3]");
  EXPECT_EQ(Infer("Where", {Of(DType::kBool, {4, 1}), F32({3}), F32({1, 1})}), "float32[4,3]");
  const Attributes branches = {{"branches", int64_t{1}}};  // of a conditional: never broadcast
  EXPECT_EQ(Infer("Where", {Of(DType::kBool, {}), F32({-1, 5}), F32({1, 5})}, branches),
            "float32[?,5]");
  EXPECT_THAT(Infer("Where", {Of(DType::kBool, {}), F32({4, 5}), F32({1, 5})}, branches),
              HasSubstr("branches of the shapes [4,5] and [1,5], which must be equal"));
}

TEST(OpSchema, DTypes) {
  EXPECT_EQ(Infer("Equal", {F32({2}), F32({2})}), "bool[2]");
  EXPECT_THAT(Infer("Add", {F32({2}), I64({2})}), HasSubstr("of one dtype, got float32 and int64"));
  EXPECT_THAT(Infer("Exp", {I64({2})}), HasSubstr("to be float, got int64"));
  EXPECT_THAT(Infer("Not", {I64({2})}), HasSubstr("to be bool"));
  EXPECT_THAT(Infer("Neg", {Of(DType::kU8, {2})}), HasSubstr("float or signed integer"));
  EXPECT_EQ(Infer("Pow", {F32({2}), I64({})}), "float32[2]");
  EXPECT_EQ(Infer("Cast", {F32({2})}, {{"to", Int(10)}}), "float16[2]");
  EXPECT_EQ(Infer("Cast", {F32({2})}, {{"to", Text("bfloat16")}}), "bfloat16[2]");
  EXPECT_THAT(Infer("Cast", {F32({2})}, {{"to", Int(8)}}), HasSubstr("fixed size, got 8"));
  EXPECT_THAT(Infer("Cast", {F32({2})}, {{"to", Int(-1)}}), HasSubstr("got -1"));
  EXPECT_THAT(Infer("Cast", {F32({2})}), HasSubstr("'to' is missing"));
  EXPECT_THAT(Infer("Mod", {F32({2}), F32({2})}), HasSubstr("fmod = 1"));
  EXPECT_EQ(Infer("Clip", {F32({2}), kAbsent, F32({})}), "float32[2]");
  EXPECT_THAT(Infer("Clip", {F32({2}), F32({1})}), HasSubstr("input 1 of rank 0"));
}

TEST(OpSchema, MatMul) {
  EXPECT_EQ(Infer("MatMul", {F32({2, 3}), F32({3, 4})}), "float32[2,4]");
  EXPECT_EQ(Infer("MatMul", {F32({3}), F32({3, 4})}), "float32[4]");
  EXPECT_EQ(Infer("MatMul", {F32({2, 3}), F32({3})}), "float32[2]");
  EXPECT_EQ(Infer("MatMul", {F32({3}), F32({3})}), "float32[]");
  EXPECT_EQ(Infer("MatMul", {F32({5, 1, 2, 3}), F32({7, 3, 4})}), "float32[5,7,2,4]");
  EXPECT_EQ(Infer("MatMul", {F32({kU, 3}), F32({3, 4})}), "float32[?,4]");
  EXPECT_EQ(Infer("MatMul", {Unknown(), F32({3, 4})}), "float32<unknown rank>");
  EXPECT_EQ(Infer("MatMul", {F32({0, 0}), F32({0, 4})}), "float32[0,4]");
  EXPECT_THAT(Infer("MatMul", {F32({2, 3}), F32({4, 4})}), HasSubstr("inner dimensions"));
  EXPECT_THAT(Infer("MatMul", {F32({}), F32({4, 4})}), HasSubstr("rank 1 or more"));
  EXPECT_EQ(
      Infer("Gemm", {F32({3, 2}), F32({4, 3}), F32({4})}, {{"transA", Int(1)}, {"transB", Int(1)}}),
      "float32[2,4]");
  EXPECT_THAT(Infer("Gemm", {F32({2, 3}), F32({3, 1}), F32({4})}), HasSubstr("C to broadcast"));
  EXPECT_THAT(Infer("Gemm", {F32({2, 3}), F32({3, 4}), F32({1, 2, 4})}), HasSubstr("C to"));
}

TEST(OpSchema, FusedMatMul) {
  EXPECT_EQ(InferMs("MatMul", {F32({5, 2, 3}), Of(DType::kBF16, {3, 4}), F32({4})}),
            "float32[5,2,4]");
  EXPECT_EQ(InferMs("MatMul", {F32({2, 3}), F32({4, 3})}, {{"transpose_b", Int(1)}}),
            "float32[2,4]");
  EXPECT_EQ(InferMs("MatMul", {F32({2, 3}), F32({3, 4})}, {{"output_dtype", Text("float16")}}),
            "float16[2,4]");
  EXPECT_EQ(InferMs("MatMul", {F32({kU, 3}), Unknown(), F32({4})}), "float32[?,4]");
  EXPECT_THAT(InferMs("MatMul", {F32({2, 3}), F32({3, 4}), F32({3})}), HasSubstr("bias"));
  EXPECT_EQ(InferMs("MatMul", {F32({2, 3}), F32({3, 4})}, {{"activation", Text("Gelu")}}),
            "float32[2,4]");
  EXPECT_THAT(InferMs("MatMul", {F32({2, 3}), F32({3, 4})}, {{"activation", Text("Erf")}}),
              HasSubstr("got 'Erf'"));
  EXPECT_THAT(InferMs("MatMul", {F32({2, 3}), F32({3, 4})}, {{"activation", Text("Clip")}}),
              HasSubstr("expected 2 activation_params"));
  EXPECT_THAT(InferMs("MatMul", {F32({2, 3}), F32({3, 4})}, {{"output_dtype", Text("int8")}}),
              HasSubstr("float output_dtype"));
}

TEST(OpSchema, Reductions) {
  EXPECT_EQ(Infer("ReduceSum", {F32({2, 3, 4}), Ints({-1, 0})}), "float32[1,3,1]");
  EXPECT_EQ(Infer("ReduceSum", {F32({2, 3}), Ints({1})}, {{"keepdims", Int(0)}}), "float32[2]");
  EXPECT_EQ(Infer("ReduceMean", {F32({2, 3})}, {{"keepdims", Int(0)}}), "float32[]");
  EXPECT_EQ(Infer("ReduceMean", {F32({2, 3}), Ints({})}), "float32[1,1]");
  EXPECT_EQ(Infer("ReduceMax", {F32({2, 3}), Ints({})}, {{"noop_with_empty_axes", Int(1)}}),
            "float32[2,3]");
  EXPECT_EQ(Infer("ReduceMax", {F32({2, 3}), I64({1})}), "float32[?,?]");
  EXPECT_EQ(Infer("ReduceMax", {F32({2, 3}), I64({1})}, {{"keepdims", Int(0)}}),
            "float32<unknown rank>");
  EXPECT_THAT(Infer("ReduceMax", {F32({2, 3}), Ints({2})}), HasSubstr("axis in [-2,1]"));
  EXPECT_THAT(Infer("ReduceMax", {F32({2, 3}), Ints({1, -1})}), HasSubstr("distinct axes"));
  EXPECT_EQ(Infer("ArgMax", {F32({2, 3})}, {{"axis", Int(-1)}, {"keepdims", Int(0)}}), "int64[2]");
  EXPECT_EQ(Infer("ArgMin", {F32({0, 3})}, {{"axis", Int(1)}}), "int64[0,1]");
  EXPECT_THAT(Infer("ArgMax", {F32({2, 0})}, {{"axis", Int(1)}}), HasSubstr("at least one"));
}

TEST(OpSchema, Normalization) {
  std::vector<In> bn = {F32({2, 3, 4, 4}), F32({3}), F32({3}), F32({3}), F32({3})};
  EXPECT_EQ(Infer("BatchNormalization", bn), "float32[2,3,4,4]");
  EXPECT_THAT(InferMs("BatchNormalization", bn, {{"data_layout", Text("NHWC")}}),
              HasSubstr("got 4 and 3"));
  EXPECT_THAT(Infer("BatchNormalization", bn, {{"training_mode", Int(1)}}),
              HasSubstr("training_mode = 0"));
  EXPECT_EQ(Infer("LRN", {F32({2, 3, 4, 4})}, {{"size", Int(3)}}), "float32[2,3,4,4]");
  EXPECT_THAT(Infer("LRN", {F32({2, 3, 4, 4})}), HasSubstr("size >= 1"));
  EXPECT_EQ(Infer("Softmax", {F32({2, kU})}), "float32[2,?]");
  EXPECT_THAT(Infer("Softmax", {F32({2, 3})}, {{"axis", Int(2)}}), HasSubstr("axis in [-2,1]"));
  for (const char* op : {"LayerNormalization", "RMSNormalization"}) {
    EXPECT_EQ(Infer(op, {Of(DType::kBF16, {kU, 3, 4}), F32({4})}), "bfloat16[?,3,4]");
    EXPECT_EQ(Infer(op, {F32({2, 3, 4}), F32({2, 1, 4})}, {{"axis", Int(1)}}), "float32[2,3,4]");
    EXPECT_THAT(Infer(op, {F32({2, 3}), F32({2})}), HasSubstr("broadcast"));
    EXPECT_THAT(Infer(op, {F32({2, 1}), F32({2, 3})}), HasSubstr("input 1 to broadcast to X"));
    EXPECT_THAT(Infer(op, {F32({3}), F32({1, 3})}), HasSubstr("input 1 to broadcast to X [3]"));
    EXPECT_THAT(Infer(op, {F32({3}), F32({3})}, {{"axis", Int(1)}}), HasSubstr("axis in [-1,0]"));
  }
  EXPECT_EQ(Infer("LayerNormalization", {F32({2, 3}), F32({3}), F32({3})}), "float32[2,3]");
  EXPECT_THAT(Infer("RMSNormalization", {F32({2, 3}), F32({3}), F32({3})}), HasSubstr("3 inputs"));
  EXPECT_EQ(Infer("Gelu", {F32({2, kU})}, {{"approximate", Text("tanh")}}), "float32[2,?]");
  EXPECT_THAT(Infer("Gelu", {F32({2})}, {{"approximate", Text("erf")}}), HasSubstr("got 'erf'"));
}

TEST(OpSchema, Attention) {
  const Attributes heads = {{"q_num_heads", Int(8)}, {"kv_num_heads", Int(2)}};
  const In q = F32({kU, 5, 32}), k = F32({kU, 7, 8}), v = F32({1, 7, 12});
  EXPECT_EQ(Infer("Attention", {q, k, v}, heads), "float32[1,5,48]");
  EXPECT_EQ(Infer("Attention", {q, k, v, F32({5, 7})}, heads), "float32[1,5,48]");
  EXPECT_EQ(Infer("Attention", {F32({2, 4, 5, 3}), F32({2, 1, 7, 3}), F32({2, 1, 7, 6})}),
            "float32[2,4,5,6]");
  EXPECT_EQ(Infer("Attention", {q, Unknown(), v}, heads), "float32<unknown rank>");
  auto refused = [&](const std::vector<In>& inputs, const Attributes& attrs, const char* why) {
    EXPECT_THAT(Infer("Attention", inputs, attrs), HasSubstr(why));
  };
  refused({q, k, v}, {}, "q_num_heads >= 1");
  refused({q, k, v}, {{"q_num_heads", Int(5)}, {"kv_num_heads", Int(2)}}, "into 5 heads");
  refused({q, k, v}, {{"q_num_heads", Int(4)}, {"kv_num_heads", Int(2)}}, "widths of the heads");
  refused({q, k, F32({1, 6, 8})}, heads, "lengths of K and V");
  refused({q, k, Of(DType::kBF16, {1, 7, 8})}, heads, "of one dtype");
  refused({F32({1, 3, 5, 4}), F32({1, 2, 7, 4}), F32({1, 2, 7, 4})}, {}, "multiple");
  refused({F32({1, 3, 5, 4}), k, v}, heads, "of 8 heads (q_num_heads)");
  refused({F32({1, 8, 5, 4}), k, v}, heads, "of one rank");
  refused({F32({1, 5, 32}), k, v, F32({4, 7})}, heads, "got [1,8,5,7] and [4,7]");
  refused({F32({1, 5, 32}), k, v, F32({2, 1, 5, 7})}, heads, "attn_mask to broadcast to [1,8,5,7]");
  refused({q, k, v, kAbsent, k, v}, heads, "past_key");
  Attributes more = heads;
  more["is_causal"] = Int(1);
  refused({q, k, v}, more, "is_causal");
  more = heads;
  more["softcap"] = 30.0;
  refused({q, k, v}, more, "softcap");
}

TEST(OpSchema, RotaryEmbedding) {
  const Attributes heads = {{"num_heads", Int(2)}};
  const In angles = F32({kU, 5, 4}), rows = F32({99, 4});
  EXPECT_EQ(Infer("RotaryEmbedding", {F32({kU, 5, 16}), angles, angles}, heads), "float32[?,5,16]");
  EXPECT_EQ(Infer("RotaryEmbedding", {F32({1, 2, 5, 8}), rows, rows, I64({1, 5})}),
            "float32[1,2,5,8]");
  auto refused = [&](const std::vector<In>& inputs, const Attributes& attrs, const char* why) {
    EXPECT_THAT(Infer("RotaryEmbedding", inputs, attrs), HasSubstr(why));
  };
  refused({F32({1, 5, 16}), angles, angles}, {}, "num_heads >= 1");
  refused({F32({1, 5, 14}), angles, angles}, heads, "even width, got 7");
  refused({F32({1, 5, 16}), angles, F32({1, 5, 3})}, heads, "sin_cache, got 4 and 3");
  refused({F32({1, 6, 16}), angles, angles}, heads, "lengths of X and cos_cache");
  refused({F32({1, 5, 16}), rows, rows}, heads, "input 1 of rank 3");
  refused({F32({1, 5, 16}), rows, rows, I64({1, 4})}, heads, "position_ids");
  refused({F32({1, 5, 16}), rows, rows, F32({1, 5})}, heads, "to be int64");
  Attributes odd = heads;
  odd["rotary_embedding_dim"] = Int(3);
  refused({F32({1, 5, 16}), angles, angles}, odd, "rotary_embedding_dim");
}

}  // namespace
}  // namespace midstream

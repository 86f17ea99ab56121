// The operator PythonModel: what its attributes must say, and shapes with named dimensions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/graph/named_shape.h"
#include "tests/core/graph/infer_testing.h"

namespace midstream {
namespace {

using testing::HasSubstr;
using Texts = std::vector<std::string>;

Attributes Policy() {
  return {{"package", Text("/models/policy.mspkg")},
          {"entry", Text("policy:Policy")},
          {"inputs", Texts{"x", "state"}},
          {"input_dtypes", Texts{"float32", "bfloat16"}},
          {"input_shapes", Texts{"batch,4", "batch,length"}},
          {"outputs", Texts{"y", "length"}},
          {"output_dtypes", Texts{"float32", "int64"}},
          {"output_shapes", Texts{"length,batch,2", ""}},
          {"weights", Texts{"w"}},
          {"weight_offsets", IntList{64}},
          {"files", Texts{"code/policy.py"}},
          {"contents", Texts{"class Policy: ...\n"}},
          {"extern", Texts{"numpy"}},
          {"python", Text("3.10")}};
}

std::string InferPolicy(const std::vector<In>& inputs, const Attributes& attrs = Policy(),
                        size_t n_outputs = 2) {
  return Infer("PythonModel", inputs, attrs, n_outputs, "midstream");
}

const std::vector<In> kGood = {F32({3, 4}), Of(DType::kBF16, {3, 7}), F32({5})};

TEST(PythonModel, NamedDimensionsReachTheOutputs) {
  EXPECT_EQ(InferPolicy(kGood), "float32[7,3,2] int64[]");
  EXPECT_EQ(InferPolicy({F32({kUnknownDim, 4}), Of(DType::kBF16, {3, kUnknownDim}), F32({5})}),
            "float32[?,3,2] int64[]");
  EXPECT_EQ(InferPolicy({Unknown(), Unknown(DType::kBF16), F32({5})}), "float32[?,?,2] int64[]");
}

TEST(PythonModel, RefusesInputsOtherThanDeclared) {
  const In state = Of(DType::kBF16, {3, 7}), w = F32({5});
  EXPECT_THAT(
      InferPolicy({F32({2, 4}), state, w}),
      HasSubstr("one size of dimension 'batch', got 2 in input 'x' and 3 in input 'state'"));
  EXPECT_THAT(InferPolicy({F32({3, 5}), state, w}),
              HasSubstr("midstream.PythonModel 'n': expected input 'x' of shape [batch,4], got "
                        "[3,5]"));
  EXPECT_THAT(InferPolicy({F32({4}), state, w}), HasSubstr("got [4]"));
  EXPECT_THAT(InferPolicy({F32({3, 4}), F32({3, 7}), w}),
              HasSubstr("input 'state' of bfloat16, got float32"));
  EXPECT_THAT(InferPolicy({F32({3, 4}), state}), HasSubstr("2 inputs and 1 weights, got 2"));
  EXPECT_THAT(InferPolicy(kGood, Policy(), 1), HasSubstr("expected 2 outputs, got 1"));
  EXPECT_THAT(InferPolicy({F32({3, 4}), kAbsent, w}), HasSubstr("input 1 is missing"));
}

TEST(PythonModel, RefusesAttributesThatContradict) {
  const auto with = [](const char* attr, AttrValue value) {
    Attributes attrs = Policy();
    attrs[attr] = std::move(value);
    return InferPolicy(kGood, attrs);
  };
  EXPECT_THAT(with("package", Text("")), HasSubstr("'package' is missing"));
  EXPECT_THAT(with("entry", Text("policy")), HasSubstr("\"module:name\", got 'policy'"));
  EXPECT_THAT(with("entry", Text("policy:")), HasSubstr("\"module:name\""));
  EXPECT_THAT(with("inputs", Texts{"x", "x"}), HasSubstr("'inputs' names 'x' twice"));
  EXPECT_THAT(with("outputs", Texts{"y", ""}), HasSubstr("in 'outputs' is empty"));
  EXPECT_THAT(with("inputs", Text("x")), HasSubstr("'inputs' to be a list of strings"));
  EXPECT_THAT(with("input_dtypes", Texts{"float32"}),
              HasSubstr("one of 'input_dtypes' for each of 'inputs', got 1 and 2"));
  EXPECT_THAT(with("input_dtypes", Texts{"float32", "string"}),
              HasSubstr("fixed size for input 'state', got 'string'"));
  EXPECT_THAT(with("output_shapes", Texts{"batch,", ""}), HasSubstr("output 'y': expected a dim"));
  EXPECT_THAT(with("output_shapes", Texts{"width", ""}),
              HasSubstr("dimension 'width' of output 'y' is in no input"));
  EXPECT_THAT(with("weight_offsets", IntList{}), HasSubstr("'weight_offsets' for each of"));
  EXPECT_THAT(with("contents", Texts{}), HasSubstr("'contents' for each of 'files'"));
  EXPECT_THAT(with("files", Texts{""}), HasSubstr("in 'files' is empty"));
  EXPECT_THAT(with("batching", Int(1)), HasSubstr("batching = 1 needs one named dimension at the "
                                                  "front of all inputs and outputs; 'y' has"));
}

TEST(NamedShape, IsReadStrictly) {
  const NamedShape shape = *ParseNamedShape("batch,0,_x1");
  EXPECT_EQ(ToString(shape), "batch,0,_x1");
  EXPECT_EQ(ToShape(shape), Shape({kUnknownDim, 0, kUnknownDim}));
  EXPECT_TRUE(ParseNamedShape("")->empty());
  for (const std::string& text :
       {std::string(","), std::string("4,"), std::string(" 4"), std::string("-1"),
        std::string("1x"), std::string("b-c"), std::string("9223372036854775808"),
        std::string(65, 'a'), std::string("\xC3\xA9")}) {
    EXPECT_THAT(std::string(ParseNamedShape(text).status().message()),
                HasSubstr("expected a dimension (a size, or a name"))
        << text;
  }
  std::string many = "1";
  for (int i = 0; i < 32; ++i) many += ",1";
  EXPECT_THAT(std::string(ParseNamedShape(many).status().message()), HasSubstr("at most 32"));
}

}  // namespace
}  // namespace midstream

// Shape inference of operators that move elements, change shapes or make tensors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/graph/infer_testing.h"

namespace midstream {
namespace {

using testing::HasSubstr;

constexpr int64_t kU = kUnknownDim;
constexpr int64_t kMin = INT64_MIN;
constexpr int64_t kMax = INT64_MAX;

TEST(ShapeOps, Reshape) {
  EXPECT_EQ(Infer("Reshape", {F32({2, 6}), Ints({3, -1})}), "float32[3,4]");
  EXPECT_EQ(Infer("Reshape", {F32({2, 6}), Ints({0, 2, 3})}), "float32[2,2,3]");
  EXPECT_EQ(Infer("Reshape", {F32({1}), Ints({})}), "float32[]");
  EXPECT_EQ(Infer("Reshape", {F32({kU, 7, 7, 64}), Ints({-1, 3136})}), "float32[?,3136]");
  EXPECT_EQ(Infer("Reshape", {F32({kU, 7, 7, 64}), Ints({0, -1})}), "float32[?,3136]");
  EXPECT_EQ(Infer("Reshape", {F32({0, 7, 2}), Ints({0, -1})}), "float32[0,14]");
  EXPECT_EQ(Infer("Reshape", {F32({0, 784}), Ints({-1, 28, 28})}), "float32[0,28,28]");
  EXPECT_EQ(Infer("Reshape", {F32({0, 3}), Ints({3, 0})}, {{"allowzero", Int(1)}}), "float32[3,0]");
  EXPECT_EQ(Infer("Reshape", {Unknown(), Ints({-1, 4})}), "float32[?,4]");
  EXPECT_EQ(Infer("Reshape", {F32({4}), I64({2})}), "float32[?,?]");
  EXPECT_EQ(Infer("Reshape", {F32({4}), I64({kU})}), "float32<unknown rank>");
  EXPECT_THAT(Infer("Reshape", {F32({4}), I64({kMax})}), HasSubstr("at most 32 dimensions"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), Ints({2, -1})}), HasSubstr("cannot infer the -1"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), Ints({-1, -1})}), HasSubstr("at most one -1"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), Ints({-2})}), HasSubstr("at most one -1"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), Ints({6})}), HasSubstr("5 elements"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), Ints({5, 0})}), HasSubstr("dimension 1 is to be copied"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), Ints({kMax, kMax, -1})}), HasSubstr("too large"));
  EXPECT_THAT(Infer("Reshape", {F32({5}), F32({1})}), HasSubstr("int32 or int64"));
}

TEST(ShapeOps, TransposeSqueezeUnsqueezeFlatten) {
  EXPECT_EQ(Infer("Transpose", {F32({2, 3, kU})}), "float32[?,3,2]");
  EXPECT_EQ(Infer("Transpose", {F32({2, 3, 4})}, {{"perm", IntList{1, 2, 0}}}), "float32[3,4,2]");
  EXPECT_EQ(Infer("Transpose", {Unknown()}, {{"perm", IntList{1, 0}}}), "float32[?,?]");
  EXPECT_THAT(Infer("Transpose", {F32({2, 3})}, {{"perm", IntList{0, 0}}}), HasSubstr("permut"));
  EXPECT_THAT(Infer("Transpose", {F32({2, 3})}, {{"perm", IntList{0}}}), HasSubstr("2 entries"));
  EXPECT_EQ(Infer("Squeeze", {F32({1, 3, 1})}), "float32[3]");
  EXPECT_EQ(Infer("Squeeze", {F32({1, 3, 1}), Ints({-1})}), "float32[1,3]");
  EXPECT_EQ(Infer("Squeeze", {F32({kU, 3, 1})}), "float32<unknown rank>");
  EXPECT_EQ(Infer("Squeeze", {F32({kU, 3, 1}), Ints({0})}), "float32[3,1]");
  EXPECT_THAT(Infer("Squeeze", {F32({1, 3, 1}), Ints({1})}), HasSubstr("size 1 at axis 1"));
  EXPECT_EQ(Infer("Unsqueeze", {F32({3}), Ints({0, -1})}), "float32[1,3,1]");
  EXPECT_EQ(Infer("Unsqueeze", {F32({3}), I64({2})}), "float32[?,?,?]");
  EXPECT_THAT(Infer("Unsqueeze", {F32({3}), I64({kMax})}), HasSubstr("too large"));
  EXPECT_EQ(Infer("Flatten", {F32({2, 3, 4})}), "float32[2,12]");
  EXPECT_EQ(Infer("Flatten", {F32({kU, 3, 4})}), "float32[?,12]");
  EXPECT_EQ(Infer("Flatten", {F32({2, 3})}, {{"axis", Int(0)}}), "float32[1,6]");
  EXPECT_THAT(Infer("Flatten", {F32({2, 3})}, {{"axis", Int(3)}}), HasSubstr("axis in [-2,2]"));
}

TEST(ShapeOps, ShapeAndSizeGiveConstants) {
  EXPECT_EQ(Infer("Shape", {F32({2, 3})}), "int64[2]=[2,3]");
  EXPECT_EQ(Infer("Shape", {F32({kU, 3})}), "int64[2]");
  EXPECT_EQ(Infer("Shape", {F32({kU, 3})}, {{"start", Int(1)}}), "int64[1]=[3]");
  EXPECT_EQ(Infer("Shape", {F32({2, 3})}, {{"end", Int(-1)}}), "int64[1]=[2]");
  EXPECT_EQ(Infer("Shape", {F32({2, 3})}, {{"start", Int(kMin)}, {"end", Int(kMax)}}),
            "int64[2]=[2,3]");
  EXPECT_EQ(Infer("Shape", {F32({2, 3})}, {{"start", Int(2)}, {"end", Int(1)}}), "int64[0]=[]");
  EXPECT_EQ(Infer("Shape", {Unknown()}), "int64[?]");
  EXPECT_EQ(Infer("Size", {F32({2, 3})}), "int64[]=[6]");
  EXPECT_EQ(Infer("Size", {F32({kU, 0})}), "int64[]=[0]");
  EXPECT_EQ(Infer("Size", {F32({kU, 3})}), "int64[]");
}

TEST(ShapeOps, ExpandTile) {
  EXPECT_EQ(Infer("Expand", {F32({3, 1}), Ints({2, 1, 4})}), "float32[2,3,4]");
  EXPECT_EQ(Infer("Expand", {F32({1}), Ints({0})}), "float32[0]");
  EXPECT_EQ(Infer("Expand", {F32({3, 1}), I64({3})}), "float32[?,3,?]");
  EXPECT_THAT(Infer("Expand", {F32({3}), Ints({-1})}), HasSubstr("sizes >= 0"));
  EXPECT_THAT(Infer("Expand", {F32({1, 1}), Ints({kMax, kMax})}), HasSubstr("too many"));
  EXPECT_EQ(Infer("Tile", {F32({2, kU}), Ints({3, 2})}), "float32[6,?]");
  EXPECT_THAT(Infer("Tile", {F32({2}), Ints({kMax})}), HasSubstr("too large"));
  EXPECT_THAT(Infer("Tile", {F32({2}), Ints({1, 1})}), HasSubstr("1 repeats"));
  EXPECT_THAT(Infer("Tile", {F32({2}), Ints({-1})}), HasSubstr("sizes >= 0"));
}

TEST(ShapeOps, ConcatSplit) {
  Attributes axis1 = {{"axis", Int(1)}};
  EXPECT_EQ(Infer("Concat", {F32({2, 3}), F32({2, 0}), F32({2, 4})}, axis1), "float32[2,7]");
  EXPECT_EQ(Infer("Concat", {F32({kU, 3}), F32({2, kU})}, axis1), "float32[2,?]");
  EXPECT_EQ(Infer("Concat", {Unknown(), F32({2, 4})}, axis1), "float32[2,?]");
  EXPECT_EQ(Infer("Concat", {F32({2, kU}), F32({2, 4}), F32({2, 4})}, axis1), "float32[2,?]");
  EXPECT_THAT(Infer("Concat", {F32({2, 3}), F32({3, 3})}, axis1), HasSubstr("beside the axis"));
  EXPECT_THAT(Infer("Concat", {F32({2, kMax}), F32({2, kMax})}, axis1), HasSubstr("too large"));
  EXPECT_THAT(Infer("Concat", {F32({2})}), HasSubstr("'axis' is missing"));
  EXPECT_EQ(Infer("Split", {F32({2, 7})}, axis1, 3), "float32[2,3] float32[2,3] float32[2,1]");
  EXPECT_EQ(Infer("Split", {F32({2, 7}), Ints({0, 7})}, axis1, 2), "float32[2,0] float32[2,7]");
  EXPECT_EQ(Infer("Split", {F32({2, kU})}, axis1, 2), "float32[2,?] float32[2,?]");
  EXPECT_THAT(Infer("Split", {F32({2, 5})}, axis1, 4), HasSubstr("cannot split 5"));
  EXPECT_THAT(Infer("Split", {F32({2, 7}), Ints({3, 3})}, axis1, 2), HasSubstr("sum to 7"));
  EXPECT_THAT(Infer("Split", {F32({2, 7}), Ints({-1, 8})}, axis1, 2), HasSubstr("sizes >= 0"));
  EXPECT_THAT(Infer("Split", {F32({4})}, {{"num_outputs", Int(3)}}, 2), HasSubstr("num_outputs"));
}

TEST(ShapeOps, Slice) {
  auto slice = [](const Shape& x, IntList starts, IntList ends, IntList axes, IntList steps) {
    return Infer("Slice", {F32(x), Ints(starts), Ints(ends), Ints(axes), Ints(steps)});
  };
  EXPECT_EQ(slice({10}, {1}, {8}, {0}, {3}), "float32[3]");
  EXPECT_EQ(slice({10}, {-3}, {kMax}, {0}, {1}), "float32[3]");
  EXPECT_EQ(slice({10}, {-1}, {kMin}, {0}, {-1}), "float32[10]");
  EXPECT_EQ(slice({10}, {kMax}, {kMin}, {0}, {kMin}), "float32[1]");
  EXPECT_EQ(slice({10}, {5}, {2}, {0}, {1}), "float32[0]");
  EXPECT_EQ(slice({0}, {0}, {5}, {0}, {-1}), "float32[0]");
  EXPECT_EQ(slice({4, 5}, {1}, {3}, {-1}, {1}), "float32[4,2]");
  EXPECT_EQ(slice({kU, 5}, {0}, {3}, {1}, {1}), "float32[?,3]");
  EXPECT_EQ(Infer("Slice", {F32({4, 5}), Ints({1}), Ints({3})}), "float32[2,5]");
  EXPECT_EQ(Infer("Slice", {F32({4, 5}), I64({1}), I64({1}), Ints({1})}), "float32[4,?]");
  EXPECT_EQ(Infer("Slice", {F32({4, 5}), I64({1}), I64({1}), I64({1})}), "float32[?,?]");
  EXPECT_THAT(slice({10}, {0}, {1}, {0}, {0}), HasSubstr("steps other than 0"));
  EXPECT_THAT(slice({10}, {0, 1}, {1}, {0}, {1}), HasSubstr("lengths of starts"));
  EXPECT_THAT(slice({10, 1}, {0, 0}, {1, 1}, {0, 0}, {1, 1}), HasSubstr("distinct axes"));
  EXPECT_THAT(slice({10}, {0}, {1}, {kMin}, {1}), HasSubstr("axis in [-1,0]"));
}

TEST(ShapeOps, GatherPad) {
  EXPECT_EQ(Infer("Gather", {F32({5, 4}), I64({2, 3})}), "float32[2,3,4]");
  EXPECT_EQ(Infer("Gather", {F32({5, 4}), I64({})}, {{"axis", Int(-1)}}), "float32[5]");
  EXPECT_THAT(Infer("Gather", {F32({5}), F32({1})}), HasSubstr("signed integer"));
  EXPECT_EQ(Infer("Pad", {F32({2, 3}), Ints({1, 0, 0, 2})}), "float32[3,5]");
  EXPECT_EQ(Infer("Pad", {F32({2, 3}), Ints({1, 1}), kAbsent, Ints({-1})}), "float32[2,5]");
  EXPECT_EQ(Infer("Pad", {F32({kU, 3}), Ints({0, 1, 0, 1})}), "float32[?,5]");
  EXPECT_EQ(Infer("Pad", {F32({3}), Ints({-1, -1})}), "float32[1]");
  EXPECT_THAT(Infer("Pad", {F32({3}), Ints({-2, -2})}), HasSubstr("cut more"));
  EXPECT_THAT(Infer("Pad", {F32({3}), Ints({3, 0})}, {{"mode", Text("reflect")}}),
              HasSubstr("below the size 3"));
  EXPECT_THAT(Infer("Pad", {F32({0}), Ints({1, 0})}, {{"mode", Text("edge")}}),
              HasSubstr("no edge"));
  EXPECT_THAT(Infer("Pad", {F32({3}), Ints({1})}), HasSubstr("2 pads"));
  EXPECT_THAT(Infer("Pad", {F32({3}), Ints({kMax, kMax})}), HasSubstr("too large"));
  EXPECT_THAT(Infer("Pad", {F32({3}), Ints({1, 1})}, {{"mode", Text("wrap")}}), HasSubstr("wrap"));
}

TEST(ShapeOps, Generators) {
  auto range = [](int64_t a, int64_t b, int64_t c) {
    return Infer("Range",
                 {ScalarOf(DType::kI64, a), ScalarOf(DType::kI64, b), ScalarOf(DType::kI64, c)});
  };
  EXPECT_EQ(range(0, 10, 3), "int64[4]");
  EXPECT_EQ(range(10, 0, -3), "int64[4]");
  EXPECT_EQ(range(0, 10, -1), "int64[0]");
  EXPECT_THAT(range(0, 10, 0), HasSubstr("delta other than 0"));
  EXPECT_THAT(range(kMin, kMax, 1), HasSubstr("too many"));
  EXPECT_EQ(range(kMax, kMin, kMin), "int64[2]");
  EXPECT_EQ(Infer("Range", {ScalarOf(DType::kF32, 0.f), ScalarOf(DType::kF32, 1.f),
                            ScalarOf(DType::kF32, .3f)}),
            "float32[4]");
  EXPECT_THAT(Infer("Range", {ScalarOf(DType::kF32, 0.f), ScalarOf(DType::kF32, 1e38f),
                              ScalarOf(DType::kF32, 1e-38f)}),
              HasSubstr("expected a size"));
  EXPECT_EQ(Infer("Range", {I64({}), I64({}), I64({})}), "int64[?]");
  EXPECT_EQ(Infer("OneHot", {I64({2, 3}), ScalarOf<int64_t>(DType::kI64, 5), F32({2})}),
            "float32[2,3,5]");
  EXPECT_EQ(
      Infer("OneHot", {I64({2}), ScalarOf<int64_t>(DType::kI64, 5), F32({2})}, {{"axis", Int(0)}}),
      "float32[5,2]");
  EXPECT_THAT(Infer("OneHot", {I64({2}), ScalarOf<int64_t>(DType::kI64, -5), F32({2})}),
              HasSubstr("expected a size"));
  EXPECT_EQ(Infer("ConstantOfShape", {Ints({2, 3})}), "float32[2,3]");
  EXPECT_EQ(Infer("ConstantOfShape", {Ints({2})}, {{"value", Int(1)}}), "int64[2]");
  EXPECT_EQ(Infer("ConstantOfShape", {Ints({2})}, {{"value", Int(1)}, {"dtype", Text("bool")}}),
            "bool[2]");
  EXPECT_THAT(Infer("ConstantOfShape", {Ints({-2})}), HasSubstr("sizes >= 0"));
  EXPECT_THAT(Infer("ConstantOfShape", {Ints({kMax})}), HasSubstr("too many"));
}

}  // namespace
}  // namespace midstream

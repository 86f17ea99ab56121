// Products, reductions and data movement of the reference plugin against values worked out by hand.
#include "tests/plugins/reference/reference_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// 1 2 3
// 4 5 6
const Tensor kSix = F32({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(ReferenceMatMul, RanksAndBroadcasting) {
  Tensor b = F32({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_THAT(Values<float>(Compute("MatMul", {{kSix}, {b}})), ElementsAre(4, 5, 10, 11));
  EXPECT_THAT(Values<float>(Compute("MatMul", {{F32({3}, {1, 2, 3})}, {b}})), ElementsAre(4, 5));
  EXPECT_THAT(Values<float>(Compute("MatMul", {{kSix}, {F32({3}, {1, 1, 1})}})),
              ElementsAre(6, 15));
  Tensor dot = Compute("MatMul", {{F32({2}, {1, 2})}, {F32({2}, {3, 4})}});
  EXPECT_EQ(dot.shape(), Shape());
  EXPECT_THAT(Values<float>(dot), ElementsAre(11));
  // [2,1,1,2] x [2,2,1] -> [2,2,1,1]
  EXPECT_THAT(Values<float>(Compute(
                  "MatMul", {{F32({2, 1, 1, 2}, {1, 2, 3, 4})}, {F32({2, 2, 1}, {1, 0, 0, 1})}})),
              ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Values<float>(Compute("MatMul", {{F32({2, 0}, {})}, {F32({0, 2}, {})}})),
              ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(
      Values<int64_t>(Compute("MatMul", {{I64({1, 1}, {int64_t{1} << 60})}, {I64({1, 1}, {3})}})),
      ElementsAre(int64_t{3} << 60));
}

TEST(ReferenceMatMul, Gemm) {
  Tensor a = F32({2, 1}, {3, 4});
  Tensor b = F32({2, 1}, {5, 6});
  Attributes attrs = {{"transB", Int(1)}, {"alpha", Real(2)}, {"beta", Real(0.5)}};
  EXPECT_THAT(Values<float>(Compute("Gemm", {{a}, {b}, {F32({2}, {2, 4})}}, attrs)),
              ElementsAre(31, 38, 41, 50));
  EXPECT_THAT(Values<float>(Compute("Gemm", {{a}, {b}}, {{"transA", Int(1)}})), ElementsAre(39));
}

TEST(ReferenceMatMul, Fused) {
  Tensor b = F32({2, 3}, {1, 0, -1, 1, 1, 1});
  Attributes attrs = {{"transpose_b", Int(1)}, {"activation", Text("Relu")}};
  EXPECT_THAT(Values<float>(RunMs("MatMul", {{kSix}, {b}, {F32({2}, {-1, 1})}}, attrs)),
              ElementsAre(0, 7, 0, 16));
  EXPECT_EQ(RunMs("MatMul", {{F32({2, 0, 3}, {})}, {b}}, attrs).shape(), Shape({2, 0, 2}));
}

TEST(ReferenceReduce, Axes) {
  EXPECT_THAT(Values<float>(Compute("ReduceSum", {{kSix}, ConstInts({0})})), ElementsAre(5, 7, 9));
  EXPECT_THAT(Values<float>(Compute("ReduceMean", {{kSix}, ConstInts({-1})})), ElementsAre(2, 5));
  EXPECT_THAT(Values<float>(Compute("ReduceMax", {{kSix}})), ElementsAre(6));
  EXPECT_THAT(Values<float>(Compute("ReduceMin", {{kSix}, ConstInts({1})}, {{"keepdims", Int(0)}})),
              ElementsAre(1, 4));
  EXPECT_THAT(Values<float>(Compute("ReduceProd", {{kSix}, ConstInts({1})})), ElementsAre(6, 120));
  EXPECT_THAT(Values<float>(Compute("ReduceSum", {{F32({2}, {1, 2})}, ConstInts({})},
                                    {{"noop_with_empty_axes", Int(1)}})),
              ElementsAre(1, 2));
  EXPECT_THAT(Values<int32_t>(Compute("ReduceMean", {{I32({3}, {-1, -2, -4})}})), ElementsAre(-2));
}

TEST(ReferenceReduce, EmptyAxes) {
  Tensor empty = F32({2, 0}, {});
  NodeInput axis = ConstInts({1});
  EXPECT_THAT(Values<float>(Compute("ReduceSum", {{empty}, axis})), ElementsAre(0, 0));
  EXPECT_THAT(Values<float>(Compute("ReduceProd", {{empty}, axis})), ElementsAre(1, 1));
  EXPECT_THAT(Values<float>(Compute("ReduceMax", {{empty}, axis})), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(Values<float>(Compute("ReduceMean", {{empty}, axis})), Near({kNan, kNan}));
  EXPECT_THAT(Values<int32_t>(Compute("ReduceMin", {{I32({2, 0}, {})}, axis})),
              ElementsAre(INT32_MAX, INT32_MAX));
}

TEST(ReferenceReduce, ArgMaxTakesTheFirst) {
  Tensor x = F32({2, 3}, {1, 5, 5, 7, 7, 2});
  EXPECT_THAT(Values<int64_t>(Compute("ArgMax", {{x}}, {{"axis", Int(1)}})), ElementsAre(1, 0));
  EXPECT_THAT(
      Values<int64_t>(Compute("ArgMax", {{x}}, {{"axis", Int(-1)}, {"select_last_index", Int(1)}})),
      ElementsAre(2, 1));
  EXPECT_THAT(Values<int64_t>(Compute("ArgMax", {{x}})), ElementsAre(1, 1, 0));
  EXPECT_THAT(Values<int64_t>(Compute("ArgMin", {{x}}, {{"axis", Int(1)}, {"keepdims", Int(0)}})),
              ElementsAre(0, 2));
}

TEST(ReferenceMovement, Transpose) {
  EXPECT_THAT(Values<float>(Compute("Transpose", {{kSix}})), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(Values<int64_t>(Compute("Transpose", {{I64({1, 2, 3}, {1, 2, 3, 4, 5, 6})}},
                                      {{"perm", IntList{2, 0, 1}}})),
              ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(ReferenceMovement, Views) {
  EXPECT_EQ(Compute("Reshape", {{kSix}, ConstInts({3, -1})}).shape(), Shape({3, 2}));
  EXPECT_EQ(Compute("Unsqueeze", {{kSix}, ConstInts({0})}).shape(), Shape({1, 2, 3}));
  EXPECT_THAT(Values<float>(Compute("Flatten", {{kSix}})), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(Values<float>(Compute("Squeeze", {{F32({1, 2}, {8, 9})}})), ElementsAre(8, 9));
  EXPECT_THAT(Values<uint8_t>(Compute("Identity", {{Bool({2}, {1, 0})}})), ElementsAre(1, 0));
}

TEST(ReferenceMovement, ConcatAndSplit) {
  Attributes axis = {{"axis", Int(-1)}};
  EXPECT_THAT(
      Values<float>(Compute("Concat", {{kSix}, {F32({2, 0}, {})}, {F32({2, 1}, {8, 9})}}, axis)),
      ElementsAre(1, 2, 3, 8, 4, 5, 6, 9));
  auto parts = RunAll({"Split", "", axis, {{kSix}}, 2});
  EXPECT_THAT(Values<float>(parts[0]), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(Values<float>(parts[1]), ElementsAre(3, 6));
  parts = RunAll({"Split", "", axis, {{kSix}, ConstInts({0, 3})}, 2});
  EXPECT_THAT(Values<float>(parts[0]), IsEmpty());
  EXPECT_EQ(parts[1].shape(), Shape({2, 3}));
}

TEST(ReferenceMovement, Slice) {
  Tensor x = I32({5}, {0, 1, 2, 3, 4});
  auto slice = [&](int64_t start, int64_t end, int64_t step) {
    return Values<int32_t>(Compute(
        "Slice", {{x}, ConstInts({start}), ConstInts({end}), ConstInts({0}), ConstInts({step})}));
  };
  EXPECT_THAT(slice(1, 4, 2), ElementsAre(1, 3));
  EXPECT_THAT(slice(-2, INT64_MAX, 1), ElementsAre(3, 4));
  EXPECT_THAT(slice(-1, INT64_MIN, -2), ElementsAre(4, 2, 0));
  EXPECT_THAT(slice(INT64_MAX, INT64_MIN, INT64_MIN), ElementsAre(4));
  EXPECT_THAT(slice(3, 1, 1), IsEmpty());
  EXPECT_THAT(
      Values<float>(Compute("Slice", {{kSix}, ConstInts({1}), ConstInts({3}), ConstInts({1})})),
      ElementsAre(2, 3, 5, 6));
}

TEST(ReferenceMovement, Gather) {
  EXPECT_THAT(Values<float>(Compute("Gather", {{kSix}, {I32({2}, {-1, 0})}})),
              ElementsAre(4, 5, 6, 1, 2, 3));
  Tensor y = Compute("Gather", {{kSix}, {I64({2, 1}, {2, 0})}}, {{"axis", Int(1)}});
  EXPECT_EQ(y.shape(), Shape({2, 2, 1}));
  EXPECT_THAT(Values<float>(y), ElementsAre(3, 1, 6, 4));
  auto device = OpenPlugin("reference");
  ASSERT_TRUE(device.ok());
  auto bad = RunNode(*device, {"Gather", "", {}, {{kSix}, {I64({1}, {2})}}});
  EXPECT_EQ(bad.status().code(), Code::kOutOfRange) << bad.status().ToString();
  EXPECT_THAT(std::string(bad.status().message()), testing::HasSubstr("index 2"));
}

TEST(ReferenceMovement, Pad) {
  Tensor x = F32({3}, {1, 2, 3});
  NodeInput both = ConstInts({2, 1});
  EXPECT_THAT(Values<float>(Compute("Pad", {{x}, both})), ElementsAre(0, 0, 1, 2, 3, 0));
  EXPECT_THAT(Values<float>(Compute("Pad", {{x}, both, {F32({}, {9})}})),
              ElementsAre(9, 9, 1, 2, 3, 9));
  EXPECT_THAT(Values<float>(Compute("Pad", {{x}, both}, {{"mode", Text("reflect")}})),
              ElementsAre(3, 2, 1, 2, 3, 2));
  EXPECT_THAT(Values<float>(Compute("Pad", {{x}, both}, {{"mode", Text("edge")}})),
              ElementsAre(1, 1, 1, 2, 3, 3));
  EXPECT_THAT(Values<float>(Compute("Pad", {{x}, ConstInts({-1, 1})})), ElementsAre(2, 3, 0));
  EXPECT_THAT(Values<float>(Compute("Pad", {{kSix}, ConstInts({1, 0}), kAbsent, ConstInts({-1})})),
              ElementsAre(0, 1, 2, 3, 0, 4, 5, 6));
}

TEST(ReferenceMovement, TileAndExpand) {
  EXPECT_THAT(Values<float>(Compute("Tile", {{F32({1, 2}, {1, 2})}, ConstInts({2, 2})})),
              ElementsAre(1, 2, 1, 2, 1, 2, 1, 2));
  EXPECT_THAT(Values<float>(Compute("Tile", {{F32({2}, {1, 2})}, ConstInts({0})})), IsEmpty());
  EXPECT_THAT(Values<float>(Compute("Expand", {{F32({2, 1}, {1, 2})}, ConstInts({2})})),
              ElementsAre(1, 1, 2, 2));
}

TEST(ReferenceGenerators, ShapeSizeConstantOfShape) {
  EXPECT_THAT(Values<int64_t>(Compute("Shape", {{kSix}})), ElementsAre(2, 3));
  EXPECT_THAT(Values<int64_t>(Compute("Shape", {{kSix}}, {{"start", Int(-1)}})), ElementsAre(3));
  EXPECT_THAT(Values<int64_t>(Compute("Size", {{kSix}})), ElementsAre(6));
  EXPECT_THAT(Values<float>(Compute("ConstantOfShape", {ConstInts({2})})), ElementsAre(0, 0));
  EXPECT_THAT(Values<int64_t>(Compute("ConstantOfShape", {ConstInts({2})}, {{"value", Int(7)}})),
              ElementsAre(7, 7));
  EXPECT_THAT(Values<float>(Compute("ConstantOfShape", {ConstInts({1})}, {{"value", Real(0.5)}})),
              ElementsAre(0.5f));
}

TEST(ReferenceGenerators, RangeAndOneHot) {
  auto scalar = [](int64_t v) { return Const(I64({}, {v})); };
  EXPECT_THAT(Values<int64_t>(Compute("Range", {scalar(5), scalar(-2), scalar(-3)})),
              ElementsAre(5, 2, -1));
  auto real = [](float v) { return Const(F32({}, {v})); };
  EXPECT_THAT(Values<float>(Compute("Range", {real(0), real(1), real(0.25f)})),
              ElementsAre(0, 0.25f, 0.5f, 0.75f));
  Tensor off_on = F32({2}, {-1, 2});
  EXPECT_THAT(Values<float>(Compute("OneHot", {{I64({3}, {0, -1, 2})}, scalar(2), {off_on}})),
              ElementsAre(2, -1, -1, 2, -1, -1));
  EXPECT_THAT(Values<float>(
                  Compute("OneHot", {{I64({2}, {0, 1})}, scalar(3), {off_on}}, {{"axis", Int(0)}})),
              ElementsAre(2, -1, -1, 2, -1, -1));
}

}  // namespace
}  // namespace midstream::plugin_testing

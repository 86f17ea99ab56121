#include "core/passes/simplify.h"

#include <gtest/gtest.h>

#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

using IntList = std::vector<int64_t>;

// A graph with one float32 input; the test adds nodes and names the output.
class SimplifyTest : public testing::Test {
 protected:
  ValueId Input(Shape shape) { return graph_.AddInput("x", DType::kF32, std::move(shape)); }
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attrs = {}) {
    return graph_.Add(op, op, std::move(inputs), std::move(attrs));
  }
  // Operators that are left when `y` is the output.
  std::string Left(ValueId y) {
    graph_.AddOutput(y, "y");
    Status status = Prepare(graph_);
    if (status.ok()) before_ = graph_.value(graph_.outputs()[0]);
    if (status.ok()) status = Simplify(graph_);
    if (status.ok()) status = InferShapes(graph_, nullptr);
    if (status.ok()) status = Verify(graph_);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(graph_.value(graph_.outputs()[0]).dtype, before_.dtype);
    EXPECT_EQ(graph_.value(graph_.outputs()[0]).shape, before_.shape);
    return Operators(graph_);
  }
  Graph graph_;
  Value before_;
};

TEST_F(SimplifyTest, IdentityVanishesEvenAsOutput) {
  EXPECT_EQ(Left(Op("Identity", {Op("Identity", {Input({2})})})), "");
  EXPECT_EQ(graph_.outputs(), graph_.inputs());
  EXPECT_EQ(graph_.output_names(), std::vector<std::string>{"y"});
}

TEST_F(SimplifyTest, TransposesCompose) {
  ValueId x = Op("Transpose", {Input({2, 3, 4})}, {{"perm", IntList{1, 2, 0}}});
  EXPECT_EQ(Left(Op("Transpose", {x}, {{"perm", IntList{0, 2, 1}}})), "Transpose");
  EXPECT_EQ(graph_.node(0).Ints("perm"), (IntList{1, 0, 2}));
}

TEST_F(SimplifyTest, InverseTransposesVanish) {
  ValueId x = Op("Transpose", {Input({2, 3, 4})}, {{"perm", IntList{1, 2, 0}}});
  EXPECT_EQ(Left(Op("Transpose", {x}, {{"perm", IntList{2, 0, 1}}})), "");
}

TEST_F(SimplifyTest, TransposesWithoutPermReverse) {
  EXPECT_EQ(Left(Op("Transpose", {Op("Transpose", {Input({2, 3, 4})})})), "");
}

TEST_F(SimplifyTest, AnInnerTransposeThatIsReadElsewhereStays) {
  ValueId inner = Op("Transpose", {Input({2, 3})}, {{"perm", IntList{1, 0}}});
  graph_.AddOutput(inner, "inner");
  EXPECT_EQ(Left(Op("Relu", {Op("Transpose", {inner}, {{"perm", IntList{1, 0}}})})),
            "Transpose Relu");
}

TEST_F(SimplifyTest, ReshapesCompose) {
  ValueId x = Op("Reshape", {Input({kUnknownDim, 6}), Ints(graph_, {-1, 2, 3})});
  EXPECT_EQ(Left(Op("Flatten", {x}, {{"axis", int64_t{2}}})), "Reshape");
  EXPECT_EQ(*ConstantInts(graph_, graph_.node(0).inputs[1]), (IntList{-1, 3}));
}

TEST_F(SimplifyTest, ReshapeThereAndBackVanishes) {
  ValueId x = Op("Unsqueeze", {Input({kUnknownDim, 6}), Ints(graph_, {0})});
  EXPECT_EQ(Left(Op("Squeeze", {x, Ints(graph_, {0})})), "");
}

TEST_F(SimplifyTest, ReshapeOfTwoUnknownDimensionsStays) {
  ValueId x = Op("Unsqueeze", {Input({kUnknownDim, kUnknownDim}), Ints(graph_, {0})});
  EXPECT_EQ(Left(Op("Reshape", {x, Ints(graph_, {0, 0, -1})})), "Unsqueeze Reshape");
}

TEST_F(SimplifyTest, ExactCastPairsVanishAndOthersStay) {
  auto cast = [&](ValueId x, const char* to) { return Op("Cast", {x}, {{"to", std::string(to)}}); };
  ValueId half = graph_.AddInput("half", DType::kF16, {2});
  graph_.AddOutput(cast(cast(half, "float32"), "float16"), "exact");
  EXPECT_EQ(Left(cast(cast(Input({2}), "float16"), "float32")), "Cast Cast");
}

TEST_F(SimplifyTest, NoOpPadSliceAndConcatVanish) {
  ValueId x = Input({kUnknownDim, 6});
  x = Op("Pad", {x, Ints(graph_, {0, 0, 0, 0})});
  x = Op("Slice", {x, Ints(graph_, {0}), Ints(graph_, {6}), Ints(graph_, {-1})});
  EXPECT_EQ(Left(Op("Concat", {x}, {{"axis", int64_t{0}}})), "");
}

TEST_F(SimplifyTest, RealPadAndSliceStay) {
  ValueId x = Input({kUnknownDim, 6});
  x = Op("Pad", {x, Ints(graph_, {0, 1, 0, 0})});
  x = Op("Slice", {x, Ints(graph_, {0}), Ints(graph_, {3}), Ints(graph_, {1})});
  // A range over an unknown dimension may cut it.
  x = Op("Slice", {x, Ints(graph_, {0}), Ints(graph_, {9}), Ints(graph_, {0})});
  EXPECT_EQ(Left(x), "Pad Slice Slice");
}

TEST_F(SimplifyTest, AReversingSliceStays) {
  ValueId x = Input({4});
  EXPECT_EQ(Left(Op("Slice", {x, Ints(graph_, {3}), Ints(graph_, {-5}), Ints(graph_, {0}),
                              Ints(graph_, {-1})})),
            "Slice");
}

TEST(IsLossless, KnowsPrecisionAndRange) {
  EXPECT_TRUE(IsLossless(DType::kBF16, DType::kF32));
  EXPECT_TRUE(IsLossless(DType::kF16, DType::kF64));
  EXPECT_TRUE(IsLossless(DType::kU8, DType::kBF16));
  EXPECT_TRUE(IsLossless(DType::kU8, DType::kI16));
  EXPECT_TRUE(IsLossless(DType::kBool, DType::kU8));
  EXPECT_FALSE(IsLossless(DType::kF32, DType::kF16));
  EXPECT_FALSE(IsLossless(DType::kBF16, DType::kF16));
  EXPECT_FALSE(IsLossless(DType::kF16, DType::kBF16));
  EXPECT_FALSE(IsLossless(DType::kI32, DType::kF32));
  EXPECT_FALSE(IsLossless(DType::kI8, DType::kU16));
  EXPECT_FALSE(IsLossless(DType::kF16, DType::kI32));
  EXPECT_FALSE(IsLossless(DType::kU8, DType::kBool));
}

}  // namespace
}  // namespace midstream::passes

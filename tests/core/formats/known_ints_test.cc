// What is known of small integer tensors while a graph is being built.
#include "core/formats/tensorflow/known_ints.h"

#include <gtest/gtest.h>

#include "core/graph/op_schema.h"

namespace midstream::tensorflow {
namespace {

class KnownIntsTest : public testing::Test {
 protected:
  ValueId Add(const char* op, std::vector<ValueId> inputs, Attributes attrs = {}) {
    ValueId value = graph_.Add(op, op, std::move(inputs), std::move(attrs));
    InferContext context(graph_, graph_.node(graph_.value(value).producer));
    EXPECT_TRUE(FindSchema("", op)->infer(context).ok());
    graph_.value(value).dtype = context.output().dtype;
    graph_.value(value).shape = context.output().shape;
    return value;
  }
  ValueId Ints(const std::vector<int64_t>& values) {
    return graph_.AddConstant("c", Tensor::FromInts(values));
  }
  ValueId Scalar(int64_t value) {
    return graph_.AddConstant("s", Tensor::Scalar(DType::kI64, value));
  }

  Graph graph_;
};

TEST_F(KnownIntsTest, APartlyKnownShape) {
  ValueId x = graph_.AddInput("x", DType::kF32, {-1, 3, 4});
  ValueId shape = Add("Shape", {x});
  auto known = FindKnownInts(graph_, shape);
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(*known, (KnownInts{std::nullopt, 3, 4}));
  EXPECT_FALSE(AllKnown(known).has_value());
  ValueId tail = Add("Slice", {shape, Ints({1}), Ints({9})});
  EXPECT_EQ(AllKnown(FindKnownInts(graph_, tail)), (std::vector<int64_t>{3, 4}));
  ValueId twice = Add("Mul", {tail, Ints({2})});
  ValueId joined = Add("Concat", {Ints({7}), twice}, {{"axis", int64_t{0}}});
  EXPECT_EQ(AllKnown(FindKnownInts(graph_, joined)), (std::vector<int64_t>{7, 6, 8}));
  ValueId first = Add("Gather", {joined, Ints({-1})});
  EXPECT_EQ(AllKnown(FindKnownInts(graph_, first)), (std::vector<int64_t>{8}));
}

TEST_F(KnownIntsTest, RangesAndReversedSlices) {
  ValueId range = Add("Range", {Scalar(0), Scalar(5), Scalar(2)});
  EXPECT_EQ(AllKnown(FindKnownInts(graph_, range)), (std::vector<int64_t>{0, 2, 4}));
  ValueId back = Add("Slice", {range, Ints({-1}), Ints({INT64_MIN}), Ints({0}), Ints({-1})});
  EXPECT_EQ(AllKnown(FindKnownInts(graph_, back)), (std::vector<int64_t>{4, 2, 0}));
  ValueId endless = Add("Range", {Scalar(0), Scalar(INT64_MAX), Scalar(1)});
  EXPECT_FALSE(FindKnownInts(graph_, endless).has_value());
}

// A file may share nodes so that there are 2^60 ways through them.
TEST_F(KnownIntsTest, ItsWorkIsBounded) {
  ValueId value = Ints({1});
  for (int i = 0; i < 60; ++i) value = Add("Add", {value, value});
  EXPECT_FALSE(FindKnownInts(graph_, value).has_value());
  value = Ints({INT64_MAX});
  auto overflow = FindKnownInts(graph_, Add("Add", {value, value}));
  ASSERT_TRUE(overflow.has_value());
  EXPECT_FALSE(AllKnown(overflow).has_value());
}

}  // namespace
}  // namespace midstream::tensorflow

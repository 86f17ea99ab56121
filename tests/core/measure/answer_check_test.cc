#include "core/measure/answer_check.h"

#include <gtest/gtest.h>

#include <cmath>

namespace midstream::measure {
namespace {

std::vector<Tensor> Answer(std::vector<float> values) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor.mutable_as<float>().begin());
  return {tensor};
}

TEST(AnswerCheck, TellsTheSetOfAVersion) {
  AnswerCheck check;
  check.Learn(Answer({0, 100}), Answer({0, 100}));
  EXPECT_FALSE(check.Decides());  // one set alone
  check.Learn(Answer({0, 180}), Answer({0, 180}));
  ASSERT_TRUE(check.Decides());
  check.Announce(7, 0);
  check.Announce(8, 1);
  EXPECT_TRUE(check.Check(Answer({0, 100}), 7));
  EXPECT_TRUE(check.Check(Answer({0, 109}), 7));   // another rounding
  EXPECT_FALSE(check.Check(Answer({0, 111}), 7));  // a mixture
  EXPECT_FALSE(check.Check(Answer({0, 180}), 7));
  EXPECT_TRUE(check.Check(Answer({0, 180}), 8));
  EXPECT_FALSE(check.Check(Answer({0, NAN}), 8));
  EXPECT_FALSE(check.Check(Answer({0, 180, 0}), 8));
  EXPECT_FALSE(check.Check({}, 8));
  EXPECT_FALSE(check.Check(Answer({0, 180}), 9));  // nobody made that version
}

TEST(AnswerCheck, ForgetsOldVersions) {
  AnswerCheck check;
  check.Learn(Answer({1}), Answer({1}));
  check.Learn(Answer({2}), Answer({2}));
  for (uint64_t version = 1; version <= 5000; ++version) check.Announce(version, version % 2);
  EXPECT_FALSE(check.Check(Answer({7}), 5000));
  EXPECT_FALSE(check.Check(Answer({7}), 1000));
  EXPECT_TRUE(check.Check(Answer({7}), 900));
}

TEST(AnswerCheck, DoesNotDecideWhereAnswersDoNot) {
  AnswerCheck same;
  same.Learn(Answer({1, 2}), Answer({1, 2}));
  same.Learn(Answer({1, 2}), Answer({1, 2}));
  EXPECT_FALSE(same.Decides());
  EXPECT_TRUE(same.Check(Answer({7, 7}), 1));

  AnswerCheck random;
  random.Learn(Answer({1}), Answer({2}));
  random.Learn(Answer({4}), Answer({4}));
  EXPECT_FALSE(random.Decides());

  AnswerCheck broken;
  broken.Learn(Answer({1}), Answer({1}));
  broken.Learn(Answer({NAN}), Answer({NAN}));
  EXPECT_FALSE(broken.Decides());
}

// Far more elements than are compared: the sample reaches from the first to the end.
TEST(AnswerCheck, LooksAtAllOfALargeOutput) {
  std::vector<float> values(100'000, 1);
  AnswerCheck check;
  check.Learn(Answer(values), Answer(values));
  for (float& value : values) value = 2;
  check.Learn(Answer(values), Answer(values));
  check.Announce(1, 1);
  EXPECT_TRUE(check.Check(Answer(values), 1));
  std::fill(values.begin() + 60'000, values.begin() + 61'000, 1.0F);
  EXPECT_FALSE(check.Check(Answer(values), 1));
}

}  // namespace
}  // namespace midstream::measure

#include "core/cli/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/formats/npy/npy.h"

namespace midstream::cli {
namespace {

using ::testing::HasSubstr;

class EvaluationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const Tensor& tensor) {
    const std::string path = (folder_ / name).string();
    EXPECT_TRUE(formats::WriteNpy(path, tensor).ok());
    return path;
  }
  // `count` images of two pixels: 0 1, 2 3, ...
  std::string WriteImages(int64_t count) {
    Tensor images = *Tensor::Allocate(DType::kF32, {count, 2});
    float next = 0;
    for (float& pixel : images.mutable_as<float>()) pixel = next++;
    return Write("images.npy", images);
  }

  std::filesystem::path folder_;
};

Tensor Scores(int64_t rows, std::vector<float> values) {
  return *Tensor::Copy(DType::kF32, {rows, static_cast<int64_t>(values.size()) / rows},
                       std::as_bytes(std::span(values)));
}

TEST_F(EvaluationTest, CutsImagesIntoBatchesWithTheRemainderLast) {
  const auto evaluation = Evaluation::FromFiles(WriteImages(5), "", 2);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status().message();
  ASSERT_EQ(evaluation->batches().size(), 3u);
  EXPECT_EQ(evaluation->full_batches(), 2u);
  EXPECT_EQ(evaluation->images(), 5);
  EXPECT_EQ(evaluation->batches()[1].shape(), Shape({2, 2}));
  EXPECT_EQ(evaluation->batches()[1].as<float>()[0], 4);
  EXPECT_EQ(evaluation->batches()[2].shape(), Shape({1, 2}));
  EXPECT_EQ(evaluation->batches()[2].as<float>()[1], 9);
  EXPECT_FALSE(evaluation->has_labels());
}

TEST_F(EvaluationTest, TakesABatchLargerThanTheImages) {
  const auto evaluation = Evaluation::FromFiles(WriteImages(3), "", 16);
  ASSERT_TRUE(evaluation.ok());
  ASSERT_EQ(evaluation->batches().size(), 1u);
  EXPECT_EQ(evaluation->full_batches(), 1u);
  EXPECT_EQ(evaluation->batches()[0].shape(), Shape({3, 2}));
}

TEST_F(EvaluationTest, CountsClassesAndFirstHighestScores) {
  const std::string labels = Write("labels.npy", Tensor::FromInts({1, 0, 1}));
  const auto evaluation = Evaluation::FromFiles(WriteImages(3), labels, 2);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status().message();
  EXPECT_EQ(*evaluation->CountCorrect(0, Tensor::FromInts({1, 1})), 1);
  EXPECT_EQ(*evaluation->CountCorrect(1, Tensor::FromInts({1})), 1);
  EXPECT_EQ(*evaluation->CountCorrect(0, Scores(2, {0, 5, 7, 7})), 2);
  EXPECT_EQ(*evaluation->CountCorrect(1, Scores(1, {9, 5})), 0);
}

TEST_F(EvaluationTest, RefusesAnOutputThatIsNoPrediction) {
  const std::string labels = Write("labels.npy", Tensor::FromInts({1, 0, 1}));
  const auto evaluation = Evaluation::FromFiles(WriteImages(3), labels, 3);
  ASSERT_TRUE(evaluation.ok());
  for (const Tensor& other : {Tensor::FromInts({1, 1}), Scores(1, {1, 2, 3})}) {
    const auto count = evaluation->CountCorrect(0, other);
    ASSERT_FALSE(count.ok());
    EXPECT_EQ(count.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(std::string(count.status().message()), HasSubstr("accuracy needs"));
  }
}

TEST_F(EvaluationTest, RefusesLabelsOfAnotherCountOrKind) {
  const std::string images = WriteImages(3);
  const auto short_of_one =
      Evaluation::FromFiles(images, Write("two.npy", Tensor::FromInts({1, 0})), 2);
  ASSERT_FALSE(short_of_one.ok());
  EXPECT_THAT(std::string(short_of_one.status().message()), HasSubstr("two.npy"));
  const auto floats = Evaluation::FromFiles(images, images, 2);
  ASSERT_FALSE(floats.ok());
  EXPECT_THAT(std::string(floats.status().message()), HasSubstr("images.npy"));
}

TEST_F(EvaluationTest, RefusesAnArrayWithoutImages) {
  const std::string scalar = Write("scalar.npy", Tensor::Scalar<float>(DType::kF32, 1));
  const std::string none = Write("none.npy", *Tensor::Allocate(DType::kF32, {0, 2}));
  EXPECT_FALSE(Evaluation::FromFiles(scalar, "", 2).ok());
  EXPECT_FALSE(Evaluation::FromFiles(none, "", 2).ok());
}

TEST_F(EvaluationTest, MayBeOneBatch) {
  const Evaluation evaluation = Evaluation::FromBatch(*Tensor::Allocate(DType::kF32, {4, 2}));
  EXPECT_EQ(evaluation.batches().size(), 1u);
  EXPECT_EQ(evaluation.full_batches(), 1u);
  EXPECT_EQ(evaluation.images(), 4);
}

}  // namespace
}  // namespace midstream::cli

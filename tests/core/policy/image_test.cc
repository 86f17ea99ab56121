#include "core/policy/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using ::testing::HasSubstr;

TEST(ResizeWithPad, GivesPillowsBytes) {
  if (!SharedDataIsThere()) GTEST_SKIP() << "the recordings of openpi are not there";
  const auto arrays = ReadArrays(SharedFile("pipeline/image_resize.npz"));
  int refused = 0;
  for (const auto& row : ReadJson(SharedFile("pipeline/image_resize.json"))) {
    const std::string name = std::to_string(row["case"].get<int>());
    const auto resized = ResizeWithPad(arrays.at(name + ".in"), row["target"][0], row["target"][1]);
    if (row.contains("pil_error")) {
      ++refused;
      ASSERT_FALSE(resized.ok()) << name;
      EXPECT_EQ(resized.status().code(), Code::kInvalidArgument);
      continue;
    }
    ASSERT_TRUE(resized.ok()) << resized.status().message();
    EXPECT_TRUE(BitEqual(*resized, arrays.at(name + ".pil"))) << name;
  }
  EXPECT_EQ(refused, 3);
}

TEST(ResizeWithPad, CentresOnBlack) {
  const auto wide = ResizeWithPad(Bytes({2, 4, 3}, 200), 8, 8);
  ASSERT_TRUE(wide.ok()) << wide.status().message();
  for (int64_t y = 0; y < 8; ++y) {
    EXPECT_EQ(wide->as<uint8_t>()[static_cast<size_t>(y * 8 * 3)], y >= 2 && y < 6 ? 200 : 0);
  }
  const auto high = ResizeWithPad(Bytes({4, 2, 3}, 200), 8, 8);
  ASSERT_TRUE(high.ok());
  for (size_t x = 0; x < 8; ++x) {
    EXPECT_EQ(high->as<uint8_t>()[x * 3], x >= 2 && x < 6 ? 200 : 0);
  }
}

TEST(ResizeWithPad, LeavesTheSizeThatFitsAlone) {
  const Tensor image = Bytes({8, 8, 3}, 7);
  EXPECT_EQ(ResizeWithPad(image, 8, 8)->data(), image.data());
}

TEST(ResizeWithPad, RefusesAnImageThatWouldVanish) {
  const auto resized = ResizeWithPad(Bytes({1, 300, 3}, 7), 56, 56);
  ASSERT_FALSE(resized.ok());
  EXPECT_THAT(resized.status().message(), HasSubstr("1 x 300"));
  EXPECT_THAT(resized.status().message(), HasSubstr("no height"));
}

TEST(ToBytes, CutsFloatsOffAsRecorded) {
  if (!SharedDataIsThere()) GTEST_SKIP() << "the recordings of openpi are not there";
  const auto arrays = ReadArrays(SharedFile("pipeline/image_convert.npz"));
  const Tensor values = arrays.at("f32");
  const Tensor bytes = arrays.at("f32_to_u8");
  ASSERT_EQ(values.count() % 3, 0);
  const auto image = ToBytes(*values.Reshaped({1, values.count() / 3, 3}), Channels::kLast);
  ASSERT_TRUE(image.ok()) << image.status().message();
  EXPECT_TRUE(BitEqual(*image->Reshaped(bytes.shape()), bytes));
}

TEST(ToBytes, CutsOffWhatIsNoWholeByte) {
  const auto image =
      ToBytes(Floats({1, 2, 3}, {0, 0.5f, 1, 0.999f, -0.003f, 1.003f}), Channels::kLast);
  ASSERT_TRUE(image.ok()) << image.status().message();
  const auto bytes = image->as<uint8_t>();
  EXPECT_EQ(std::vector<int>(bytes.begin(), bytes.end()),
            (std::vector<int>{0, 127, 255, 254, 0, 255}));
  EXPECT_TRUE(ToBytes(Doubles({1, 1, 3}, {0, 0.5, 1}), Channels::kLast).ok());
}

TEST(ToBytes, BringsChannelsToTheEnd) {
  Tensor image = *Tensor::Allocate(DType::kU8, {3, 2, 2});
  for (size_t i = 0; i < 12; ++i) image.mutable_as<uint8_t>()[i] = static_cast<uint8_t>(i);
  for (const Channels channels : {Channels::kFirst, Channels::kFirstOfThree}) {
    const auto turned = ToBytes(image, channels);
    ASSERT_TRUE(turned.ok());
    EXPECT_EQ(turned->shape(), Shape({2, 2, 3}));
    const auto bytes = turned->as<uint8_t>();
    EXPECT_EQ(std::vector<int>(bytes.begin(), bytes.end()),
              (std::vector<int>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  }
  const Tensor last = Bytes({2, 4, 3}, 1);
  EXPECT_EQ(ToBytes(last, Channels::kFirstOfThree)->shape(), last.shape());
}

struct BadImage {
  const char* name;
  Tensor image;
  Channels channels;
  const char* message;  // part of it
};
void PrintTo(const BadImage& bad, std::ostream* out) { *out << bad.name; }

class BadImageTest : public ::testing::TestWithParam<BadImage> {};

TEST_P(BadImageTest, IsOneClearError) {
  const auto image = ToBytes(GetParam().image, GetParam().channels);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(image.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    ToBytes, BadImageTest,
    ::testing::Values(
        BadImage{"Grey", Bytes({4, 4}, 0), Channels::kLast, "expected [height, width, 3]"},
        BadImage{"Alpha", Bytes({4, 4, 4}, 0), Channels::kFirstOfThree, "[4,4,4]"},
        BadImage{"LastForFirst", Bytes({4, 4, 3}, 0), Channels::kFirst, "[3, height, width]"},
        BadImage{"Batch", Bytes({1, 4, 4, 3}, 0), Channels::kLast, "[1,4,4,3]"},
        BadImage{"Empty", Bytes({0, 4, 3}, 0), Channels::kLast, "sides from 1"},
        BadImage{"Huge", Bytes({1, kLargestSide + 1, 3}, 0), Channels::kLast, "8192"},
        BadImage{"Integers", *Tensor::Allocate(DType::kI64, {1, 1, 3}), Channels::kLast, "int64"},
        BadImage{"UpTo255", Floats({1, 1, 3}, {0, 128, 255}), Channels::kLast, "holds 128"},
        BadImage{"Negative", Floats({1, 1, 3}, {-0.5f, 0, 0}), Channels::kLast, "from 0 to 1"},
        BadImage{"Nan", Floats({1, 1, 3}, {0, std::numeric_limits<float>::quiet_NaN(), 0}),
                 Channels::kLast, "nan"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace midstream::policy

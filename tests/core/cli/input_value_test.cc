#include "core/cli/input_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

using ::testing::HasSubstr;

TensorSpec Input(DType dtype = DType::kF32) { return {"x", dtype, Shape::UnknownRank()}; }

TEST(InputArg, SplitsAtTheFirstEqualsSign) {
  const auto arg = ParseInputArg("scope/x:0=a=b.npy");
  ASSERT_TRUE(arg.ok());
  EXPECT_EQ(arg->name, "scope/x:0");
  EXPECT_EQ(arg->spec, "a=b.npy");
}

TEST(InputArg, MayBeANameAlone) {
  const auto arg = ParseInputArg("x");
  ASSERT_TRUE(arg.ok());
  EXPECT_EQ(arg->name, "x");
  EXPECT_EQ(arg->spec, "");
}

TEST(InputArg, RefusesAMissingNameOrValue) {
  for (const char* text : {"", "=x.npy", "x="}) {
    const auto arg = ParseInputArg(text);
    ASSERT_FALSE(arg.ok()) << text;
    EXPECT_EQ(arg.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(std::string(arg.status().message()), HasSubstr("NAME=SPEC"));
  }
}

TEST(InputArgs, AreForTheInputsTheyName) {
  const auto args = ParseInputArgs({"x:0=random:2x3", "y"});
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(InputNames(*args), (std::vector<std::string>{"x:0", "y"}));
  EXPECT_EQ(SpecOf("x", *args), "random:2x3");
  EXPECT_EQ(SpecOf("y:0", *args), "");
  EXPECT_EQ(SpecOf("z", *args), "");
  EXPECT_FALSE(ParseInputArgs({"x", "=y"}).ok());

  const std::vector<TensorSpec> inputs = {
      {"x", DType::kF32, Shape::UnknownRank()},
      {"y", DType::kI32, Shape({kUnknownDim, 4})},
  };
  const auto values = MakeInputs(inputs, *args, 5, 7);
  ASSERT_TRUE(values.ok()) << values.status().message();
  ASSERT_EQ(values->size(), 2u);
  EXPECT_EQ((*values)[0].value.shape(), Shape({2, 3}));
  EXPECT_EQ((*values)[1].name, "y");
  EXPECT_EQ((*values)[1].value.dtype(), DType::kI32);
  EXPECT_EQ((*values)[1].value.shape(), Shape({5, 4}));
  EXPECT_FALSE(MakeInputs({{"w", DType::kF32, Shape::UnknownRank()}}, {}, 5, 7).ok());
}

TEST(InputValue, ReadsArraysAndMembersOfArchives) {
  const std::string digits = std::string(MS_TEST_DATA) + "/digits/";
  const auto images = ReadValue(Input(), digits + "eval_images.npy", 0);
  ASSERT_TRUE(images.ok()) << images.status().message();
  EXPECT_EQ(images->shape(), Shape({297, 784}));
  const auto logits = ReadValue(Input(), digits + "expected_0.npz:fc2/add:0", 0);
  ASSERT_TRUE(logits.ok()) << logits.status().message();
  EXPECT_EQ(logits->shape(), Shape({64, 10}));
}

TEST(InputValue, NamesTheFileThatIsMissing) {
  const auto value = ReadValue(Input(), "nowhere/x.npy", 0);
  ASSERT_FALSE(value.ok());
  EXPECT_THAT(std::string(value.status().message()), HasSubstr("nowhere/x.npy"));
}

TEST(InputValue, RefusesASpecOfNoKnownKind) {
  for (const char* spec : {"x.txt", "random:", "random:2x", "random:2x-3", "random:axb",
                           "random:2x3x", "random:99999999999999999999"}) {
    const auto value = ReadValue(Input(), spec, 0);
    ASSERT_FALSE(value.ok()) << spec;
    EXPECT_THAT(std::string(value.status().message()), HasSubstr(spec));
  }
}

TEST(InputValue, RefusesARandomTensorBeyondMemory) {
  EXPECT_FALSE(ReadValue(Input(), "random:4000000000x4000000000x4000000000", 0).ok());
}

TEST(InputValue, MakesRandomValuesOfTheInputsDType) {
  const auto floats = ReadValue(Input(), "random:50x20", 1);
  ASSERT_TRUE(floats.ok());
  EXPECT_EQ(floats->shape(), Shape({50, 20}));
  double sum = 0;
  for (const float value : floats->as<float>()) {
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);

  const auto ids = ReadValue(Input(DType::kI64), "random:scalar", 1);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->shape(), Shape());
  EXPECT_LE(static_cast<uint64_t>(ids->as<int64_t>()[0]), 1u);
}

TEST(InputValue, IsTheSameForTheSameSeedOnly) {
  const Tensor a = *RandomTensor(DType::kF32, {100}, 7);
  EXPECT_TRUE(BitEqual(a, *RandomTensor(DType::kF32, {100}, 7)));
  EXPECT_FALSE(BitEqual(a, *RandomTensor(DType::kF32, {100}, 8)));
}

TEST(InputValue, MakesEveryDTypeThatHasASize) {
  for (const DType dtype :
       {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8, DType::kI16, DType::kI32,
        DType::kI64, DType::kU8, DType::kU16, DType::kU32, DType::kU64, DType::kBool}) {
    const auto value = RandomTensor(dtype, {3}, 0);
    ASSERT_TRUE(value.ok()) << DTypeName(dtype);
    EXPECT_EQ(value->dtype(), dtype);
  }
  EXPECT_FALSE(RandomTensor(DType::kString, {3}, 0).ok());
}

}  // namespace
}  // namespace midstream::cli

#include "core/formats/weight_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/formats/npy/npz.h"
#include "core/formats/safetensors/writer.h"
#include "core/formats/tensor_file.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-";

Status Save(const std::string& path, const NamedTensors& tensors) {
  if (path.ends_with(".npz")) return WriteNpz(path, tensors);
  std::vector<TensorInfo> infos;
  for (const auto& [name, value] : tensors) infos.push_back({name, value.dtype(), value.shape()});
  return safetensors::Write(path, infos,
                            [&](size_t i) -> Result<Tensor> { return tensors[i].second; });
}

class WeightFile : public testing::TestWithParam<std::string> {
 protected:
  WeightFile() : model_(*OpenModel(kDigits + "4000")) {
    auto reader = model_->OpenWeights(kDigits + "100");
    for (const std::string& name : (*reader)->names()) {
      weights_.emplace_back(name, *(*reader)->Read(name));
    }
  }

  Result<std::unique_ptr<WeightReader>> Open(const NamedTensors& tensors) {
    const std::string path = dir_.Path("w" + GetParam());
    Status saved = Save(path, tensors);
    EXPECT_TRUE(saved.ok()) << saved.ToString();
    return OpenWeights(*model_, path);
  }

  void ExpectTaken(const NamedTensors& tensors) {
    auto reader = Open(tensors);
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    ASSERT_EQ((*reader)->names().size(), weights_.size());
    for (const auto& [name, value] : weights_) {
      auto read = (*reader)->Read(name);
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      EXPECT_TRUE(BitEqual(*read, value)) << name;
    }
  }

  TempDir dir_;
  std::unique_ptr<ModelSource> model_;
  NamedTensors weights_;
};

INSTANTIATE_TEST_SUITE_P(Formats, WeightFile, testing::Values(".safetensors", ".npz"));

TEST_P(WeightFile, GivesTheValuesUnderTheModelsNames) { ExpectTaken(weights_); }

TEST_P(WeightFile, TakesNamesWithAPort) {
  NamedTensors tensors = weights_;
  for (size_t i = 0; i < tensors.size(); i += 2) tensors[i].first += ":0";
  ExpectTaken(tensors);
}

TEST_P(WeightFile, APartIsAPart) {
  auto reader = Open({weights_[3], weights_[1]});
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ((*reader)->names().size(), 2u);
  const Status missing = (*reader)->Read(weights_[0].first).status();
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(weights_[0].first));
}

TEST_P(WeightFile, LeavesNaNAlone) {
  NamedTensors tensors = weights_;
  Tensor odd = *Tensor::Copy(DType::kF32, weights_[0].second.shape(), weights_[0].second.bytes());
  auto bits = static_cast<uint32_t*>(odd.mutable_data());
  bits[0] = 0x7fa12345;  // a signalling NaN
  bits[1] = 0xff800000;  // -infinity
  tensors[0].second = odd;
  auto reader = Open(tensors);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(BitEqual(*(*reader)->Read(tensors[0].first), odd));
}

TEST_P(WeightFile, ListsEveryTensorThatDoesNotFit) {
  NamedTensors tensors = weights_;
  ASSERT_EQ(tensors.size(), 8u);
  tensors[0].second = *Tensor::Allocate(DType::kF64, tensors[0].second.shape());
  tensors[1].second = *tensors[1].second.Reshaped({1, tensors[1].second.count()});
  tensors[2].first = "typo/" + tensors[2].first;
  tensors.emplace_back(tensors[3].first + ":0", tensors[3].second);
  auto reader = Open(tensors);
  ASSERT_EQ(reader.status().code(), Code::kInvalidArgument);
  const std::string text(reader.status().message());
  EXPECT_THAT(text, HasSubstr("w" + GetParam() + " does not fit the model, 5 problems:"));
  EXPECT_THAT(text, HasSubstr("'" + weights_[0].first + "': expected float32"));
  EXPECT_THAT(text, HasSubstr(", got float64"));
  EXPECT_THAT(text, HasSubstr("'" + weights_[1].first + "': expected float32"));
  EXPECT_THAT(text, HasSubstr("'typo/" + weights_[2].first + "': the model has no such weight"));
  EXPECT_THAT(text, HasSubstr("'" + weights_[2].first + "': missing"));
  EXPECT_THAT(text, HasSubstr("a second tensor for weight '" + weights_[3].first + "'"));
}

TEST_P(WeightFile, MayHoldTheOptimizersSlots) {
  const std::string folder = std::string(MS_TEST_DATA) + "/digits/with_slots";
  model_ = *OpenModel(folder);
  NamedTensors tensors = weights_;
  size_t slots = 0;
  for (const WeightInfo& info : model_->weights()) {
    if (info.use != WeightUse::kOptimizer) continue;
    ++slots;
    tensors.emplace_back(info.name, Tensor::Scalar<int8_t>(DType::kI8, 1));  // never looked at
  }
  ASSERT_GT(slots, 0u);
  ExpectTaken(tensors);
}

// Parts of a partitioned variable share a name in checkpoints, which stands for none of them.
TEST_P(WeightFile, TakesPartsOfAPartitionedVariable) {
  const std::string folder = std::string(MS_TEST_DATA) + "/tf/ops/partitioned/model.ckpt";
  model_ = *OpenModel(folder);
  auto own = model_->OpenWeights(folder);
  weights_.clear();
  for (const std::string& name : (*own)->names()) {
    weights_.emplace_back(name, *(*own)->Read(name));
  }
  ExpectTaken(weights_);
}

TEST_P(WeightFile, TakesTheNamesOfCheckpoints) {
  model_ = *OpenModel(std::string(MS_TEST_DATA) + "/tf/ops/moving_average/model.ckpt");
  weights_.clear();
  NamedTensors tensors;
  size_t renamed = 0;
  for (const WeightInfo& info : model_->weights()) {
    if (info.use == WeightUse::kOptimizer || info.checkpoint_key.empty()) continue;
    auto value = model_->ReadWeight(info.name);
    if (!value.ok()) continue;
    weights_.emplace_back(info.name, *value);
    tensors.emplace_back(info.checkpoint_key, *value);
    renamed += info.checkpoint_key != info.name;
  }
  ASSERT_EQ(renamed, 2u);
  ExpectTaken(tensors);
  // With both there, each is what it is called.
  for (const auto& [name, value] : weights_) tensors.emplace_back(name, value);
  auto reader = Open(tensors);
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ((*reader)->names().size(), 4u);
}

TEST(WeightFiles, OtherPathsGoToTheModelsFormat) {
  auto model = OpenModel(kDigits + "4000");
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(OpenWeights(**model, kDigits + "100").ok());
  EXPECT_FALSE(OpenWeights(**model, kDigits + "101").ok());
  EXPECT_EQ(OpenWeights(**model, "/no/such.safetensors").status().code(), Code::kNotFound);
  EXPECT_EQ(OpenWeights(**model, "/no/such.npz").status().code(), Code::kNotFound);
}

TEST(NpzFile, ReadsOneArrayAtATime) {
  auto file = OpenTensorFile(std::string(MS_TEST_DATA) + "/digits/expected_4000.npz");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ((*file)->tensors().size(), 2u);
  EXPECT_EQ((*file)->tensors()[0].name, "fc2/add:0");
  EXPECT_EQ((*file)->tensors()[0].shape, Shape({64, 10}));
  auto labels = (*file)->Read(1);
  ASSERT_TRUE(labels.ok()) << labels.status().ToString();
  EXPECT_EQ(labels->dtype(), DType::kI64);
}

TEST(NpzFile, AnArchiveThatIsWrittenToMeanwhileIsReported) {
  TempDir dir;
  const Tensor value = Tensor::Scalar<float>(DType::kF32, 1);
  ASSERT_TRUE(WriteNpz(dir.Path("a.npz"), {{"x", value}}).ok());
  auto file = OpenTensorFile(dir.Path("a.npz"));
  ASSERT_TRUE(file.ok());
  dir.Write("a.npz", dir.Read("a.npz") + "more");
  EXPECT_THAT(std::string((*file)->Read(0).status().message()), HasSubstr("was written to while"));
}

}  // namespace
}  // namespace midstream::formats

// The C API of updates and versions: what it converts, hands over and refuses.
#include <dlpack/dlpack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "midstream/midstream.h"

namespace midstream {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBias = "fc2/Variable_1:0";  // float32[10]

class CApiUpdateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* overrides[] = {"backend=reference"};
    const std::string path = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-4000";
    ASSERT_EQ(midstream_engine_open(nullptr, overrides, 1, &engine_, &error_), MIDSTREAM_OK);
    ASSERT_EQ(midstream_model_load(engine_, path.c_str(), nullptr, &model_, &error_), MIDSTREAM_OK)
        << error_.message;
    ASSERT_EQ(midstream_update_begin(model_, &update_, &error_), MIDSTREAM_OK);
  }
  void TearDown() override {
    midstream_update_release(update_);
    midstream_model_release(model_);
    midstream_engine_release(engine_);
  }
  static midstream_tensor Bias(const std::vector<float>& values, const int64_t* shape) {
    return {kBias, shape, values.data(), values.size() * sizeof(float), 1, MIDSTREAM_FLOAT32};
  }
  std::vector<float> Read(const midstream_pin* pin = nullptr) {
    std::vector<float> values(10);
    EXPECT_EQ(midstream_model_read_weight(model_, kBias, pin, values.data(), 40, &error_),
              MIDSTREAM_OK)
        << error_.message;
    return values;
  }

  const int64_t ten_[1] = {10};
  midstream_engine* engine_ = nullptr;
  midstream_model* model_ = nullptr;
  midstream_update* update_ = nullptr;
  midstream_error error_{};
};

TEST_F(CApiUpdateTest, AdoptsMemoryAndLetsItGo) {
  const std::vector<float> values(10, 3);
  const midstream_tensor bias = Bias(values, ten_);
  int released = 0;
  const auto release = [](void* user) { ++*static_cast<int*>(user); };
  ASSERT_EQ(midstream_update_adopt(update_, &bias, release, &released, &error_), MIDSTREAM_OK);
  uint64_t version = 0;
  ASSERT_EQ(midstream_update_commit(update_, &version, &error_), MIDSTREAM_OK) << error_.message;
  EXPECT_EQ(version, 2u);
  EXPECT_EQ(Read(), values);
  EXPECT_EQ(released, 0);
  ASSERT_EQ(midstream_model_unload(model_, &error_), MIDSTREAM_OK);
  EXPECT_EQ(released, 1);
}

TEST_F(CApiUpdateTest, AdoptsTensorsOfDLPack) {
  struct Managed {
    std::vector<float> values = std::vector<float>(10, 5);
    int64_t shape[1] = {10};
    int64_t strides[1] = {1};
    bool deleted = false;
    DLManagedTensor tensor{};
  } managed;
  managed.tensor.dl_tensor = {managed.values.data(), {kDLCPU, 0},     1, {kDLFloat, 32, 1},
                              managed.shape,         managed.strides, 0};
  managed.tensor.manager_ctx = &managed;
  managed.tensor.deleter = [](DLManagedTensor* self) {
    static_cast<Managed*>(self->manager_ctx)->deleted = true;
  };
  const auto adopt = [&] {
    return midstream_update_adopt_dlpack(update_, kBias, &managed.tensor, &error_);
  };
  managed.strides[0] = 2;
  EXPECT_EQ(adopt(), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_THAT(error_.message, HasSubstr("not contiguous"));
  managed.strides[0] = 1;
  managed.tensor.dl_tensor.device.device_type = kDLCUDA;
  EXPECT_EQ(adopt(), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_THAT(error_.message, HasSubstr("host memory"));
  managed.tensor.dl_tensor.device.device_type = kDLCPU;
  managed.tensor.dl_tensor.dtype.lanes = 4;
  EXPECT_EQ(adopt(), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_THAT(error_.message, HasSubstr("4 lanes"));
  managed.tensor.dl_tensor.dtype.lanes = 1;
  EXPECT_FALSE(managed.deleted);
  ASSERT_EQ(adopt(), MIDSTREAM_OK) << error_.message;
  ASSERT_EQ(midstream_update_commit(update_, nullptr, &error_), MIDSTREAM_OK) << error_.message;
  EXPECT_EQ(Read(), managed.values);
  EXPECT_FALSE(managed.deleted);
  ASSERT_EQ(midstream_model_unload(model_, &error_), MIDSTREAM_OK);
  EXPECT_TRUE(managed.deleted);
}

TEST_F(CApiUpdateTest, StagesPinsAndRollsBack) {
  const std::vector<float> before = Read();
  midstream_pin* first = nullptr;
  ASSERT_EQ(midstream_model_pin(model_, 0, &first, &error_), MIDSTREAM_OK);
  EXPECT_EQ(midstream_pin_version(first), 1u);
  char digest[65], again[65];
  ASSERT_EQ(midstream_model_digest(model_, first, digest, &error_), MIDSTREAM_OK);

  const float two[2] = {7, 8};
  const int64_t shape[1] = {2};
  const midstream_tensor rows = {kBias, shape, two, sizeof two, 1, MIDSTREAM_FLOAT32};
  ASSERT_EQ(midstream_update_assign_rows(update_, &rows, 8, &error_), MIDSTREAM_OK);
  ASSERT_EQ(midstream_update_stage(update_, &error_), MIDSTREAM_OK) << error_.message;
  EXPECT_EQ(midstream_model_version(model_), 1u);
  ASSERT_EQ(midstream_update_commit(update_, nullptr, &error_), MIDSTREAM_OK);
  EXPECT_EQ(midstream_model_version(model_), 2u);
  EXPECT_EQ(Read()[7], before[7]);
  EXPECT_EQ(Read()[8], 7);
  EXPECT_EQ(Read(first), before);
  ASSERT_EQ(midstream_model_digest(model_, nullptr, again, &error_), MIDSTREAM_OK);
  EXPECT_STRNE(digest, again);

  ASSERT_EQ(midstream_model_rollback(model_, 1, &error_), MIDSTREAM_OK) << error_.message;
  EXPECT_EQ(Read(), before);
  ASSERT_EQ(midstream_model_digest(model_, nullptr, again, &error_), MIDSTREAM_OK);
  EXPECT_STREQ(digest, again);
  EXPECT_EQ(midstream_model_rollback(model_, 9, &error_), MIDSTREAM_NOT_FOUND);
  midstream_pin_release(first);
}

TEST_F(CApiUpdateTest, APinMayOutliveEverythingElse) {
  midstream_pin* pin = nullptr;
  ASSERT_EQ(midstream_model_pin(model_, 0, &pin, &error_), MIDSTREAM_OK);
  midstream_update_release(std::exchange(update_, nullptr));
  midstream_model_release(std::exchange(model_, nullptr));
  midstream_engine_release(std::exchange(engine_, nullptr));
  EXPECT_EQ(midstream_pin_version(pin), 1u);
  midstream_pin_release(pin);
}

TEST_F(CApiUpdateTest, TakesOptionsBeforeTheFirstValue) {
  ASSERT_EQ(midstream_update_option(update_, "base", "9", &error_), MIDSTREAM_OK);
  EXPECT_EQ(midstream_update_option(update_, "chek", "exact", &error_), MIDSTREAM_INVALID_ARGUMENT);
  const std::vector<float> values(10, 3);
  const midstream_tensor bias = Bias(values, ten_);
  ASSERT_EQ(midstream_update_assign(update_, &bias, &error_), MIDSTREAM_OK);
  EXPECT_EQ(midstream_update_option(update_, "base", "1", &error_), MIDSTREAM_FAILED_PRECONDITION);
  EXPECT_EQ(midstream_update_commit(update_, nullptr, &error_), MIDSTREAM_ABORTED);
  EXPECT_THAT(error_.message, HasSubstr("version 1 is current"));
  ASSERT_EQ(midstream_update_option(update_, "base", "1", &error_), MIDSTREAM_OK);
  ASSERT_EQ(midstream_update_assign(update_, &bias, &error_), MIDSTREAM_OK);
  EXPECT_EQ(midstream_update_commit(update_, nullptr, &error_), MIDSTREAM_OK) << error_.message;
  EXPECT_EQ(midstream_update_commit(update_, nullptr, &error_), MIDSTREAM_FAILED_PRECONDITION);
}

TEST_F(CApiUpdateTest, CommitsTogetherAndTellsFigures) {
  const std::vector<float> values(10, 3);
  const midstream_tensor bias = Bias(values, ten_);
  ASSERT_EQ(midstream_update_assign(update_, &bias, &error_), MIDSTREAM_OK);
  uint64_t version = 0;
  ASSERT_EQ(midstream_updates_commit(&update_, 1, &version, &error_), MIDSTREAM_OK);
  EXPECT_EQ(version, 2u);
  midstream_pin* pin = nullptr;
  ASSERT_EQ(midstream_models_pin(&model_, 1, &pin, &error_), MIDSTREAM_OK);
  EXPECT_EQ(midstream_pin_version(pin), 2u);
  midstream_pin_release(pin);
  size_t size = 0;
  EXPECT_EQ(midstream_model_stats(model_, nullptr, 0, &size, &error_),
            MIDSTREAM_RESOURCE_EXHAUSTED);
  std::string text(size + 100, '\0');  // its age grows
  ASSERT_EQ(midstream_model_stats(model_, text.data(), text.size(), &size, &error_), MIDSTREAM_OK);
  EXPECT_THAT(text, HasSubstr("\"commits\":1"));
}

}  // namespace
}  // namespace midstream

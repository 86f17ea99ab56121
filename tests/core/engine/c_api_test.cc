// The C API: what it converts and refuses. tests/e2e/c_program.c uses it from C, through the shared
// library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"
#include "core/graph/dtype.h"
#include "midstream/backend.h"
#include "midstream/midstream.h"
#include "tests/temporary_folder.h"

namespace midstream {
namespace {

using ::testing::HasSubstr;

static_assert(MIDSTREAM_OK == MS_OK && MIDSTREAM_INVALID_ARGUMENT == MS_INVALID_ARGUMENT &&
              MIDSTREAM_NOT_FOUND == MS_NOT_FOUND && MIDSTREAM_INTERNAL == MS_INTERNAL &&
              MIDSTREAM_DATA_LOSS == MS_DATA_LOSS &&
              MIDSTREAM_UNAUTHENTICATED == MS_UNAUTHENTICATED);
static_assert(MIDSTREAM_LOG_DEBUG == MS_LOG_DEBUG && MIDSTREAM_LOG_ERROR == MS_LOG_ERROR);

class CApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* overrides[] = {"backend=reference"};
    ASSERT_EQ(midstream_engine_open(nullptr, overrides, 1, &engine_, &error_), MIDSTREAM_OK)
        << error_.message;
    ASSERT_EQ(midstream_model_load(engine_, Digits("mnist_deep_model.ckpt-4000").c_str(), nullptr,
                                   &model_, &error_),
              MIDSTREAM_OK)
        << error_.message;
  }
  void TearDown() override {
    midstream_session_release(session_);
    midstream_model_release(model_);
    midstream_engine_release(engine_);
  }
  static std::string Digits(const std::string& name) {
    return std::string(MS_TEST_DATA) + "/digits/" + name;
  }
  void CreateSession(const char* output) {
    ASSERT_EQ(midstream_session_create(model_, nullptr, 0, &output, 1, &session_, &error_),
              MIDSTREAM_OK)
        << error_.message;
  }
  midstream_code Run(const midstream_tensor& input) {
    midstream_result* result = nullptr;
    const midstream_code code = midstream_session_run(session_, &input, 1, &result, &error_);
    EXPECT_EQ(result != nullptr, code == MIDSTREAM_OK);
    midstream_result_release(result);
    return code;
  }

  midstream_engine* engine_ = nullptr;
  midstream_model* model_ = nullptr;
  midstream_session* session_ = nullptr;
  midstream_error error_{};
};

TEST_F(CApiTest, ComputesWhatTensorFlowComputed) {
  CreateSession("accuracy/ArgMax");
  const Tensor images = *formats::ReadNpy(Digits("eval_images.npy"));
  // Anywhere in memory: one byte off every alignment.
  const int64_t shape[] = {8, 784};
  const size_t bytes = 8 * 784 * sizeof(float);
  std::vector<std::byte> shifted(bytes + 1);
  std::memcpy(shifted.data() + 1, images.data(), bytes);
  const midstream_tensor input = {"Placeholder:0", shape, shifted.data() + 1,
                                  bytes,           2,     MIDSTREAM_FLOAT32};
  midstream_result* result = nullptr;
  ASSERT_EQ(midstream_session_run(session_, &input, 1, &result, &error_), MIDSTREAM_OK)
      << error_.message;
  midstream_tensor output;
  ASSERT_EQ(midstream_result_tensor(result, 0, &output, &error_), MIDSTREAM_OK);
  EXPECT_EQ(output.dtype, MIDSTREAM_INT64);
  const Tensor expected = *formats::ReadNpzMember(Digits("expected_4000.npz"), "accuracy/ArgMax:0");
  EXPECT_EQ(std::memcmp(output.data, expected.data(), 8 * sizeof(int64_t)), 0);
  midstream_result_release(result);
}

TEST_F(CApiTest, NamesEveryDTypeAsDlpackDoes) {
  const std::pair<midstream_dtype, DType> names[] = {
      {MIDSTREAM_INT8, DType::kI8},     {MIDSTREAM_INT16, DType::kI16},
      {MIDSTREAM_INT32, DType::kI32},   {MIDSTREAM_INT64, DType::kI64},
      {MIDSTREAM_UINT8, DType::kU8},    {MIDSTREAM_UINT16, DType::kU16},
      {MIDSTREAM_UINT32, DType::kU32},  {MIDSTREAM_UINT64, DType::kU64},
      {MIDSTREAM_FLOAT16, DType::kF16}, {MIDSTREAM_FLOAT32, DType::kF32},
      {MIDSTREAM_FLOAT64, DType::kF64}, {MIDSTREAM_BFLOAT16, DType::kBF16},
      {MIDSTREAM_BOOL, DType::kBool}};
  for (const auto& [name, dtype] : names) {
    const ms_dtype abi = ToAbi(dtype);
    EXPECT_EQ(name, abi.code << 8 | abi.bits) << DTypeName(dtype);
  }
}

TEST_F(CApiTest, RefusesATensorThatIsNone) {
  CreateSession("fc2/add");
  const std::vector<float> pixels(784);
  const int64_t shape[] = {1, 784};
  const midstream_tensor good = {"Placeholder",       shape, pixels.data(),
                                 784 * sizeof(float), 2,     MIDSTREAM_FLOAT32};
  EXPECT_EQ(Run(good), MIDSTREAM_OK);

  midstream_tensor bad = good;
  bad.byte_size -= 4;
  EXPECT_EQ(Run(bad), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_THAT(error_.message, HasSubstr("byte_size is 3132"));
  bad = good;
  bad.dtype = 0x0221;
  EXPECT_EQ(Run(bad), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_THAT(error_.message, HasSubstr("Placeholder"));
  bad = good;
  bad.data = nullptr;
  EXPECT_EQ(Run(bad), MIDSTREAM_INVALID_ARGUMENT);
  bad = good;
  bad.shape = nullptr;
  EXPECT_EQ(Run(bad), MIDSTREAM_INVALID_ARGUMENT);
  bad = good;
  bad.name = nullptr;
  EXPECT_EQ(Run(bad), MIDSTREAM_INVALID_ARGUMENT);
  const int64_t negative[] = {-1, 784};
  bad = good;
  bad.shape = negative;
  EXPECT_EQ(Run(bad), MIDSTREAM_INVALID_ARGUMENT);
}

TEST_F(CApiTest, DeclaresUnknownRanksAndDimensions) {
  CreateSession("fc2/add");
  midstream_spec spec;
  ASSERT_EQ(midstream_session_input(session_, 0, &spec, nullptr), MIDSTREAM_OK);
  EXPECT_STREQ(spec.name, "Placeholder");
  EXPECT_EQ(spec.shape[0], -1);
  EXPECT_EQ(midstream_session_input(session_, 1, &spec, &error_), MIDSTREAM_OUT_OF_RANGE);
  EXPECT_EQ(midstream_session_input(session_, 0, nullptr, &error_), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_EQ(midstream_model_weight(model_, 8, &spec, &error_), MIDSTREAM_OUT_OF_RANGE);
}

TEST_F(CApiTest, ReportsEveryProblemOfAnUpdate) {
  midstream_update* update = nullptr;
  ASSERT_EQ(midstream_update_begin(model_, &update, &error_), MIDSTREAM_OK);
  const int32_t value = 1;
  for (const char* name : {"no/weight", "fc2/Variable_1"}) {
    const midstream_tensor tensor = {name, nullptr, &value, sizeof(value), 0, MIDSTREAM_INT32};
    EXPECT_EQ(midstream_update_assign(update, &tensor, &error_), MIDSTREAM_OK);
  }
  EXPECT_EQ(midstream_update_commit(update, nullptr, &error_), MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_THAT(error_.message, HasSubstr("no/weight"));
  EXPECT_THAT(error_.message, HasSubstr("fc2/Variable_1"));
  EXPECT_EQ(midstream_model_version(model_), 1u);
  midstream_update_release(update);
}

TEST(CApi, CutsMessagesThatDoNotFit) {
  midstream_engine* engine = nullptr;
  const std::string path(3000, 'x');
  midstream_error error;
  EXPECT_NE(midstream_engine_open(path.c_str(), nullptr, 0, &engine, &error), MIDSTREAM_OK);
  EXPECT_EQ(std::strlen(error.message), sizeof(error.message) - 1);
  EXPECT_EQ(midstream_engine_open(path.c_str(), nullptr, 0, nullptr, nullptr),
            MIDSTREAM_INVALID_ARGUMENT);
}

TEST(CApi, NamesCodesAndHandsOutLogMessages) {
  EXPECT_STREQ(midstream_code_name(MIDSTREAM_DATA_LOSS), "DATA_LOSS");
  EXPECT_STREQ(midstream_code_name(99), "UNKNOWN");
  std::string text;
  midstream_set_log(
      [](void* user, int32_t level, const char* line) {
        *static_cast<std::string*>(user) += std::to_string(level) + " " + line;
      },
      &text, MIDSTREAM_LOG_WARNING);
  Log(LogLevel::kInfo, "dropped");
  Log(LogLevel::kError, "kept");
  midstream_set_log(nullptr, nullptr, 0);
  Log(LogLevel::kError, "dropped");
  EXPECT_EQ(text, "3 kept");
}

TEST_F(CApiTest, BindsPlaceholdersToCopiesOfValues) {
  const char* output = "dropout/sub";  // 1 - keep_prob
  float keep = 0.25F;
  midstream_tensor bound = {"dropout/Placeholder:0", nullptr, &keep, sizeof(keep), 0,
                            MIDSTREAM_FLOAT32};
  ASSERT_EQ(
      midstream_session_create_bound(model_, nullptr, 0, &output, 1, &bound, 1, &session_, &error_),
      MIDSTREAM_OK)
      << error_.message;
  keep = 0.5F;
  EXPECT_EQ(midstream_session_input_count(session_), 0U);
  midstream_result* result = nullptr;
  ASSERT_EQ(midstream_session_run(session_, nullptr, 0, &result, &error_), MIDSTREAM_OK)
      << error_.message;
  midstream_tensor value;
  ASSERT_EQ(midstream_result_tensor(result, 0, &value, &error_), MIDSTREAM_OK);
  EXPECT_EQ(*static_cast<const float*>(value.data), 0.75F);
  midstream_result_release(result);

  midstream_session* refused = nullptr;
  bound.name = "no/such";
  EXPECT_EQ(
      midstream_session_create_bound(model_, nullptr, 0, &output, 1, &bound, 1, &refused, &error_),
      MIDSTREAM_NOT_FOUND);
  EXPECT_THAT(error_.message, HasSubstr("no/such"));
  bound.byte_size = 3;
  EXPECT_EQ(
      midstream_session_create_bound(model_, nullptr, 0, &output, 1, &bound, 1, &refused, &error_),
      MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_EQ(
      midstream_session_create_bound(model_, nullptr, 0, &output, 1, nullptr, 1, &refused, &error_),
      MIDSTREAM_INVALID_ARGUMENT);
  EXPECT_EQ(refused, nullptr);
}

TEST_F(CApiTest, TellsTheCountersOfTheProcess) {
  CreateSession("fc2/add");  // compiles
  size_t size = 0;
  EXPECT_EQ(midstream_engine_stats(nullptr, 0, &size, &error_), MIDSTREAM_RESOURCE_EXHAUSTED);
  std::string text(size, ' ');
  ASSERT_EQ(midstream_engine_stats(text.data(), text.size(), &size, &error_), MIDSTREAM_OK);
  text.pop_back();
  const auto counters = nlohmann::json::parse(text);
  EXPECT_GT(counters.at("compiles"), 0);
  EXPECT_TRUE(counters.contains("system_allocations") && counters.contains("backend_bytes"));
}

TEST_F(CApiTest, WatchesAFolder) {
  const TemporaryFolder temporary;
  const std::string& folder = temporary.path();
  std::ofstream(folder + "/a.npz") << "no archive";
  struct Seen {
    std::promise<std::string> message;
    midstream_code code = MIDSTREAM_OK;
  } seen;
  const auto callback = [](void* user, const midstream_source_event* event) {
    auto* to = static_cast<Seen*>(user);
    to->code = event->code;
    to->message.set_value(std::string(event->source) + " " + event->message);
  };
  midstream_source* source = nullptr;
  ASSERT_EQ(midstream_model_watch(model_, folder.c_str(), 1, callback, &seen, &source, &error_),
            MIDSTREAM_OK)
      << error_.message;
  EXPECT_THAT(seen.message.get_future().get(), HasSubstr("/a.npz"));
  EXPECT_EQ(seen.code, MIDSTREAM_DATA_LOSS);
  midstream_source_release(source);
  EXPECT_EQ(midstream_model_version(model_), 1u);

  const std::string none = folder + "/none";
  EXPECT_EQ(midstream_model_watch(model_, none.c_str(), -1, nullptr, nullptr, &source, &error_),
            MIDSTREAM_NOT_FOUND);
  EXPECT_EQ(source, nullptr);
  EXPECT_EQ(midstream_model_watch(model_, nullptr, -1, nullptr, nullptr, &source, &error_),
            MIDSTREAM_INVALID_ARGUMENT);
}

TEST_F(CApiTest, ListensOnASocket) {
  const TemporaryFolder temporary;
  const std::string& folder = temporary.path();
  const std::string socket = folder + "/push.sock";
  midstream_source* source = nullptr;
  midstream_source* second = nullptr;
  ASSERT_EQ(midstream_model_listen(model_, socket.c_str(), nullptr, nullptr, &source, &error_),
            MIDSTREAM_OK)
      << error_.message;
  EXPECT_TRUE(std::filesystem::is_socket(socket));
  EXPECT_EQ(midstream_model_listen(model_, socket.c_str(), nullptr, nullptr, &second, &error_),
            MIDSTREAM_ALREADY_EXISTS);
  EXPECT_EQ(second, nullptr);
  EXPECT_THAT(error_.message, HasSubstr(socket));
  midstream_source_release(source);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(midstream_model_listen(model_, nullptr, nullptr, nullptr, &source, &error_),
            MIDSTREAM_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace midstream

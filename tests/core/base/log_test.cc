#include "core/base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "midstream/backend.h"

namespace midstream {
namespace {

class LogHook : public testing::Test {
 protected:
  void TearDown() override { SetLogSink(nullptr); }

  void Collect(LogLevel minimum) {
    SetLogSink(
        [this](LogLevel level, std::string_view text) {
          lines_.push_back(std::string(LogLevelName(level)) + ": " + std::string(text));
        },
        minimum);
  }

  std::vector<std::string> lines_;
};

TEST_F(LogHook, IsSilentWithoutASink) {
  EXPECT_FALSE(LogEnabled(LogLevel::kError));
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Log(LogLevel::kError, "nobody listens");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(LogHook, DropsMessagesBelowTheMinimum) {
  Collect(LogLevel::kWarning);
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    Log(level, "text");
  }
  EXPECT_EQ(lines_, (std::vector<std::string>{"warning: text", "error: text"}));
  EXPECT_TRUE(LogEnabled(LogLevel::kWarning));
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
}

TEST_F(LogHook, ReplacesTheSink) {
  Collect(LogLevel::kDebug);
  std::string other;
  SetLogSink([&](LogLevel, std::string_view text) { other = text; }, LogLevel::kDebug);
  Log(LogLevel::kDebug, "second");
  EXPECT_TRUE(lines_.empty());
  EXPECT_EQ(other, "second");
}

TEST_F(LogHook, HasTheLevelsOfTheAbi) {
  EXPECT_EQ(static_cast<int>(LogLevel::kDebug), MS_LOG_DEBUG);
  EXPECT_EQ(static_cast<int>(LogLevel::kInfo), MS_LOG_INFO);
  EXPECT_EQ(static_cast<int>(LogLevel::kWarning), MS_LOG_WARNING);
  EXPECT_EQ(static_cast<int>(LogLevel::kError), MS_LOG_ERROR);
}

}  // namespace
}  // namespace midstream

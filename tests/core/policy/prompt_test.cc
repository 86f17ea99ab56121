#include "core/policy/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using ::testing::ElementsAre;

// "pi05/200": the format and the length.
std::pair<PromptFormat, int64_t> ParseFormat(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string name = text.substr(0, slash);
  const PromptFormat format = name == "pi0"    ? PromptFormat::kInstruction
                              : name == "pi05" ? PromptFormat::kWithState
                                               : PromptFormat::kFast;
  return {format, std::stoll(text.substr(slash + 1))};
}

TEST(Prompt, IsTokenisedAsRecorded) {
  const Tokenizer tokenizer = TinyTokenizer();
  const auto golden = ReadJson(OwnFile("prompts.json"));
  ASSERT_EQ(golden["rows"].size(), 58u);
  for (const auto& row : golden["rows"]) {
    const auto [format, length] = ParseFormat(row["format"]);
    std::vector<double> state;
    if (!row["state"].is_null()) state = row["state"].get<std::vector<double>>();
    const auto prompt =
        TokenisePrompt(tokenizer, format, row["prompt"].get<std::string>(), state, length);
    ASSERT_TRUE(prompt.ok()) << prompt.status().message();
    EXPECT_EQ(prompt->tokens, row["tokens"].get<std::vector<int32_t>>()) << row["prompt"];
    EXPECT_EQ(std::count(prompt->mask.begin(), prompt->mask.end(), true), row["valid"].get<int>());
    EXPECT_EQ(prompt->mask.size(), prompt->tokens.size());
    EXPECT_TRUE(std::is_sorted(prompt->mask.rbegin(), prompt->mask.rend())) << row["prompt"];
  }
}

TEST(Prompt, TellsHowMuchIsCutOff) {
  const Tokenizer tokenizer = TinyTokenizer();
  const auto whole =
      TokenisePrompt(tokenizer, PromptFormat::kInstruction, "fold the towel", {}, 48);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->cut, 0);
  const auto valid = std::count(whole->mask.begin(), whole->mask.end(), true);
  const auto cut = TokenisePrompt(tokenizer, PromptFormat::kInstruction, "fold the towel", {}, 3);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->cut, valid - 3);
  EXPECT_THAT(cut->mask, ElementsAre(true, true, true));
}

TEST(Prompt, RefusesWhatIsNoText) {
  const auto prompt =
      TokenisePrompt(TinyTokenizer(), PromptFormat::kFast, "a\xff", std::vector<double>{0}, 8);
  EXPECT_EQ(prompt.status().code(), Code::kInvalidArgument);
}

TEST(Prompt, DiscretisesAsRecorded) {
  const auto golden = ReadJson(OwnFile("prompts.json"));
  std::vector<double> values;
  for (const auto& text : golden["digitize"]["values"]) {
    values.push_back(std::stod(text.get<std::string>()));
  }
  EXPECT_EQ(Discretise(values), golden["digitize"]["bins"].get<std::vector<int>>());
}

TEST(Prompt, DiscretisesDenselyAsRecorded) {
  const auto golden = ReadJson(OwnFile("prompts.json"));
  const auto range = golden["digitize_dense_range"];
  const double first = range[0];
  const double last = range[1];
  const int count = range[2];
  // numpy's linspace, in double and rounded to float.
  const double step = (last - first) / (count - 1);
  std::vector<double> doubles;
  std::vector<double> floats;
  for (int i = 0; i < count; ++i) {
    doubles.push_back(i == count - 1 ? last : i * step + first);
    floats.push_back(static_cast<float>(doubles.back()));
  }
  EXPECT_EQ(Discretise(doubles), golden["digitize_dense_f64"].get<std::vector<int>>());
  EXPECT_EQ(Discretise(floats), golden["digitize_dense_f32"].get<std::vector<int>>());
}

TEST(Prompt, DiscretisesWhatIsNoNumber) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {std::numeric_limits<double>::quiet_NaN(), kInfinity,
                                      -kInfinity, std::nextafter(0.0078125, 0.0), 0.0078125};
  EXPECT_THAT(Discretise(values), ElementsAre(255, 255, -1, 128, 129));
}

}  // namespace
}  // namespace midstream::policy

// FAST's tokens to actions: what the packages of its processor decode, and files that are none.
#include "core/policy/fast_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/policy/text.h"
#include "tests/core/policy/openpi_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::policy {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

FastTokenizer Fast() {
  Result<FastTokenizer> fast = FastTokenizer::Open(OwnFile("fast"));
  EXPECT_TRUE(fast.ok()) << fast.status().message();
  return *std::move(fast);
}

void ExpectActions(const Result<Tensor>& actions, const Json& wanted) {
  ASSERT_TRUE(actions.ok()) << actions.status().message();
  const auto rows = static_cast<int64_t>(wanted.size());
  const auto columns = static_cast<int64_t>(wanted[0].size());
  ASSERT_EQ(actions->shape(), Shape({rows, columns}));
  size_t at = 0;
  for (const Json& row : wanted) {
    for (const Json& value : row) {
      EXPECT_NEAR(actions->as<double>()[at++], value.get<double>(), 1e-10);
    }
  }
}

TEST(FastTokenizer, DecodesItsOwnTokens) {
  const Json recorded = ReadJson(OwnFile("fast.json"));
  const FastTokenizer fast = Fast();
  ASSERT_EQ(recorded["decoded"].size(), 12u);
  for (const Json& chunk : recorded["decoded"]) {
    ExpectActions(fast.Decode(chunk["ids"].get<std::vector<int64_t>>(), recorded["horizon"],
                              recorded["action_dim"]),
                  chunk["actions"]);
  }
}

TEST(FastTokenizer, ReadsAnswersOfAModel) {
  const Json recorded = ReadJson(OwnFile("fast.json"));
  const FastTokenizer fast = Fast();
  const Tokenizer prompts = TinyTokenizer();
  size_t refused = 0;
  for (const Json& answer : recorded["answers"]) {
    const auto actions = fast.Actions(prompts, answer["tokens"].get<std::vector<int32_t>>(),
                                      recorded["horizon"], recorded["action_dim"]);
    if (!answer["actions"].is_null()) {
      ExpectActions(actions, answer["actions"]);
      continue;
    }
    ++refused;
    EXPECT_EQ(actions.status().code(), Code::kOutOfRange) << actions.status().message();
  }
  EXPECT_EQ(refused, 7u);
  EXPECT_EQ(recorded["answers"].size(), 19u);
}

TEST(FastTokenizer, TellsWhyAnAnswerIsNone) {
  const FastTokenizer fast = Fast();
  const Tokenizer prompts = TinyTokenizer();
  const auto refusal = [&](std::string_view answer) {
    return std::string(fast.Actions(prompts, *prompts.Encode(answer), 6, 3).status().message());
  };
  EXPECT_THAT(refusal("pick up"), HasSubstr("answer 'pick up' holds no actions"));
  EXPECT_THAT(refusal("Action: |"), HasSubstr("has 0 coefficients, expected 18 for [6,3]"));
  EXPECT_THAT(std::string(fast.Decode(std::vector<int64_t>{-1}, 1, 1).status().message()),
              HasSubstr("stands for no action"));
}

// Only what is between "Action: " and the next "|" counts, and no second "Action: ".
TEST(FastTokenizer, TakesTheFirstActions) {
  const Json recorded = ReadJson(OwnFile("fast.json"));
  const FastTokenizer fast = Fast();
  const Tokenizer prompts = TinyTokenizer();
  const Json& answer = recorded["answers"][0];
  ASSERT_FALSE(answer["actions"].is_null());
  const std::string text = *prompts.Decode(answer["tokens"].get<std::vector<int32_t>>());
  const std::string body(
      Strip(text.substr(0, text.find('|')).substr(std::string("Action: ").size())));
  for (const std::string& written :
       {"go Action: " + body + "| and Action: x|", "Action:   " + body + " ", "Action: " + body,
        "Action: " + body + "Action: " + body + "|"}) {
    ExpectActions(fast.Actions(prompts, *prompts.Encode(written), 6, 3), answer["actions"]);
  }
}

std::string With(const std::string& text, const std::string& key, const Json& value) {
  Json json = Json::parse(text);
  json[Json::json_pointer(key)] = value;
  return json.dump();
}

TEST(FastTokenizer, NamesWhatIsWrongWithItsFiles) {
  const std::string config = "processor_config.json";
  const std::string tokenizer = "tokenizer.json";
  const auto read = [](const std::string& name) {
    std::ifstream file(OwnFile("fast/" + name));
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string c = read(config);
  const std::string t = read(tokenizer);
  const struct {
    std::string file;
    std::string text;
    const char* told;
  } cases[] = {
      {config, "{", "processor_config.json: is no JSON object"},
      {config, "[1]", "is no JSON object"},
      {config, "{\"scale\": 10}", "'min_token' is missing"},
      {config, With(c, "/scale", 0), "'scale': expected a number above 0"},
      {config, With(c, "/scale", "10"), "'scale': expected a number above 0"},
      {config, With(c, "/min_token", 1.5), "'min_token': expected a whole number from"},
      {config, With(c, "/min_token", UINT64_MAX), "'min_token': expected a whole number from"},
      {config, With(c, "/time_horizon", -1), "'time_horizon': expected a whole number from 1"},
      {config, With(c, "/vocab_size", 7), "'vocab_size' is 7, and tokenizer.json has"},
      {tokenizer, "", "tokenizer.json: is malformed JSON"},
      {tokenizer, std::string(1000, '['), "is malformed JSON"},
      {tokenizer, "7", "'model' is BPE"},
      {tokenizer, With(t, "/model/type", "Unigram"), "'model' is BPE"},
      {tokenizer, With(t, "/model/vocab", Json::object()), "'model' is BPE with a 'vocab'"},
      {tokenizer, With(t, "/decoder", nullptr), "'decoder' of the type ByteLevel"},
      {tokenizer, With(t, "/model/vocab/new", 1), "two tokens have the id 1"},
      {tokenizer, With(t, "/model/vocab/new", -1), "'new' is no whole number from 0"},
      {tokenizer, With(t, "/model/vocab/new", UINT64_MAX), "'new' is no whole number from 0"},
      {tokenizer, With(t, "/model/vocab/new", "1"), "'new' is no whole number from 0"},
  };
  for (const auto& bad : cases) {
    TemporaryFolder folder;
    std::ofstream(folder.path() + "/" + config) << c;
    std::ofstream(folder.path() + "/" + tokenizer) << t;
    ASSERT_TRUE(FastTokenizer::Open(folder.path()).ok());
    std::ofstream(folder.path() + "/" + bad.file) << bad.text;
    const Status status = FastTokenizer::Open(folder.path()).status();
    EXPECT_EQ(status.code(), Code::kDataLoss) << bad.told;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad.told));
    EXPECT_THAT(std::string(status.message()), HasSubstr(folder.path() + "/" + bad.file));
    std::filesystem::remove(folder.path() + "/" + bad.file);
    EXPECT_EQ(FastTokenizer::Open(folder.path()).status().code(), Code::kNotFound);
  }
}

// A token with a character that spells no byte is its own text; ids that none has are left out.
TEST(ByteLevelBpe, SpellsBytesAsHuggingFaceDoes) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/tokenizer.json";
  std::ofstream(path)
      << R"({"model": {"type": "BPE", "vocab": {"a": 0, "Ġ": 1, "Ā": 2, "Ã": 3,)"
      << R"( "©": 4, "\u0001": 5, "礼": 6, "Ń": 7}}, "decoder": {"type": "ByteLevel"}})";
  const auto bpe = ByteLevelBpe::Open(path);
  ASSERT_TRUE(bpe.ok()) << bpe.status().message();
  const auto text = [&](std::vector<int64_t> ids) { return *bpe->Decode(ids); };
  EXPECT_EQ(text({0, 1, 2, 99}), std::u32string(U"a \0", 3));
  EXPECT_EQ(text({3, 4, 5, 6}), U"\u00e9\u0001\u793c");
  EXPECT_EQ(text({3, 7}), U"\u00ed");
  EXPECT_THAT(std::string(bpe->Decode(std::vector<int64_t>{7}).status().message()),
              HasSubstr("no UTF-8"));
}

}  // namespace
}  // namespace midstream::policy

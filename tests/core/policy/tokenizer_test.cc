#include "core/policy/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/core/policy/openpi_testing.h"

namespace midstream::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Tokenizer, MarksNeitherEndOfAText) {
  const Tokenizer tokenizer = TinyTokenizer();
  EXPECT_EQ(tokenizer.vocabulary(), 1024);
  EXPECT_EQ(tokenizer.begin(), 2);
  EXPECT_THAT(*tokenizer.Encode(""), ElementsAre());
  EXPECT_THAT(*tokenizer.Encode("\n"), ElementsAre(4));
  EXPECT_THAT(*tokenizer.Encode("  "), ElementsAre(8));
}

TEST(Tokenizer, EncodesAndDecodesAsRecorded) {
  if (!SharedDataIsThere()) GTEST_SKIP() << "the recordings of openpi are not there";
  const Tokenizer tokenizer = TinyTokenizer();
  const auto golden = ReadJson(SharedFile("tokenizer/tiny.golden.json"));
  for (const auto& row : golden["encode"]) {
    const auto text = row["text"].get<std::string>();
    const auto ids = row["ids"].get<std::vector<int32_t>>();
    const auto encoded = tokenizer.Encode(text);
    ASSERT_TRUE(encoded.ok()) << encoded.status().message();
    EXPECT_EQ(*encoded, ids) << row["text"];
    EXPECT_EQ(*tokenizer.Decode(ids), row["decoded"].get<std::string>()) << row["text"];
  }
  for (const auto& row : golden["decode"]) {
    const auto ids = row["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(*tokenizer.Decode(ids), row["decoded"].get<std::string>()) << row["ids"];
  }
}

TEST(Tokenizer, RefusesWhatIsNoText) {
  const auto ids = TinyTokenizer().Encode("\xff\xfe");
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(ids.status().message(), HasSubstr("UTF-8"));
}

TEST(Tokenizer, RefusesIdsThatItDoesNotHave) {
  for (const int32_t id : {-1, 1024}) {
    const auto text = TinyTokenizer().Decode(std::vector<int32_t>{5, id});
    ASSERT_FALSE(text.ok());
    EXPECT_THAT(text.status().message(), HasSubstr(std::to_string(id)));
  }
}

TEST(Tokenizer, RefusesFilesThatAreNoModel) {
  EXPECT_EQ(Tokenizer::Open("/nowhere/x.model").status().code(), Code::kNotFound);
  for (const std::string& content : {std::string(), std::string("hello"), std::string(64, '\0')}) {
    const std::string path = ::testing::TempDir() + "/no_tokenizer.model";
    std::ofstream(path) << content;
    const auto tokenizer = Tokenizer::Open(path);
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_EQ(tokenizer.status().code(), Code::kDataLoss);
    EXPECT_THAT(tokenizer.status().message(), HasSubstr("no_tokenizer.model"));
  }
}

}  // namespace
}  // namespace midstream::policy

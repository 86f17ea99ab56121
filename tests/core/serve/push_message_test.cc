#include "core/serve/push_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::serve {
namespace {

using testing::HasSubstr;

std::string WhyRefused(std::string_view json) {
  const auto request = ParseRequest(json);
  EXPECT_FALSE(request.ok()) << json;
  EXPECT_EQ(request.status().code(), Code::kInvalidArgument);
  return std::string(request.status().message());
}

TEST(PushMessage, ARequestComesBackAsItWas) {
  PushRequest request;
  request.verb = Verb::kPush;
  request.name = "runs/policy \"7\".npz";
  request.format = formats::TensorFormat::kNpz;
  request.options.check = CheckMode::kSuperset;
  request.options.base = uint64_t{1} << 63;
  request.options.finite = true;
  request.options.accept_float64 = true;
  request.options.rename = {{"actor/*", "*"}, {"a", "b"}};
  request.options.digest = std::string(64, 'a');
  const auto back = ParseRequest(FormatRequest(request));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->verb, Verb::kPush);
  EXPECT_EQ(back->name, request.name);
  EXPECT_EQ(back->format, formats::TensorFormat::kNpz);
  EXPECT_EQ(back->options.check, CheckMode::kSuperset);
  EXPECT_EQ(back->options.base, request.options.base);
  EXPECT_TRUE(back->options.finite);
  EXPECT_TRUE(back->options.accept_float64);
  ASSERT_EQ(back->options.rename.size(), 2u);
  EXPECT_EQ(back->options.rename[0].from, "actor/*");
  EXPECT_EQ(back->options.rename[0].to, "*");
  EXPECT_EQ(back->options.digest, std::string(64, 'a'));
}

TEST(PushMessage, OnlyNameAndFormatAreNeeded) {
  const auto request = ParseRequest(R"({"verb":"push","name":"a","format":"safetensors"})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->options.check, CheckMode::kSubset);
  EXPECT_FALSE(request->options.base.has_value());
  EXPECT_FALSE(request->options.finite);
}

TEST(PushMessage, TheOtherVerbs) {
  EXPECT_EQ(ParseRequest(R"({"verb":"status"})")->verb, Verb::kStatus);
  const auto rollback = ParseRequest(R"({"version":3,"verb":"rollback"})");
  ASSERT_TRUE(rollback.ok());
  EXPECT_EQ(rollback->verb, Verb::kRollback);
  EXPECT_EQ(rollback->version, 3u);
}

TEST(PushMessage, SaysWhatIsWrongWithARequest) {
  EXPECT_THAT(WhyRefused(""), HasSubstr("no JSON object"));
  EXPECT_THAT(WhyRefused("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(WhyRefused("{\"verb\":\"status\"} x"), HasSubstr("no JSON object"));
  EXPECT_THAT(WhyRefused("{\"verb\":\"\xff\"}"), HasSubstr("no JSON object"));
  EXPECT_THAT(WhyRefused("{}"), HasSubstr("no 'verb'"));
  EXPECT_THAT(WhyRefused(R"({"verb":"put"})"), HasSubstr("push, status, rollback"));
  EXPECT_THAT(WhyRefused(R"({"verb":1})"), HasSubstr("'verb'"));
  EXPECT_THAT(WhyRefused(R"({"verb":"push","name":"a"})"), HasSubstr("no 'format'"));
  EXPECT_THAT(WhyRefused(R"({"verb":"push","format":"npz"})"), HasSubstr("no 'name'"));
  EXPECT_THAT(WhyRefused(R"({"verb":"rollback"})"), HasSubstr("no 'version'"));
  EXPECT_THAT(WhyRefused(R"({"verb":"status","name":"a"})"), HasSubstr("'name'"));
  const std::string push = R"({"verb":"push","name":"a","format":"npz",)";
  EXPECT_THAT(WhyRefused(push + R"("fromat":"npz"})"), HasSubstr("'fromat'"));
  EXPECT_THAT(WhyRefused(push + R"("base":-1})"), HasSubstr("'base'"));
  EXPECT_THAT(WhyRefused(push + R"("base":1.5})"), HasSubstr("'base'"));
  EXPECT_THAT(WhyRefused(push + R"("finite":1})"), HasSubstr("'finite'"));
  EXPECT_THAT(WhyRefused(push + R"("check":"all"})"), HasSubstr("subset, exact, superset"));
  EXPECT_THAT(WhyRefused(push + R"("rename":{"a":"b"}})"), HasSubstr("'rename'"));
  EXPECT_THAT(WhyRefused(push + R"("rename":[["a"]]})"), HasSubstr("'rename'"));
  EXPECT_THAT(WhyRefused(push + R"("rename":[["a",1]]})"), HasSubstr("'rename'"));
}

TEST(PushMessage, DeepNestingIsNoDanger) {
  const std::string deep = std::string(500'000, '[') + std::string(500'000, ']');
  EXPECT_THAT(WhyRefused("{\"verb\":" + deep + "}"), HasSubstr("'verb'"));
}

TEST(PushMessage, AReplyComesBackAsItWas) {
  const auto applied = ParseReply(FormatReply(Verb::kPush, {7, 12, 0.25, 1.5}));
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_EQ(applied->version, 7u);
  EXPECT_EQ(applied->tensors, 12u);
  EXPECT_EQ(applied->read_ms, 0.25);
  EXPECT_EQ(applied->update_ms, 1.5);
  EXPECT_EQ(ParseReply(FormatReply(Verb::kStatus, {7, 0, 0, 0}))->version, 7u);

  const auto refused = ParseReply(FormatReply(FailedPrecondition("no\n  'a': \"why\"")));
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(refused.status().message(), "no\n  'a': \"why\"");
}

TEST(PushMessage, ARepliesTextIsBounded) {
  const std::string reply = FormatReply(DataLoss(std::string(size_t{64} << 20, '\x01')));
  EXPECT_LT(reply.size(), kLargestReply);
  EXPECT_EQ(ParseReply(reply).status().code(), Code::kDataLoss);
}

TEST(PushMessage, WhatIsNoReplyIsAnError) {
  for (const char* text : {"", "[]", "{}", R"({"version":"1"})", R"({"version":1,"tensors":2})",
                           R"({"code":"NOT_FOUND"})", R"({"code":5,"message":"x"})"}) {
    EXPECT_EQ(ParseReply(text).status().code(), Code::kDataLoss) << text;
  }
}

TEST(PushMessage, ThePreludeTellsTheLength) {
  const std::string message = WithPrelude(std::string(70'000, 'x'));
  EXPECT_EQ(*ParsePrelude(message.substr(0, kPreludeSize), 100'000), 70'000u);
  EXPECT_THAT(std::string(ParsePrelude(message.substr(0, 8), 60'000).status().message()),
              HasSubstr("70000"));
  EXPECT_THAT(std::string(ParsePrelude("GET / HT", 60'000).status().message()),
              HasSubstr("'GET '"));
}

}  // namespace
}  // namespace midstream::serve

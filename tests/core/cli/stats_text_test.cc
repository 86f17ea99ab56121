#include "core/cli/stats_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

using ::testing::HasSubstr;

ModelStats Weights() {
  ModelStats stats;
  stats.version = 7;
  stats.age_ns = 2'500'000'000;
  stats.newest_version = 9;
  stats.lag = 2;
  stats.staged = 1;
  stats.commits = 8;
  stats.rollbacks = 3;
  stats.rejected = {{"shape", 4}, {"unknown name", 1234}};
  stats.versions = {{7, 2, 13'098'536, true}, {9, 0, 13'098'536, false}};
  stats.bytes = 26'197'072;
  stats.peak_bytes = 39'295'608;
  stats.limit_bytes = 52'394'144;
  return stats;
}

TEST(StatsText, TellsOfWeights) {
  const std::string text = StatsText(Weights());
  EXPECT_THAT(text, HasSubstr("version 7, current for 2.5 s; newest 9, lag 2, staged 1\n"));
  EXPECT_THAT(text, HasSubstr("commits 8, rollbacks 3\n"));
  EXPECT_THAT(text, HasSubstr("26,197,072 bytes, at most 39,295,608 so far, limit 52,394,144\n"));
  EXPECT_THAT(text, HasSubstr("rejected, shape: 4\n"));
  EXPECT_THAT(text, HasSubstr("rejected, unknown name: 1,234\n"));
  EXPECT_THAT(text, HasSubstr("        7  13,098,536     2  kept\n"));
  EXPECT_THAT(text, HasSubstr("        9  13,098,536     0\n"));
  EXPECT_EQ(StatsText({}).find("limit"), std::string::npos);
}

TEST(StatsText, GivesWeightsAsJson) {
  const Json json = StatsJson(Weights());
  EXPECT_EQ(json["version"], 7);
  EXPECT_EQ(json["lag"], 2);
  EXPECT_EQ(json["rejected"]["unknown name"], 1234);
  EXPECT_EQ(json["versions"][0]["pins"], 2);
  EXPECT_EQ(json["versions"][1]["kept"], false);
  EXPECT_EQ(json["limit_bytes"], 52'394'144);
  EXPECT_EQ(StatsJson({})["versions"], Json::array());
}

}  // namespace
}  // namespace midstream::cli

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
  EXPECT_EQ(StatsText(ModelStats{}).find("limit"), std::string::npos);
}

TEST(StatsText, GivesWeightsAsJson) {
  const Json json = StatsJson(Weights());
  EXPECT_EQ(json["version"], 7);
  EXPECT_EQ(json["lag"], 2);
  EXPECT_EQ(json["rejected"]["unknown name"], 1234);
  EXPECT_EQ(json["versions"][0]["pins"], 2);
  EXPECT_EQ(json["versions"][1]["kept"], false);
  EXPECT_EQ(json["limit_bytes"], 52'394'144);
  EXPECT_EQ(StatsJson(ModelStats{})["versions"], Json::array());
}

TEST(StatsText, TellsOfRequests) {
  Histogram waits, rows;
  for (uint64_t i = 1; i <= 100; ++i) waits.Record(i * 1000);
  rows.Record(4);
  SessionStats stats;
  stats.submitted = 1200;
  stats.completed = 1100;
  stats.refused = 7;
  stats.queued = 3;
  stats.queued_bytes = 4096;
  EXPECT_EQ(StatsText(stats).find("p50"), std::string::npos);  // nothing has executed
  stats.queue_wait_ns = stats.latency_ns = waits.TakeSnapshot();
  stats.batch_rows = rows.TakeSnapshot();
  const std::string text = StatsText(stats);
  EXPECT_THAT(text, HasSubstr("submitted 1,200, completed 1,100, failed 0"));
  EXPECT_THAT(text, HasSubstr("refused 7\n"));
  EXPECT_THAT(text, HasSubstr("now queued 3 with 4,096 bytes, executing 0\n"));
  EXPECT_EQ(text.find("transfers"), std::string::npos);
  stats.transfers = 3;
  stats.to_device_bytes = 4000;
  stats.from_device_bytes = 40;
  EXPECT_THAT(StatsText(stats), HasSubstr("  3 transfers: 4,000 bytes to devices, 40 back\n"));
  EXPECT_THAT(text,
              ::testing::ContainsRegex("waiting us +50.5 +49.9 +89.6 +98.8 +99.8 +100 +100\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("rows of a batch +4.0 +4.0"));
  EXPECT_EQ(text.find("executing us"), std::string::npos);
  EXPECT_EQ(StatsJson(stats)["queue_wait_ns"]["count"], 100);
}

}  // namespace
}  // namespace midstream::cli

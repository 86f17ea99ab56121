#include "core/cli/bench_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cli/bench_output.h"

namespace midstream::cli {
namespace {

using measure::SliceKind;
using ::testing::HasSubstr;
using ::testing::Not;

BenchReport MakeReport(int64_t batch, bool updates) {
  BenchReport report;
  report.model = "folder/net.ckpt-1";
  report.one.batch = batch;
  report.items = batch;
  report.backend = "cpu_blas";
  report.updates = updates;
  report.update_rate = 10;
  report.percentiles = {50, 99.9};
  report.environment.cpu = "A \"fast\" one, or so";
  for (const SliceKind kind : report.kinds()) {
    measure::SliceSum& sum = report.result.sums[static_cast<size_t>(kind)];
    Histogram histogram;
    for (uint64_t i = 1; i <= 100; ++i) {
      histogram.Record(i * 1000);
      sum.load.samples.push_back({i, i * 1000});
    }
    sum.load.latency_ns = histogram.TakeSnapshot();
    sum.load.answered = 100;
    sum.load.seconds = 2;
    sum.medians_ns = {50000, 51000};
  }
  return report;
}

TEST(BenchRow, HasWhatWasAskedAndFound) {
  const std::vector<Json> rows = RowsOf(MakeReport(4, false));
  ASSERT_EQ(rows.size(), 1u);
  const Json& row = rows.front();
  EXPECT_EQ(row["model"], "folder/net.ckpt-1");
  EXPECT_EQ(row["batch"], 4);
  EXPECT_EQ(row["clients"], 1);
  EXPECT_TRUE(row["rate"].is_null());
  EXPECT_TRUE(row["update_rate"].is_null());
  EXPECT_EQ(row["requests"], 100);
  EXPECT_EQ(row["requests_per_s"], 50);
  EXPECT_EQ(row["items_per_s"], 200);
  EXPECT_EQ(row["p50_us"], 50.5);
  EXPECT_EQ(row["p99.9_us"], 99.901);
  EXPECT_EQ(row["max_us"], 100);
  EXPECT_EQ(row["min_us"], 1);
  EXPECT_EQ(row["p50_low_us"], 50);
  EXPECT_EQ(row["p50_high_us"], 51);
  EXPECT_FALSE(row.contains("p99_us"));
  EXPECT_FALSE(row.contains("best"));
  EXPECT_FALSE(row.contains("updates"));
}

TEST(BenchRow, OfEachKindOfSlice) {
  const std::vector<Json> rows = RowsOf(MakeReport(1, true));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["slice"], "quiet");
  EXPECT_EQ(rows[1]["slice"], "updates");
  EXPECT_EQ(rows[2]["slice"], "memcpy");
  for (const Json& row : rows) {
    EXPECT_EQ(row["update_rate"], 10);
    EXPECT_EQ(CsvHead(row), CsvHead(rows[0]));
  }
}

TEST(BenchRow, WithoutAnAnswerIsEmptyNotNan) {
  BenchReport report = MakeReport(1, false);
  report.result = {};
  const Json row = RowsOf(report).front();
  EXPECT_EQ(row["requests"], 0);
  for (const char* name : {"p50_us", "max_us", "mean_us", "p50_low_us"}) {
    EXPECT_TRUE(row[name].is_null()) << name;
  }
  EXPECT_THAT(CsvLine(row), Not(HasSubstr("null")));
}

TEST(BenchRow, QuotesCellsOfCsv) {
  const Json row = {{"a", "x"}, {"b", "1,2"}, {"c", "say \"so\""}, {"d", nullptr}, {"e", 1.5}};
  EXPECT_EQ(CsvHead(row), "a,b,c,d,e");
  EXPECT_EQ(CsvLine(row), "x,\"1,2\",\"say \"\"so\"\"\",,1.5");
}

TEST(BenchRow, TableShowsWhatDiffersAboveWhatIsShared) {
  std::vector<Json> rows = RowsOf(MakeReport(1, false));
  rows.push_back(RowsOf(MakeReport(16, false)).front());
  const std::string text = RowTable(rows, false);
  EXPECT_THAT(text, HasSubstr("model folder/net.ckpt-1, backend cpu_blas"));
  EXPECT_THAT(text, HasSubstr("batch  requests"));
  EXPECT_THAT(text, HasSubstr("\n     16       100"));
  EXPECT_THAT(RowTable(rows, true), HasSubstr("\n| 16 | 100 |"));
}

std::string Output(BenchFormat format, const std::vector<BenchRecord>& records) {
  std::string text;
  BenchOutput output(format, [&](const std::string& more) { text += more; });
  for (const BenchRecord& record : records) output.Add(record);
  output.End();
  return text;
}

TEST(BenchOutput, IsTheWholeOfTheOnlyRunOrATable) {
  BenchRecord record{{{{"slice", "quiet"}, {"batch", 1}}}, {{"details", 1}}, "text", "markdown"};
  EXPECT_EQ(Output(BenchFormat::kText, {record}), "text");
  EXPECT_EQ(Output(BenchFormat::kMarkdown, {record}), "markdown");
  EXPECT_EQ(Output(BenchFormat::kCsv, {record}), "slice,batch\nquiet,1\n");
  EXPECT_EQ(Output(BenchFormat::kJsonLines, {record}), "{\"slice\":\"quiet\",\"batch\":1}\n");
  const Json json = Json::parse(Output(BenchFormat::kJson, {record}));
  EXPECT_EQ(json["rows"].size(), 1u);
  EXPECT_EQ(json["runs"][0]["details"], 1);
  record.text = record.markdown = "";
  BenchRecord second = record;
  second.rows[0]["batch"] = 2;
  EXPECT_THAT(Output(BenchFormat::kText, {record, second}), HasSubstr("slice quiet"));
  EXPECT_EQ(Output(BenchFormat::kCsv, {record, second}), "slice,batch\nquiet,1\nquiet,2\n");
  for (const BenchFormat format : {BenchFormat::kText, BenchFormat::kJson, BenchFormat::kCsv}) {
    EXPECT_EQ(Output(format, {}), "");
  }
}

TEST(BenchFormat, OfAFileIsItsEnding) {
  EXPECT_EQ(FormatOfFile("a.csv"), BenchFormat::kCsv);
  EXPECT_EQ(FormatOfFile("a.jsonl"), BenchFormat::kJsonLines);
  EXPECT_EQ(FormatOfFile("a.md"), BenchFormat::kMarkdown);
  EXPECT_EQ(FormatOfFile("a.txt"), BenchFormat::kText);
  EXPECT_EQ(FormatOfFile("a.json"), BenchFormat::kJson);
  EXPECT_EQ(FormatOfFile("a"), BenchFormat::kJson);
}

}  // namespace
}  // namespace midstream::cli

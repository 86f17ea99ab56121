#include "core/models/openpi/norm_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "tests/core/formats/files_testing.h"

namespace midstream::openpi {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::NanSensitiveDoubleEq;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(NormStats, ReadsAnyKeys) {
  const auto stats = ParseNormStats(R"({"norm_stats": {
      "state": {"mean": [0.5, -1], "std": [1, 2e-3], "q01": [0, 1], "q99": [2, 3], "count": 7},
      "odd \" key": {"mean": [], "std": [1], "q01": null}}, "other": 1})");
  ASSERT_TRUE(stats.ok()) << stats.status().ToString();
  ASSERT_EQ(stats->size(), 2u);
  const Statistics& state = stats->at("state");
  EXPECT_THAT(state.mean, ElementsAre(0.5, -1.0));
  EXPECT_THAT(state.deviation, ElementsAre(1.0, 2e-3));
  EXPECT_THAT(*state.q01, ElementsAre(0.0, 1.0));
  EXPECT_THAT(*state.q99, ElementsAre(2.0, 3.0));
  const Statistics& odd = stats->at("odd \" key");
  EXPECT_TRUE(odd.mean.empty());
  EXPECT_FALSE(odd.q01.has_value());
  EXPECT_FALSE(odd.q99.has_value());
}

TEST(NormStats, TakesNumbersAsPydanticDoes) {
  const auto stats = ParseNormStats(
      R"({"norm_stats": {"a": {"mean": ["1.5", " -2e3 ", "+4", "nan", "Infinity", "-inf", "1e999", "-1e-999"],
          "std": [NaN, Infinity, -Infinity, 0.1, 18446744073709551616]}}})");
  ASSERT_TRUE(stats.ok()) << stats.status().ToString();
  EXPECT_THAT(stats->at("a").mean,
              ElementsAre(1.5, -2000.0, 4.0, NanSensitiveDoubleEq(std::nan("")), kInfinity,
                          -kInfinity, kInfinity, 0.0));
  EXPECT_THAT(stats->at("a").deviation,
              ElementsAre(NanSensitiveDoubleEq(std::nan("")), kInfinity, -kInfinity, 0.1,
                          DoubleEq(18446744073709551616.0)));
  // A word within a string is none.
  EXPECT_EQ(
      ParseNormStats(R"({"norm_stats": {"a\"NaN": {"mean": [], "std": []}}})")->begin()->first,
      "a\"NaN");
}

TEST(NormStats, EndsAtDeepNesting) {
  const std::string deep(1'000'000, '[');
  EXPECT_FALSE(ParseNormStats(deep).ok());
  EXPECT_FALSE(ParseNormStats("{\"norm_stats\": {\"a\": {\"mean\": " + deep).ok());
  EXPECT_FALSE(ParseNormStats("{\"norm_stats\": {\"a\": {\"mean\": " + deep +
                              std::string(deep.size(), ']') + ", \"std\": []}}}")
                   .ok());
}

TEST(NormStats, NamesTheKeyAtFault) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is malformed JSON"},
      {"{", "is malformed JSON"},
      {"[]", "has no object 'norm_stats'"},
      {R"({"norm_stats": 3})", "has no object 'norm_stats'"},
      {R"({"norm_stats": {"a": 1}})", "'norm_stats.a' is no object"},
      {R"({"norm_stats": {"a": {"mean": [1]}}})", "'norm_stats.a.std' is missing"},
      {R"({"norm_stats": {"a": {"mean": 1, "std": []}}})", "'norm_stats.a.mean' is no list"},
      {R"({"norm_stats": {"a": {"mean": [1, "x"], "std": []}}})",
       "'norm_stats.a.mean' has '\"x\"' where a number was expected, at position 1"},
      {R"({"norm_stats": {"a": {"mean": [[1]], "std": []}}})", "has '[1]' where"},
      {R"({"norm_stats": {"a": {"mean": [true], "std": []}}})", "has 'true' where"},
      {R"x({"norm_stats": {"a": {"mean": ["nan(1)"], "std": []}}})x",
       "where a number was expected"},
      {R"({"norm_stats": {"a": {"mean": [""], "std": []}}})", "where a number was expected"},
      {R"({"norm_stats": {"a": {"mean": ["+-1"], "std": []}}})", "where a number was expected"},
      {R"({"norm_stats": {"a": {"mean": [], "std": [], "q99": {}}}})",
       "'norm_stats.a.q99' is no list"},
  };
  for (const auto& [json, text] : cases) {
    const Status status = ParseNormStats(json).status();
    EXPECT_EQ(status.code(), Code::kDataLoss) << json;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text)) << json;
  }
  formats::TempDir dir;
  EXPECT_THAT(std::string(ReadNormStats(dir.Write("norm_stats.json", "[]")).status().message()),
              HasSubstr(dir.Path("norm_stats.json") + ": has no object"));
  EXPECT_EQ(ReadNormStats(dir.Path("none.json")).status().code(), Code::kNotFound);
}

TEST(NormStats, ReadsOpenPisFiles) {
  const std::string folder = std::string(MS_SHARED_DATA) + "/openpi";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const auto libero = ReadNormStats(
      folder + "/pi0_tiny/jax_f32/assets/physical-intelligence/libero/norm_stats.json");
  ASSERT_TRUE(libero.ok()) << libero.status().ToString();
  EXPECT_EQ(libero->at("state").mean.size(), 8u);
  const auto wide = ReadNormStats(folder + "/pipeline/norm_stats_32_32.json");
  ASSERT_TRUE(wide.ok()) << wide.status().ToString();
  EXPECT_EQ(wide->at("actions").q99->size(), 32u);
}

}  // namespace
}  // namespace midstream::openpi

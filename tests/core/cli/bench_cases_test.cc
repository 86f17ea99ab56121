#include "core/cli/bench_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BenchCases, OneWithoutLists) {
  const Result<BenchPlan> plan = MakeBenchPlan({});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->cases.size(), 1u);
  EXPECT_EQ(plan->cases[0].batch, 1);
  EXPECT_EQ(plan->cases[0].clients, 1);
  EXPECT_EQ(plan->cases[0].rate, 0);
  EXPECT_EQ(plan->cases[0].ShapesText(), "");
  EXPECT_TRUE(plan->cases[0].setup.config.set.empty());
  EXPECT_FALSE(plan->search);
  EXPECT_THAT(plan->percentiles, ElementsAre(50, 90, 99, 99.9));
}

TEST(BenchCases, AreTheProductWithSetupsOutermost) {
  BenchArgs args;
  args.set = {"queue.max_requests=9"};
  args.configs = {"a.toml", "b.toml"};
  args.backends = "x,y";
  args.threads = "0-1";
  args.batches = "1,5";
  args.rates = "0.5,100-400*2";
  const Result<BenchPlan> plan = MakeBenchPlan(args);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_EQ(plan->cases.size(), 2u * 2 * 2 * 2 * 4);
  for (size_t i = 0; i < plan->cases.size(); ++i) {
    const BenchCase& one = plan->cases[i];
    EXPECT_EQ(one.setup.config.file, i < 32 ? "a.toml" : "b.toml");
    EXPECT_EQ(one.setup.config.backend, i / 16 % 2 == 0 ? "x" : "y");
    EXPECT_THAT(one.setup.config.set,
                ElementsAre("queue.max_requests=9",
                            i / 8 % 2 == 0 ? "execution.threads=0" : "execution.threads=1"));
    EXPECT_EQ(one.batch, i / 4 % 2 == 0 ? 1 : 5);
    EXPECT_EQ(one.rate, (std::vector<double>{0.5, 100, 200, 400})[i % 4]);
    EXPECT_EQ(one.clients, 1);
  }
  EXPECT_TRUE(plan->cases[0].setup == plan->cases[7].setup);
  EXPECT_FALSE(plan->cases[7].setup == plan->cases[8].setup);
}

TEST(BenchCases, ShapesOfSeveralInputsMultiply) {
  BenchArgs args;
  args.shapes = {"x:0=2x3,4x3", "a=b=scalar"};
  const Result<BenchPlan> plan = MakeBenchPlan(args);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_EQ(plan->cases.size(), 2u);
  EXPECT_EQ(plan->cases[1].ShapesText(), "x:0=4x3 a=b=scalar");
  EXPECT_EQ(plan->cases[1].shapes[0].spec, "random:4x3");
  args.shapes = {"x:0=2x3", "x=4x3"};
  EXPECT_THAT(std::string(MakeBenchPlan(args).status().message()), HasSubstr("given twice"));
}

TEST(BenchCases, ASearchIsOneCaseOfEachSetupAndBatch) {
  BenchArgs args;
  args.threshold_ms = 5;
  args.clients = "1-64";
  args.batches = "1,2";
  const Result<BenchPlan> plan = MakeBenchPlan(args);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->cases.size(), 2u);
  ASSERT_TRUE(plan->search);
  EXPECT_EQ(plan->search->low, 1);
  EXPECT_EQ(plan->search->high, 64);
}

TEST(BenchCases, AreNoMoreThanTheLimit) {
  BenchArgs args;
  args.batches = "1-100";
  args.clients = "1-10";
  EXPECT_EQ(MakeBenchPlan(args)->cases.size(), kMostCases);
  args.clients = "1-11";
  const Status status = MakeBenchPlan(args).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("at least 1,100 runs"));
}

}  // namespace
}  // namespace midstream::cli

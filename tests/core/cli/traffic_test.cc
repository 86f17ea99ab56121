#include "core/cli/traffic.h"

#include <gtest/gtest.h>

#include <future>

namespace midstream::cli {
namespace {

TEST(Traffic, EveryRequestIsInOneReport) {
  std::atomic<uint64_t> answered{0};
  Traffic traffic(
      4,
      [&] {
        return [&](uint64_t) {
          ++answered;
          return OkStatus();
        };
      },
      [] {});
  uint64_t reported = 0;
  while (reported < 1000) {
    const TrafficReport report = traffic.Take();
    reported += report.requests;
    EXPECT_LE(report.p50_ms, report.p99_ms);
  }
  traffic.Stop();
  reported += traffic.Take().requests;
  EXPECT_EQ(reported, answered.load());
  EXPECT_EQ(traffic.failures(), 0u);
  EXPECT_EQ(traffic.Take().requests, 0u);
  EXPECT_EQ(traffic.Take().p99_ms, 0);
}

TEST(Traffic, AFailureStopsItsClientAndIsTold) {
  std::promise<void> failed;
  Traffic traffic(
      1,
      [] { return [](uint64_t index) { return index < 5 ? OkStatus() : Internal("the fifth"); }; },
      [&] { failed.set_value(); });
  failed.get_future().wait();
  traffic.Stop();
  EXPECT_EQ(traffic.Take().requests, 5u);
  EXPECT_EQ(traffic.failures(), 1u);
  EXPECT_EQ(traffic.failure().message(), "the fifth");
}

}  // namespace
}  // namespace midstream::cli

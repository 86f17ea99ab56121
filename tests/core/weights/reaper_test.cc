#include "core/weights/reaper.h"

#include <gtest/gtest.h>

#include <atomic>

namespace midstream::weights {
namespace {

TEST(Reaper, FreesOnItsOwnThread) {
  Reaper reaper;
  std::atomic<bool> elsewhere{false};
  reaper.Retire([&, caller = std::this_thread::get_id()] {
    elsewhere = std::this_thread::get_id() != caller;
  });
  reaper.Drain();
  EXPECT_TRUE(elsewhere);
}

TEST(Reaper, DrainWaitsForEverythingRetiredBefore) {
  Reaper reaper;
  std::atomic<int> freed{0};
  for (int round = 1; round <= 50; ++round) {
    reaper.Retire([&] { ++freed; });
    reaper.Retire([&] { ++freed; });
    reaper.Drain();
    EXPECT_EQ(freed, 2 * round);
  }
}

TEST(Reaper, DrainDoesNotWaitForWhatIsRetiredLater) {
  std::atomic<bool> enough{false};
  Reaper reaper;
  std::function<void()> again = [&] {
    if (!enough) reaper.Retire(again);
  };
  reaper.Retire(again);
  reaper.Drain();
  enough = true;
}

TEST(Reaper, FreesWhatIsLeftWhenItEnds) {
  std::atomic<int> freed{0};
  {
    Reaper reaper;
    for (int i = 0; i < 10; ++i) reaper.Retire([&] { ++freed; });
  }
  EXPECT_EQ(freed, 10);
}

}  // namespace
}  // namespace midstream::weights

// No answer mixes two versions, and each says which one made it: clients run as fast as they can
// while versions are committed and rolled back as fast as they go.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/soak/scale.h"
#include "tests/soak/sentinel.h"

namespace midstream {
namespace {

constexpr int kClients = 8;

struct Tally {
  std::atomic<int64_t> answers{0};
  std::atomic<int64_t> torn{0};
  std::atomic<int64_t> mislabelled{0};  // of another version than they say
  std::atomic<int64_t> failures{0};
  std::atomic<bool> stop{false};
};

void Check(const std::vector<Tensor>& outputs, uint64_t version, Tally* count) {
  count->answers.fetch_add(1, std::memory_order_relaxed);
  if (outputs[1].as<float>()[0] != 0) count->torn.fetch_add(1);
  if (outputs[0].as<float>()[0] != Sentinel::StampOf(version)) count->mislabelled.fetch_add(1);
}

void RunClient(Sentinel& sentinel, Tally* count) {
  const Tensor input = Sentinel::Input();
  std::vector<Tensor> outputs;
  while (!count->stop.load(std::memory_order_relaxed)) {
    uint64_t version = 0;
    Status status = sentinel.session().Run(std::span(&input, 1), &outputs, &version);
    status.ok() ? Check(outputs, version, count) : void(count->failures.fetch_add(1));
  }
}

// Returns the number of commits.
int64_t Train(Sentinel& sentinel, int64_t commits, int64_t answers, Tally* count) {
  uint64_t newest = 1;
  int64_t made = 0;
  for (; made < commits || count->answers.load() < answers; ++made) {
    const std::vector<Tensor> values = Sentinel::Values(Sentinel::StampOf(newest + 1));
    weights::Transaction transaction = sentinel.store().Begin();
    for (size_t i = 0; i < values.size(); ++i) transaction.Put(Sentinel::names()[i], values[i]);
    auto version = transaction.Commit();
    if (!version.ok() || *version != newest + 1) {
      count->failures.fetch_add(1);
      ADD_FAILURE() << version.status().ToString();
      break;
    }
    // Back to the version before and on again, now and then.
    if (made % 64 == 63 && !sentinel.store().Rollback(newest).ok()) count->failures.fetch_add(1);
    newest = *version;
  }
  return made;
}

class Torn : public ::testing::TestWithParam<std::string> {
 protected:
  // An accelerator is asked for less: each answer is some twenty launches.
  static int64_t Count(int64_t shortened, int64_t full) {
    const bool launches = GetParam().starts_with("opencl");
    return launches ? SoakCount(shortened / 50, full / 50) : SoakCount(shortened, full);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Torn,
                         ::testing::Values("reference", "cpu_blas", "opencl", "opencl+cpu_blas"));

TEST_P(Torn, NoAnswerMixesVersions) {
  auto made = Sentinel::Make(GetParam(), kClients / 2);
  if (made.status().code() == Code::kUnavailable) GTEST_SKIP() << made.status().message();
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  Sentinel& sentinel = **made;
  Tally count;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] { RunClient(sentinel, &count); });
  }
  const int64_t commits =
      Train(sentinel, Count(10'000, 100'000), Count(200'000, 10'000'000), &count);
  count.stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(count.torn, 0);
  EXPECT_EQ(count.mislabelled, 0);
  EXPECT_EQ(count.failures, 0);
  RecordProperty("answers", std::to_string(count.answers));
  RecordProperty("commits", std::to_string(commits));
  std::cout << GetParam() << ": " << count.answers << " answers, " << commits << " commits\n";
}

TEST_P(Torn, APinOutlivesEveryCommit) {
  auto made = Sentinel::Make(GetParam(), 1);
  if (made.status().code() == Code::kUnavailable) GTEST_SKIP() << made.status().message();
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  Sentinel& sentinel = **made;
  Tally count;
  std::thread trainer([&] {
    Train(sentinel, Count(2'000, 20'000), 0, &count);
    count.stop = true;
  });
  while (!count.stop) {
    auto pin = sentinel.store().Pin();
    for (int i = 0; i < 4; ++i) {
      const float want = Sentinel::StampOf(pin->id);
      for (const char* name : {"vector", "matrix", "filter"}) {
        auto value = sentinel.store().Read(name, pin);
        ASSERT_TRUE(value.ok()) << value.status().ToString();
        ASSERT_EQ(value->as<float>()[5], want);
      }
    }
  }
  trainer.join();
  EXPECT_EQ(count.failures, 0);
}

}  // namespace
}  // namespace midstream

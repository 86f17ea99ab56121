// The same of a model that is Python code, in both isolations: four interpreters answer while weights
// are committed as fast as they go. No answer mixes two versions, each says which one made it, and
// what one caller gets never goes back to an older version.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/soak/scale.h"
#include "tests/soak/sentinel.h"

namespace midstream {
namespace {

constexpr size_t kInterpreters = 4;
constexpr int kClients = 6;

struct Tally {
  std::atomic<int64_t> answers{0};
  std::atomic<int64_t> torn{0};
  std::atomic<int64_t> mislabelled{0};
  std::atomic<int64_t> backwards{0};  // older than an answer that the caller had before
  std::atomic<int64_t> failures{0};
  std::atomic<bool> stop{false};
};

void Ask(Sentinel& sentinel, Tally* count) {
  const Tensor input = Sentinel::Input();
  std::vector<Tensor> outputs;
  uint64_t last = 0;
  while (!count->stop.load(std::memory_order_relaxed)) {
    uint64_t version = 0;
    if (!sentinel.session().Run(std::span(&input, 1), &outputs, &version).ok()) {
      count->failures.fetch_add(1);
      continue;
    }
    count->answers.fetch_add(1);
    if (outputs[1].as<float>()[0] != 0) count->torn.fetch_add(1);
    if (outputs[0].as<float>()[0] != Sentinel::StampOf(version)) count->mislabelled.fetch_add(1);
    if (version < last) count->backwards.fetch_add(1);
    last = version;
  }
}

// Returns the number of commits.
int64_t Train(Sentinel& sentinel, int64_t answers, Tally* count) {
  int64_t made = 0;
  for (uint64_t next = 2; count->answers.load() < answers; ++next, ++made) {
    const std::vector<Tensor> values = Sentinel::Values(Sentinel::StampOf(next));
    weights::Transaction transaction = sentinel.store().Begin();
    for (size_t i = 0; i < values.size(); ++i) transaction.Put(Sentinel::names()[i], values[i]);
    const auto version = transaction.Commit();
    if (!version.ok() || *version != next) {
      ADD_FAILURE() << version.status().ToString();
      break;
    }
  }
  return made;
}

class PythonTorn : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Isolations, PythonTorn, ::testing::Values("shared", "process"));

TEST_P(PythonTorn, NoAnswerMixesVersionsAndNoneGoesBack) {
#if defined(__SANITIZE_THREAD__)
  if (GetParam() == "shared") {
    GTEST_SKIP() << "ThreadSanitizer does not know of threads that another namespace makes";
  }
#endif
  if (!std::filesystem::exists(MS_PLUGIN_DIR "/python.so")) {
    GTEST_SKIP() << "built without the plugin python";
  }
  backend::DeviceOptions options;
  options.values = {{"isolation", GetParam()}, {"interpreters", std::to_string(kInterpreters)}};
  auto made = Sentinel::Make("python", kInterpreters, options);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  Sentinel& sentinel = **made;
  Tally count;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] { Ask(sentinel, &count); });
  }
  const int64_t commits = Train(sentinel, SoakCount(20'000, 1'000'000), &count);
  count.stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(count.torn, 0);
  EXPECT_EQ(count.mislabelled, 0);
  EXPECT_EQ(count.backwards, 0);
  EXPECT_EQ(count.failures, 0);
  EXPECT_GT(commits, 10);
  RecordProperty("answers", std::to_string(count.answers));
  RecordProperty("commits", std::to_string(commits));
  std::cout << GetParam() << ": " << count.answers << " answers, " << commits << " commits\n";
}

}  // namespace
}  // namespace midstream

#include "core/base/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace midstream::trace {
namespace {

using nlohmann::json;

class Trace : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "trace_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".json";
    std::filesystem::remove(path_);
  }
  void TearDown() override {
    EXPECT_FALSE(Enabled());
    std::filesystem::remove(path_);
  }

  json StopAndRead() {
    const Status stopped = Stop(path_);
    EXPECT_TRUE(stopped.ok()) << stopped.ToString();
    std::ifstream file(path_);
    return json::parse(file);  // throws when it is no JSON
  }

  std::string path_;
};

std::vector<json> Select(const json& trace, const std::string& key, const std::string& value) {
  std::vector<json> events;
  for (const json& event : trace["traceEvents"]) {
    if (event.value(key, "") == value) events.push_back(event);
  }
  return events;
}

// What overlaps on one thread without one part lying in the other, as requests in a queue do.
TEST_F(Trace, GivesAsynchronousEventsTracksOfTheirOwn) {
  ASSERT_TRUE(Start().ok());
  const uint64_t begin = Now();
  Async("session", "queue", 1, begin, begin + 2000, {{"rows", 3}});
  Async("session", "queue", 2, begin + 1000, begin + 3000);
  const auto queue = Select(StopAndRead(), "name", "queue");
  ASSERT_EQ(queue.size(), 4u);
  EXPECT_EQ(queue[0]["ph"], "b");
  EXPECT_EQ(queue[0]["id"], "0x1");
  EXPECT_EQ(queue[0]["args"], (json{{"rows", 3}}));
  EXPECT_EQ(queue[1]["ph"], "e");
  EXPECT_EQ(queue[1]["id"], "0x1");
  EXPECT_EQ(queue[1]["cat"], "session");
  EXPECT_NEAR(double{queue[1]["ts"]} - double{queue[0]["ts"]}, 2.0, 1e-6);
  EXPECT_EQ(queue[2]["id"], "0x2");
  EXPECT_EQ(queue[3]["id"], "0x2");
}

TEST_F(Trace, PutsWhatIsNoThreadOnNamedTracks) {
  ASSERT_TRUE(Start().ok());
  const uint64_t begin = Now();
  const char* gpu = Intern(std::string("gpu"));
  EXPECT_EQ(gpu, Intern("gpu"));
  OnTrack("node", Intern("Conv a"), gpu, begin, begin + 1500);
  OnTrack("node", Intern("Conv b"), "cpu", begin, begin + 1000);
  std::thread([&] { OnTrack("node", "Relu c", gpu, begin + 1500, begin + 2000); }).join();
  const json trace = StopAndRead();
  std::map<std::string, json> track;  // by its name
  for (const json& name : Select(trace, "name", "thread_name")) {
    track[name["args"]["name"]] = name["tid"];
  }
  ASSERT_TRUE(track.contains("gpu") && track.contains("cpu"));
  EXPECT_NE(track["gpu"], track["cpu"]);
  const auto nodes = Select(trace, "cat", "node");
  ASSERT_EQ(nodes.size(), 3u);
  for (const json& node : nodes) {
    EXPECT_EQ(node["ph"], "X");
    EXPECT_EQ(node["tid"], track[node["name"] == "Conv b" ? "cpu" : "gpu"]);
  }
  EXPECT_NEAR(double{Select(trace, "name", "Conv a")[0]["dur"]}, 1.5, 1e-6);
}

TEST_F(Trace, WritesWhatPerfettoReads) {
  ASSERT_TRUE(Start().ok());
  const uint64_t begin = Now();
  Complete("session", "queue", begin, begin + 2'345'678, {{"version", 7}, {"batch", -1}});
  Instant("weights", "commit", {{"version", 8}});
  {
    Span span("weights", "stage", {{"bytes", 42}});
    span.Add("version", 9);
  }
  const json trace = StopAndRead();

  EXPECT_EQ(trace["otherData"]["dropped_events"], 0);
  const auto queue = Select(trace, "name", "queue");
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue[0]["ph"], "X");
  EXPECT_EQ(queue[0]["cat"], "session");
  EXPECT_DOUBLE_EQ(queue[0]["dur"], 2345.678);
  EXPECT_GE(queue[0]["ts"], 0);
  EXPECT_EQ(queue[0]["args"], (json{{"version", 7}, {"batch", -1}}));
  const auto commit = Select(trace, "name", "commit");
  ASSERT_EQ(commit.size(), 1u);
  EXPECT_EQ(commit[0]["ph"], "i");
  EXPECT_EQ(commit[0]["args"]["version"], 8);
  EXPECT_GE(commit[0]["ts"], queue[0]["ts"]);
  const auto stage = Select(trace, "name", "stage");
  ASSERT_EQ(stage.size(), 1u);
  EXPECT_EQ(stage[0]["args"], (json{{"bytes", 42}, {"version", 9}}));
  for (const json& event : {queue[0], commit[0], stage[0]}) {
    EXPECT_EQ(event["pid"], getpid());
    EXPECT_EQ(event["tid"], gettid());
  }
  EXPECT_EQ(Select(trace, "name", "process_name").size(), 1u);
}

TEST_F(Trace, NamesThreadsAndKeepsTheEventsOfThoseThatEnded) {
  ASSERT_TRUE(Start().ok());
  std::atomic<int> tid{0};
  std::thread([&] {
    pthread_setname_np(pthread_self(), "a \"name\"\xff");
    tid = gettid();
    Instant("test", "from_thread");
  }).join();
  const json trace = StopAndRead();
  ASSERT_EQ(Select(trace, "name", "from_thread").size(), 1u);
  const auto names = Select(trace, "name", "thread_name");
  ASSERT_EQ(names.size(), 1u);  // threads without events have none
  EXPECT_EQ(names[0]["tid"], tid.load());
  EXPECT_EQ(names[0]["args"]["name"], "a \"name\"\xef\xbf\xbd");
}

TEST_F(Trace, OffKeepsNothing) {
  Instant("test", "before");
  Span across("test", "across");
  ASSERT_TRUE(Start().ok());
  across.Add("version", 1);
  EXPECT_TRUE(Enabled());
  Instant("test", "during");
  const json trace = StopAndRead();
  Instant("test", "after");
  EXPECT_EQ(Select(trace, "cat", "test").size(), 1u);
  EXPECT_EQ(Select(trace, "name", "during").size(), 1u);

  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(Select(StopAndRead(), "cat", "test").empty());
}

TEST_F(Trace, ShowsFromStartWhatBeganBefore) {
  const uint64_t begin = Now() - 1'000'000'000;
  ASSERT_TRUE(Start().ok());
  Complete("test", "long", begin, Now());
  const auto events = Select(StopAndRead(), "name", "long");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["ts"], 0);
  EXPECT_LT(events[0]["dur"], 1e6);
}

TEST_F(Trace, ThreadsAreBoundedAndTheRestIsCounted) {
  constexpr size_t kThreads = kMaxEvents / kMaxThreadEvents + 1;
  constexpr size_t kBeyond = 1000;
  ASSERT_TRUE(Start().ok());
  const auto fill = [] {
    for (size_t i = 0; i < kMaxThreadEvents + kBeyond; ++i) Instant("test", "i");
  };
  fill();  // one thread alone reaches its own bound
  std::vector<std::thread> threads;
  for (size_t t = 1; t < kThreads; ++t) threads.emplace_back(fill);
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(Stop(path_).ok());

  // Too large to parse in a test: one event is one line.
  std::ifstream file(path_);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  const json head = json::parse(line + "]}");
  size_t events = 0;
  while (std::getline(file, line)) events += line.find("\"ph\":\"i\"") != std::string::npos;
  EXPECT_EQ(events, kMaxEvents);
  const size_t emitted = kThreads * (kMaxThreadEvents + kBeyond);
  EXPECT_EQ(head["otherData"]["dropped_events"], emitted - kMaxEvents);
}

TEST_F(Trace, StartsAndStopsOnlyOnce) {
  EXPECT_EQ(Stop(path_).code(), Code::kFailedPrecondition);
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(Start().code(), Code::kFailedPrecondition);
  StopAndRead();
  EXPECT_EQ(Stop(path_).code(), Code::kFailedPrecondition);
}

TEST_F(Trace, EndsAlsoWhereTheFileCannotBeWritten) {
  ASSERT_TRUE(Start().ok());
  Instant("test", "lost");
  const Status stopped = Stop("/nonexistent/folder/trace.json");
  EXPECT_THAT(stopped.ToString(), ::testing::HasSubstr("/nonexistent/folder"));
  EXPECT_FALSE(Enabled());
  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(Select(StopAndRead(), "name", "lost").empty());
}

// Traces begin and end while threads emit: every file is whole, and its events are of its own trace.
TEST_F(Trace, StartAndStopRaceWithEvents) {
  constexpr int kRounds = 30;
  constexpr int kThreads = 3;
  std::atomic<bool> done{false};
  std::atomic<int64_t> round{-1};
  std::atomic<uint64_t> emitted{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (!done.load()) {
        const int64_t now = round.load();
        Span span("test", "span", {{"round", now}});
        Instant("test", "instant", {{"round", now}});
        emitted.fetch_add(1);
        std::this_thread::yield();
      }
    });
  }
  for (int r = 0; r < kRounds; ++r) {
    round = r;
    // A thread may be at an event of the round before, but not after its second one from here.
    uint64_t from = emitted.load();
    while (emitted.load() < from + 2 * kThreads) std::this_thread::yield();
    ASSERT_TRUE(Start().ok());
    from = emitted.load();
    while (emitted.load() < from + kThreads) std::this_thread::yield();
    const json trace = StopAndRead();
    EXPECT_FALSE(Select(trace, "cat", "test").empty());
    for (const json& event : Select(trace, "cat", "test")) {
      ASSERT_LE(event["args"]["round"], r);
      ASSERT_GE(event["args"]["round"], r - 1);
    }
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace midstream::trace

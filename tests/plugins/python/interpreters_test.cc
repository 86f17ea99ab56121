// Many interpreters, many lives: what they share, what is left of them, and other Pythons.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "core/base/log.h"
#include "midstream/view.hpp"
#include "plugins/python/libpython.h"
#include "tests/plugins/python/python_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<backend::Device> Open(const Options& options) {
  auto device = OpenPython(options);
  EXPECT_TRUE(device.ok()) << device.status().ToString();
  return device.ok() ? *device : nullptr;
}

// The address of the weights and the thread that saw it.
const PythonModel kWhere{.code = R"(
import ctypes, threading, time, numpy
def run(x, weights):
    time.sleep(0.005)
    w = weights["w"]
    assert not w.flags.writeable
    return numpy.array([w.ctypes.data, threading.get_native_id(), w[1]], dtype=numpy.int64)
)",
                         .input_shape = "1",
                         .output_shape = "3",
                         .output_dtype = "int64",
                         .weights = {{"w", Floats({3}, {7, 8, 9})}},
                         .externs = {"numpy"}};

TEST(PythonInterpreters, SeeTheSameMemoryOfWeightsWhichGoesBackAfterwards) {
  if (!kSharedWorks) GTEST_SKIP() << "under ThreadSanitizer";
  if (!HasNumpy()) GTEST_SKIP() << "Debian's Python has no numpy here";
  auto device = Open({{"interpreters", "4"}});
  ASSERT_NE(device, nullptr);
  std::vector<float> memory{7, 8, 9};
  auto owner = std::make_shared<int>(0);
  std::set<int64_t> addresses, threads;
  {
    const Tensor weights = Tensor::Wrap(DType::kF32, {3}, memory.data(), owner);
    std::mutex mutex;
    std::vector<std::thread> callers;
    for (int t = 0; t < 8; ++t) {
      callers.emplace_back([&] {
        auto built = kWhere.Build(Floats({1}, {0}));
        auto runner = NodeRunner::Create(device, *built, false);
        ASSERT_TRUE(runner.ok()) << runner.status().ToString();
        auto set = runner->Stage({weights}, nullptr, /*adopt=*/true);
        ASSERT_TRUE(set.ok()) << set.status().ToString();
        for (int i = 0; i < 20; ++i) {
          // Twice by the runner, by two threads maybe: then the two answers differ.
          auto outputs = runner->Run(set->get());
          if (!outputs.ok()) continue;
          const auto seen = (*outputs)[0].as<int64_t>();
          std::lock_guard lock(mutex);
          addresses.insert(seen[0]);
          threads.insert(seen[1]);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
  EXPECT_THAT(addresses, ElementsAre(reinterpret_cast<int64_t>(memory.data())));
  EXPECT_EQ(threads.size(), 4u);
  while (owner.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(PythonInterpreters, WorkerProcessesTakeOverWhenTheLoaderHasNoRoom) {
  if (!kSharedWorks) GTEST_SKIP() << "under ThreadSanitizer";
  const PythonModel model{.code = "import os\ndef run(x):\n  return [os.getpid()]\n",
                          .output_shape = "1"};
  auto first = Open({{"interpreters", "15"}});
  auto second = Open({{"interpreters", "1"}, {"timeout_ms", "29999"}});
  ASSERT_TRUE(first != nullptr && second != nullptr);
  auto here = Loaded::Create(first, model, Floats({1}, {0}));
  ASSERT_TRUE(here.ok()) << here.status().ToString();
  EXPECT_THAT(*here->Run(), ElementsAre(static_cast<float>(getpid())));
  std::string log;
  std::mutex mutex;
  SetLogSink([&](LogLevel, std::string_view text) {
    std::lock_guard lock(mutex);
    log.append(text).append("\n");
  });
  auto there = Loaded::Create(second, model, Floats({1}, {0}));
  SetLogSink({});
  ASSERT_TRUE(there.ok()) << there.status().ToString();
  EXPECT_THAT(log, HasSubstr("python: falls back from isolation shared to process"));
  auto pid = there->Run();
  ASSERT_TRUE(pid.ok()) << pid.status().ToString();
  EXPECT_NE((*pid)[0], static_cast<float>(getpid()));
}

struct Usage {
  std::ptrdiff_t descriptors, threads;
  long anonymous_kb = 0;
};
Usage Measure() {
  Usage usage{std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}),
              std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}), 0};
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;) {
    if (word == "Anonymous:") file >> usage.anonymous_kb;
  }
  return usage;
}

void Live(const std::string& isolation, int n) {
  for (int i = 0; i < n; ++i) {
    auto device = Open({{"isolation", isolation}, {"interpreters", "2"}});
    auto loaded = Loaded::Create(
        device,
        {.code = "def run(x, weights):\n  return [a * b for a, b in zip(x, weights['w'])]\n",
         .weights = {{"w", Floats({2}, {3, 4})}}},
        Floats({2}, {1, 2}));
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    auto y = loaded->Run();
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    ASSERT_THAT(*y, ElementsAre(3, 8));
  }
}

class PythonLives : public testing::TestWithParam<std::pair<std::string, int>> {};

TEST_P(PythonLives, LeaveNothingBehind) {
  const auto [isolation, cycles] = GetParam();
  if (isolation == "shared" && !kSharedWorks) GTEST_SKIP() << "under ThreadSanitizer";
  Live(isolation, 20);
  const Usage before = Measure();
  Live(isolation, cycles);
  const Usage after = Measure();
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.threads, before.threads);
  EXPECT_LT(after.anonymous_kb, before.anonymous_kb + 4096);
}

INSTANTIATE_TEST_SUITE_P(StartRunStop, PythonLives,
                         testing::Values(std::pair<std::string, int>("shared", 500),
                                         std::pair<std::string, int>("process", 500)),
                         [](const auto& info) { return info.param.first; });

// The environments of pyenv, if there is one.
std::vector<std::string> OtherPythons() {
  const char* home = std::getenv("HOME");
  std::error_code none;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::string(home != nullptr ? home : "") + "/.pyenv/versions", none)) {
    try {
      python::FindPython(entry.path());
      found.push_back(entry.path());
    } catch (const sdk::Error&) {
    }
  }
  return found;
}

class OtherPython : public testing::TestWithParam<std::string> {};

TEST_P(OtherPython, RunsBesideTheDistributions) {
  if (GetParam() == "shared" && !kSharedWorks) GTEST_SKIP() << "under ThreadSanitizer";
  const auto others = OtherPythons();
  if (others.empty()) GTEST_SKIP() << "there is no other Python with a shared library";
  const PythonModel model{
      .code = "import sys\ndef run(x):\n  return [sys.version_info[1], sys.version_info[2]]\n",
      .output_shape = "2"};
  for (const std::string& folder : others) {
    auto device = Open({{"isolation", GetParam()}, {"python", folder}, {"interpreters", "1"}});
    ASSERT_NE(device, nullptr);
    auto loaded = Loaded::Create(device, model, Floats({1}, {0}));
    ASSERT_TRUE(loaded.ok()) << folder << ": " << loaded.status().ToString();
    auto y = loaded->Run();
    ASSERT_TRUE(y.ok()) << folder << ": " << y.status().ToString();
    const std::string version = "3." + std::to_string(static_cast<int>((*y)[0])) + "." +
                                std::to_string(static_cast<int>((*y)[1]));
    EXPECT_EQ(python::FindPython(folder).version, version);
    EXPECT_THAT(std::string(sdk::View(device->info().name)), HasSubstr("CPython " + version));
  }
}

INSTANTIATE_TEST_SUITE_P(Isolation, OtherPython, testing::Values<std::string>("shared", "process"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream::plugin_testing

// What only worker processes do: they die, and the engine stays.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/plugins/python/python_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<backend::Device> Open(Options options = {}) {
  options.push_back({"isolation", "process"});
  auto device = OpenPython(options);
  EXPECT_TRUE(device.ok()) << device.status().ToString();
  return device.ok() ? *device : nullptr;
}

// x < 0: the process ends by signal -x. Otherwise waits x milliseconds and answers.
const PythonModel kKiller{.code = R"(
import os, time
def run(x):
    if x[0] < 0:
        os.kill(os.getpid(), int(-x[0]))
    time.sleep(x[0] / 1000)
    return x
)",
                          .input_shape = "1",
                          .output_shape = "1"};

std::vector<pid_t> Children(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(parent) + "/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid; file >> pid;) found.push_back(pid);
  }
  return found;
}

TEST(PythonProcesses, ASegfaultCostsExactlyTheRequestsInFlightThere) {
  auto device = Open({{"interpreters", "2"}});
  ASSERT_NE(device, nullptr);
  auto slow = Loaded::Create(device, kKiller, Floats({1}, {300}));
  auto dies = Loaded::Create(device, kKiller, Floats({1}, {-SIGSEGV}));
  auto quick = Loaded::Create(device, kKiller, Floats({1}, {0}));
  ASSERT_TRUE(slow.ok() && dies.ok() && quick.ok()) << slow.status().ToString();
  Result<std::vector<float>> slow_answer = Internal("not run");
  std::thread thread([&] { slow_answer = slow->Run(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (int i = 0; i < 3; ++i) {
    const Status died = dies->Run().status();
    EXPECT_EQ(died.code(), Code::kAborted);
    EXPECT_THAT(died.ToString(), HasSubstr("model 'node': its worker process died by signal 11 "
                                           "(Segmentation fault)"));
    auto answer = quick->Run();
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  }
  thread.join();
  EXPECT_TRUE(slow_answer.ok()) << slow_answer.status().ToString();
}

TEST(PythonProcesses, ThatTheZygoteDiesIsSurvivedToo) {
  auto device = Open({{"interpreters", "2"}});
  ASSERT_NE(device, nullptr);
  auto loaded = Loaded::Create(device, kKiller, Floats({1}, {0}));
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_TRUE(loaded->Run().ok());
  const auto zygotes = Children(getpid());
  ASSERT_EQ(zygotes.size(), 1u);
  EXPECT_EQ(Children(zygotes[0]).size(), 2u);
  kill(zygotes[0], SIGKILL);
  while (kill(zygotes[0], 0) == 0) std::this_thread::yield();
  auto after = loaded->Run();
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_THAT(Children(getpid()), testing::Not(testing::Contains(zygotes[0])));
}

TEST(PythonProcesses, NothingIsLeftAfterTheDeviceIsClosed) {
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  ASSERT_NE(Open(), nullptr);  // what the engine's side keeps is there already
  backend::ParallelFor(2, [](uint32_t) {});
  const auto fds_before = descriptors(), threads_before = threads();
  std::vector<pid_t> processes;
  {
    auto device = Open({{"interpreters", "2"}});
    ASSERT_NE(device, nullptr);
    auto loaded = Loaded::Create(device, kKiller, Floats({1}, {0}));
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    ASSERT_TRUE(loaded->Run().ok());
    processes = Children(getpid());
    ASSERT_EQ(processes.size(), 1u);
    for (pid_t pid : Children(processes[0])) processes.push_back(pid);
    ASSERT_EQ(processes.size(), 3u);
  }
  for (pid_t pid : processes) {  // the workers' entries are the init process's to remove
    while (kill(pid, 0) == 0 && pid == processes[0]) std::this_thread::yield();
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child, dead or alive
  EXPECT_EQ(descriptors(), fds_before);
  EXPECT_EQ(threads(), threads_before);
}

TEST(PythonProcesses, DieWithTheEngine) {
  if (!kSharedWorks) GTEST_SKIP() << "ThreadSanitizer ends processes that are forked with threads";
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t engine = fork();
  if (engine == 0) {
    auto device = Open({{"interpreters", "1"}});
    auto loaded = Loaded::Create(device, kKiller, Floats({1}, {0}));
    const pid_t zygote = loaded.ok() ? Children(getpid())[0] : 0;
    const std::vector<pid_t> workers = Children(zygote);
    const pid_t pids[2] = {zygote, workers.empty() ? 0 : workers[0]};
    [[maybe_unused]] const ssize_t n = write(ends[1], pids, sizeof pids);
    pause();
  }
  pid_t pids[2] = {0, 0};
  ASSERT_EQ(read(ends[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  ASSERT_GT(pids[0], 0);
  ASSERT_GT(pids[1], 0);
  kill(engine, SIGKILL);
  waitpid(engine, nullptr, 0);
  const auto ended = [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    return stat.empty() || stat.find(") Z") != std::string::npos;
  };
  while (!ended(pids[0]) || !ended(pids[1])) std::this_thread::yield();
}

TEST(PythonProcesses, PutUpWithAHostThatReapsOrIgnoresChildren) {
  signal(SIGCHLD, SIG_IGN);
  auto device = Open({{"interpreters", "1"}});
  ASSERT_NE(device, nullptr);
  auto dies = Loaded::Create(device, kKiller, Floats({1}, {-SIGKILL}));
  auto quick = Loaded::Create(device, kKiller, Floats({1}, {0}));
  ASSERT_TRUE(dies.ok() && quick.ok()) << dies.status().ToString();
  EXPECT_EQ(dies->Run().status().code(), Code::kAborted);
  EXPECT_TRUE(quick->Run().ok());
  signal(SIGCHLD, SIG_DFL);
}

// Weights whose bytes are the container's are read from the file, others from memory.
TEST(PythonProcesses, UseTheContainersPagesWhereTheBytesAreTheSame) {
  if (!HasNumpy()) GTEST_SKIP() << "Debian's Python has no numpy here";
  const std::string package = testing::TempDir() + "/model.mspkg";
  const Tensor value = Floats({4}, {1, 2, 3, 4});
  {
    std::ofstream file(package, std::ios::binary);
    file << std::string(64, 'h');
    file.write(static_cast<const char*>(value.data()),
               static_cast<std::streamsize>(value.byte_size()));
  }
  const PythonModel model{.code = R"(
import numpy
def run(x, weights):
    w = weights["w"]
    first, at = 0, w.ctypes.data
    for line in open("/proc/self/maps"):
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if begin <= at < end:
            first = 1 if "model.mspkg" in line else 2
    return numpy.array([first, w.sum()], dtype=numpy.float32)
)",
                          .output_shape = "2",
                          .weights = {{"w", value}},
                          .externs = {"numpy"},
                          .package = package,
                          .weight_offsets = {64}};
  auto device = Open({{"interpreters", "1"}});
  ASSERT_NE(device, nullptr);
  auto loaded = Loaded::Create(device, model, Floats({1}, {0}));
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  auto from_file = loaded->Run();
  ASSERT_TRUE(from_file.ok()) << from_file.status().ToString();
  EXPECT_THAT(*from_file, ElementsAre(1, 10));
  auto next = loaded->runner().Stage({Floats({4}, {1, 2, 3, 5})}, loaded->weights().get());
  ASSERT_TRUE(next.ok()) << next.status().ToString();
  EXPECT_THAT(*loaded->RunWith(next->get()), ElementsAre(2, 11));
  Tensor back = *Tensor::Allocate(DType::kF32, {4});
  ASSERT_TRUE(loaded->weights()->Get(0, &back).ok());
  EXPECT_TRUE(BitEqual(back, value));
}

}  // namespace
}  // namespace midstream::plugin_testing

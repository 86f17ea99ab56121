// Worker processes: crashes, deaths, files, and the end; and jobs that are given up, in both isolations.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/plugins/python/interp/interpreters_testing.h"

namespace midstream::python_testing {
namespace {

Options Workers(uint32_t n) {
  Options options;
  options.process = true;
  options.workers = n;
  options.python = Probe("/usr/bin/python3");
  return options;
}

TEST(WorkerProcesses, DieAloneAndAreForkedAnew) {
  ShimHost host(Workers(1));
  ASSERT_EQ(host.failure(), "");
  const uint64_t bad =
      host.AddModel(OneTensorPackage("import ctypes\ndef act(x):\n    ctypes.string_at(0)\n"));
  const uint64_t good = host.AddModel(OneTensorPackage("def act(x):\n    return x\n"));
  const uint32_t job =
      host.Submit(MP_DO_INFER, bad, 0, {Floats({1, 1}, {1})}, {Zeros("float32", {1, 1})});
  const auto [worker, status] = host.WaitDeath();
  EXPECT_EQ(worker, 0u);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
  EXPECT_EQ(MP_STATE_KIND(host.region()->jobs[job].state), MP_JOB_TAKEN);
  const int32_t dead = host.worker(0).pid;
  host.Fork(0);
  const Answer answer =
      host.Run(MP_DO_INFER, good, 0, {Floats({1, 1}, {4})}, {Zeros("float32", {1, 1})});
  ASSERT_EQ(answer.code, 0) << answer.line;
  EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{4}));
  EXPECT_NE(host.worker(0).pid, dead);
}

TEST(WorkerProcesses, AnswerWhileAnotherIsKilled) {
  ShimHost host(Workers(2));
  ASSERT_EQ(host.failure(), "");
  const uint64_t endless = host.AddModel(OneTensorPackage("def act(x):\n    while True: pass\n"));
  const uint64_t good = host.AddModel(OneTensorPackage("def act(x):\n    return x\n"));
  const uint32_t job =
      host.Submit(MP_DO_INFER, endless, 0, {Floats({1, 1}, {1})}, {Zeros("float32", {1, 1})});
  ASSERT_TRUE(host.WaitState(job, MP_JOB_TAKEN));
  EXPECT_EQ(host.Run(MP_DO_INFER, good, 0, {Floats({1, 1}, {1})}, {Zeros("float32", {1, 1})}).code,
            0);
  const uint32_t taker = MP_STATE_WORKER(host.region()->jobs[job].state);
  kill(host.worker(taker).pid, SIGKILL);
  EXPECT_EQ(host.WaitDeath().first, taker);
  EXPECT_EQ(host.Run(MP_DO_INFER, good, 0, {Floats({1, 1}, {1})}, {Zeros("float32", {1, 1})}).code,
            0);
}

TEST(WorkerProcesses, EndWithTheirHost) {
  ShimHost host(Workers(2));
  ASSERT_EQ(host.failure(), "");
  const pid_t workers[] = {host.worker(0).pid, host.worker(1).pid};
  host.CloseControl();
  ASSERT_EQ(waitid(P_PID, id_t(host.zygote()), nullptr, WEXITED | WNOWAIT), 0);
  for (pid_t pid : workers) EXPECT_EQ(kill(pid, 0), -1) << "still there";
}

TEST(WorkerProcesses, EndWithTheirZygote) {
  ShimHost host(Workers(1));
  ASSERT_EQ(host.failure(), "");
  const pid_t worker = host.worker(0).pid;
  kill(host.zygote(), SIGKILL);
  for (int i = 0; i < 6000 && kill(worker, 0) == 0; ++i) {
    // An orphan may stay as a zombie of whoever adopts it.
    std::ifstream stat("/proc/" + std::to_string(worker) + "/stat");
    std::string text;
    std::getline(stat, text);
    if (text.find(") Z") != std::string::npos) return;
    usleep(10000);
  }
  EXPECT_EQ(kill(worker, 0), -1);
}

TEST(WorkerProcesses, LeaveWhenTheyAreTold) {
  ShimHost host(Workers(1));
  ASSERT_EQ(host.failure(), "");
  host.worker(0).stop = 1;
  host.Retire(host.AddModel(OneTensorPackage("")), true);  // raises `work`
  const auto [worker, status] = host.WaitDeath();
  EXPECT_EQ(worker, 0u);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(WorkerProcesses, AreNotMadeWithoutWhatTheyShare) {
  Options options = Workers(1);
  options.preload = "json,not_there";
  ShimHost host(options);
  EXPECT_THAT(host.failure(), testing::HasSubstr("preload of 'not_there': ModuleNotFoundError"));
}

TEST(WorkerProcesses, DrawDifferentRandomNumbers) {
  Options options = Workers(2);
  options.preload = "numpy";
  ShimHost host(options);
  ASSERT_EQ(host.failure(), "");
  const uint64_t model = host.AddModel(OneTensorPackage(
      "import time\nimport numpy as np\n"
      "def act(x):\n    time.sleep(0.3)\n    return np.random.rand(1, 1).astype('float32')\n"));
  const uint32_t one =
      host.Submit(MP_DO_INFER, model, 0, {Floats({1, 1}, {0})}, {Zeros("float32", {1, 1})});
  const uint32_t two =
      host.Submit(MP_DO_INFER, model, 0, {Floats({1, 1}, {0})}, {Zeros("float32", {1, 1})});
  const Answer first = host.Wait(one);
  const Answer second = host.Wait(two);
  ASSERT_EQ(first.code, 0) << first.line;
  ASSERT_NE(first.worker, second.worker);
  EXPECT_NE(first.outputs[0].bytes, second.outputs[0].bytes);
}

TEST(WorkerProcesses, ReadWeightsFromTheContainer) {
  ShimHost host(Workers(1));
  ASSERT_EQ(host.failure(), "");
  Package package = OneTensorPackage("def act(x, weights):\n    return weights['w']\n");
  package.weights = {"w"};
  const uint64_t model = host.AddModel(package);
  const std::string path = testing::TempDir() + "/container_" + std::to_string(getpid());
  const Tensor w = Floats({1, 2}, {3, 4});
  std::ofstream(path, std::ios::binary) << std::string(64, 'x') << w.bytes;
  const uint64_t set = host.AddSet(model, {host.AddFileValue(w, path, 64)});
  const Tensor x = Floats({1, 2}, {0, 0});
  Answer answer = host.Run(MP_DO_INFER, model, set, {x}, {Zeros("float32", {1, 2})});
  ASSERT_EQ(answer.code, 0) << answer.line;
  EXPECT_EQ(answer.outputs[0].bytes, w.bytes);
  const uint64_t beyond = host.AddSet(model, {host.AddFileValue(w, path, 66)});
  answer = host.Run(MP_DO_INFER, model, beyond, {x}, {Zeros("float32", {1, 2})});
  EXPECT_EQ(answer.line, "OSError: a weight lies outside the container: was the file changed?");
  remove(path.c_str());
  const uint64_t gone = host.AddSet(model, {host.AddFileValue(w, path + "_gone", 0)});
  answer = host.Run(MP_DO_INFER, model, gone, {x}, {Zeros("float32", {1, 2})});
  EXPECT_EQ(answer.line,
            "FileNotFoundError: [Errno 2] No such file or directory: '" + path + "_gone'");
}

TEST(WorkerProcesses, SayWhyTheyCannotStart) {
  Options options = Workers(1);
  options.python.library = "/nowhere/libpython3.so";
  const ShimHost host(options);
  EXPECT_EQ(host.failure(),
            "cannot load Python: /nowhere/libpython3.so: cannot open shared object file: No such "
            "file or directory");
  options = Workers(1);
  options.site = "/nowhere";
  EXPECT_EQ(ShimHost(options).failure(),
            "NotADirectoryError(\"site: '/nowhere' is not a folder\")");
}

// A model whose calls last until a file is removed, and count.
class Jobs : public Interpreters {
 protected:
  uint64_t AddHeldModel() {
    std::ofstream(gate_).put('x');
    return host().AddModel(OneTensorPackage(
        "import os, time\ncalls = 0\ndef act(x):\n    global calls\n    calls += 1\n"
        "    while os.path.exists('" +
        gate_ + "'):\n        time.sleep(0.001)\n    return x * 0 + calls\n"));
  }
  void LetGo() { remove(gate_.c_str()); }

 private:
  const std::string gate_ = testing::TempDir() + "/gate_" + std::to_string(getpid());
};
INSTANTIATE_TEST_SUITE_P(, Jobs, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "Shared"; });

TEST_P(Jobs, ThatAreLostComeBackWithoutAnAnswer) {
  const uint64_t model = AddHeldModel();
  const Tensor x = Floats({1, 1}, {0});
  const uint32_t index = host().Submit(MP_DO_INFER, model, 0, {x}, {Zeros("float32", {1, 1})});
  mp_job* job = &host().region()->jobs[index];
  ASSERT_TRUE(host().WaitState(index, MP_JOB_TAKEN));
  uint32_t state = MP_STATE(MP_JOB_TAKEN, 0);
  ASSERT_TRUE(__atomic_compare_exchange_n(&job->state, &state, MP_STATE(MP_JOB_LOST, 0), 0,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  LetGo();
  ASSERT_TRUE(host().WaitState(index, MP_JOB_RETURNED));
  const mp_tensor& output = job->outputs[0];
  const float* written =
      host().region()->absolute ? reinterpret_cast<float*>(output.at) : host().At<float>(output.at);
  EXPECT_EQ(*written, 0) << "outputs of a lost job are not touched";
  job->state = MP_JOB_FREE;
  if (GetParam()) return;  // a process waits to be killed
  EXPECT_EQ(ToFloats(Infer(model, 0, {x}, Zeros("float32", {1, 1}))), (std::vector<float>{2}));
}

TEST_P(Jobs, ThatAreWithdrawnAreNotRun) {
  const uint64_t model = AddHeldModel();
  const Tensor x = Floats({1, 1}, {0});
  const uint32_t running = host().Submit(MP_DO_INFER, model, 0, {x}, {Zeros("float32", {1, 1})});
  ASSERT_TRUE(host().WaitState(running, MP_JOB_TAKEN));
  const uint32_t queued = host().Submit(MP_DO_INFER, model, 0, {x}, {Zeros("float32", {1, 1})});
  uint32_t state = MP_JOB_QUEUED;
  ASSERT_TRUE(__atomic_compare_exchange_n(&host().region()->jobs[queued].state, &state, MP_JOB_FREE,
                                          0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  LetGo();
  EXPECT_EQ(host().Wait(running).code, 0);
  EXPECT_EQ(ToFloats(Infer(model, 0, {x}, Zeros("float32", {1, 1}))), (std::vector<float>{2}));
}

TEST_P(Jobs, FillTheRingManyTimes) {
  const uint64_t model = host().AddModel(OneTensorPackage("def act(x):\n    return x\n"));
  for (int round = 0; round < 20; ++round) {
    std::vector<uint32_t> jobs;
    for (int i = 0; i < 100; ++i) {
      jobs.push_back(host().Submit(MP_DO_INFER, model, 0, {Floats({1, 1}, {float(i)})},
                                   {Zeros("float32", {1, 1})}));
    }
    for (int i = 0; i < 100; ++i) {
      const Answer answer = host().Wait(jobs[i]);
      ASSERT_EQ(answer.code, 0) << answer.line;
      EXPECT_EQ(ToFloats(answer.outputs[0])[0], float(i));
    }
  }
}

}  // namespace
}  // namespace midstream::python_testing

// Models of one node through the ABI, in both isolations.
#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "tests/plugins/python/python_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PythonModels : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "shared" && !kSharedWorks) GTEST_SKIP() << "under ThreadSanitizer";
    Open({});
  }
  void Open(Options options) {
    options.push_back({"isolation", GetParam()});
    auto device = OpenPython(options);
    ASSERT_TRUE(device.ok()) << device.status().ToString();
    device_ = *device;
  }
  // What running the model once gives, or the error of loading or running it.
  Result<std::vector<float>> Run(const PythonModel& model, const Tensor& x) {
    MS_ASSIGN_OR_RETURN(Loaded loaded, Loaded::Create(device_, model, x));
    return loaded.Run();
  }

  std::shared_ptr<backend::Device> device_;
};

const Tensor kThree = Floats({3}, {1, 2, 3});

TEST_P(PythonModels, AFunctionAnswers) {
  auto y = Run({.code = "def run(x):\n  return [2 * v for v in x]\n"}, kThree);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_THAT(*y, ElementsAre(2, 4, 6));
}

constexpr const char* kScale = R"(
class Scale:
    def __init__(self, weights):
        self.w = weights["w"]
    def __call__(self, x):
        return [a * b for a, b in zip(x, self.w)]
)";

TEST_P(PythonModels, AClassAnswersWithTheVersionOfItsRequest) {
  const PythonModel model{
      .code = kScale, .entry = "model:Scale", .weights = {{"w", Floats({3}, {1, 10, 100})}}};
  auto loaded = Loaded::Create(device_, model, kThree);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  auto next = loaded->runner().Stage({Floats({3}, {2, 2, 2})}, loaded->weights().get());
  ASSERT_TRUE(next.ok()) << next.status().ToString();
  for (int i = 0; i < 20; ++i) {
    auto old_answer = loaded->Run();
    auto new_answer = loaded->RunWith(next->get());
    ASSERT_TRUE(old_answer.ok() && new_answer.ok());
    EXPECT_THAT(*old_answer, ElementsAre(1, 20, 300));
    EXPECT_THAT(*new_answer, ElementsAre(2, 4, 6));
  }
  Tensor back = *Tensor::Allocate(DType::kF32, {3});
  ASSERT_TRUE((*next)->Get(0, &back).ok());
  EXPECT_THAT(back.as<float>(), ElementsAre(2, 2, 2));
}

TEST_P(PythonModels, AnExceptionTellsItsTypeMessageAndLineAndTheModelStaysUsable) {
  const PythonModel model{.code = R"(
def run(x):
    if x[0] > 0:
        raise ValueError("too large")
    return x
)"};
  auto fails = Loaded::Create(device_, model, kThree);
  ASSERT_TRUE(fails.ok()) << fails.status().ToString();
  const std::string text = fails->Run().status().ToString();
  for (const char* part : {"node", "ValueError", "too large", "model.py", "4"})
    EXPECT_THAT(text, HasSubstr(part));
  auto works = Run(model, Floats({1}, {-1}));
  ASSERT_TRUE(works.ok()) << works.status().ToString();
  EXPECT_THAT(*works, ElementsAre(-1));
}

TEST_P(PythonModels, MistakesOfTheCodeAreFoundAtLoad) {
  EXPECT_THAT(Run({.code = "def run(x:\n  return x\n"}, kThree).status().ToString(),
              HasSubstr("SyntaxError"));
  EXPECT_THAT(
      Run({.code = "import no_such_module\ndef run(x):\n  return x\n"}, kThree).status().ToString(),
      HasSubstr("no_such_module"));
  EXPECT_THAT(Run({.code = "def other(x):\n  return x\n"}, kThree).status().ToString(),
              HasSubstr("run"));
}

TEST_P(PythonModels, AVersionThatTheModelRefusesIsRefused) {
  const PythonModel model{.code = R"(
class Scale:
    def __init__(self, weights):
        self.w = weights["w"]
        if self.w[0] < 0:
            raise ValueError("negative scale")
    def __call__(self, x):
        return [a * b for a, b in zip(x, self.w)]
)",
                          .entry = "model:Scale",
                          .weights = {{"w", Floats({3}, {1, 1, 1})}}};
  auto loaded = Loaded::Create(device_, model, kThree);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  auto refused = loaded->runner().Stage({Floats({3}, {-1, 1, 1})}, loaded->weights().get());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().ToString(), HasSubstr("negative scale"));
  auto y = loaded->Run();
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_THAT(*y, ElementsAre(1, 2, 3));
}

TEST_P(PythonModels, ACallPastItsDeadlineFailsAndOthersAreAnswered) {
  Open({{"timeout_ms", "300"}, {"interpreters", "2"}});
  const PythonModel model{.code = R"(
import time
def run(x):
    if x[0] < 0:
        time.sleep(-x[0])
    return x
)"};
  auto stuck = Loaded::Create(device_, model, Floats({1}, {-3}));
  auto quick = Loaded::Create(device_, model, Floats({1}, {1}));
  ASSERT_TRUE(stuck.ok() && quick.ok());
  const Status late = stuck->Run().status();
  EXPECT_EQ(late.code(), Code::kDeadlineExceeded) << late.ToString();
  EXPECT_THAT(late.ToString(), HasSubstr("did not answer within 300 ms"));
  for (int i = 0; i < 20; ++i) {
    auto y = quick->Run();
    ASSERT_TRUE(y.ok()) << y.status().ToString();
  }
}

// The other interpreters load a model when its first request reaches them.
TEST_P(PythonModels, LoadingTakesNothingOfTheTimeToAnswer) {
  Open({{"timeout_ms", "400"}, {"interpreters", "2"}});
  const PythonModel model{.code = R"(
import time
time.sleep(0.8)
class Policy:
    def __init__(self, weights):
        pass
    def on_weights(self, version):
        time.sleep(0.8)
    def __call__(self, x):
        time.sleep(0.05)
        return x
)",
                          .entry = "model:Policy",
                          .weights = {{"w", kThree}}};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 2; ++caller) {
    callers.emplace_back([&] {
      auto loaded = Loaded::Create(device_, model, kThree);
      ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
      auto weights = loaded->runner().Stage({kThree}, loaded->weights().get());
      ASSERT_TRUE(weights.ok()) << weights.status().ToString();
      for (int i = 0; i < 10; ++i) {
        auto y = loaded->RunWith(weights->get());
        EXPECT_TRUE(y.ok()) << y.status().ToString();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

// Of the process that embeds the engine: Python would set one for SIGINT.
TEST_P(PythonModels, SignalHandlersStayTheHosts) {
  const auto handlers = [] {
    std::vector<void*> all;
    for (int number = 1; number < NSIG; ++number) {
      struct sigaction action {};
      if (sigaction(number, nullptr, &action) == 0)
        all.push_back(reinterpret_cast<void*>(action.sa_handler));
    }
    return all;
  };
  signal(SIGINT, SIG_DFL);
  const auto before = handlers();
  const PythonModel model{.code = R"(
import faulthandler, signal
def run(x):
    faulthandler.enable(open("/dev/null", "w"))
    return [signal.getsignal(signal.SIGINT) is not None]
)",
                          .output_shape = "1"};
  auto y = Run(model, kThree);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_EQ(handlers(), before);
}

// What the model forks is a process of its own: when it comes back from the model it ends, and is no
// second interpreter that answers requests.
TEST_P(PythonModels, AForkedChildThatComesBackEnds) {
  const PythonModel model{.code = R"(
import os
def run(x):
    child = os.fork()
    if child == 0:
        raise ValueError("in the child")
    ended, status = os.waitpid(child, 0)
    return [os.waitstatus_to_exitcode(status)]
)",
                          .output_shape = "1"};
  for (int i = 0; i < 5; ++i) {
    auto y = Run(model, kThree);
    ASSERT_TRUE(y.ok()) << y.status().ToString();
    EXPECT_THAT(*y, ElementsAre(1));
  }
}

TEST_P(PythonModels, ProcessesThatAModelStartsCanBeTerminated) {
  const PythonModel model{.code = R"(
import multiprocessing, subprocess, time
def run(x):
    started = subprocess.Popen(["sleep", "60"])
    started.terminate()
    forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    forked.start()
    forked.terminate()
    forked.join(20)
    return [started.wait(20), forked.exitcode]
)",
                          .output_shape = "2"};
  auto y = Run(model, kThree);
  ASSERT_TRUE(y.ok()) << y.status().ToString();
  EXPECT_THAT(*y, ElementsAre(-15, -15));
}

TEST_P(PythonModels, NodesInARowAreOneSegment) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kF32, {3});
  const ValueId w = graph.AddWeight("w", DType::kF32, {3});
  const PythonModel twice{.code = "def run(x):\n  return [2 * v for v in x]\n"};
  const PythonModel scale{
      .code = kScale, .entry = "model:Scale", .weights = {{"w", Floats({3}, {1, 1, 1})}}};
  const auto add = [&](const char* name, const PythonModel& model, std::vector<ValueId> inputs) {
    const NodeId id = graph.AddNode("PythonModel", name, inputs, model.Attrs(), 1, "midstream");
    return graph.node(id).outputs[0];
  };
  const ValueId a = add("a", twice, {x});
  const ValueId b = add("b", scale, {a, w});
  const ValueId c = add("c", twice, {b});
  graph.AddOutput(b, "b");
  graph.AddOutput(c, "c");
  ASSERT_TRUE(graph.Compact().ok() && InferShapes(graph, nullptr).ok());
  BuiltNode built;
  built.graph = graph;
  built.inputs = {kThree};
  auto runner = NodeRunner::Create(device_, built, false);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  auto weights = runner->Stage({Floats({3}, {1, 10, 100})}, nullptr);
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  auto outputs = runner->Run(weights->get());
  ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
  EXPECT_THAT((*outputs)[0].as<float>(), ElementsAre(2, 40, 600));
  EXPECT_THAT((*outputs)[1].as<float>(), ElementsAre(4, 80, 1200));
}

TEST_P(PythonModels, ManyThreadsAreAnsweredEachWithItsOwn) {
  Open({{"interpreters", "2"}});
  const PythonModel model{.code = "def run(x):\n  return [v + 1 for v in x]\n"};
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      auto loaded = Loaded::Create(device_, model, Floats({1}, {static_cast<float>(t)}));
      for (int i = 0; i < 100 && loaded.ok(); ++i) {
        auto y = loaded->Run();
        if (!y.ok() || (*y)[0] != static_cast<float>(t + 1)) ++wrong;
      }
      if (!loaded.ok()) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Isolation, PythonModels, testing::Values<std::string>("shared", "process"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace midstream::plugin_testing

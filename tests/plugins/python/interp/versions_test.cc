// Versions of weights: what a model sees of them, and when they are let go.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/plugins/python/interp/interpreters_testing.h"

namespace midstream::python_testing {
namespace {

class Versions : public Interpreters {
 protected:
  // A model whose answer is y[1, 1], with one weight "w".
  uint64_t AddModel(const std::string& source, const std::string& entry) {
    Package package = OneTensorPackage(source);
    package.entry = entry;
    package.weights = {"w"};
    return host().AddModel(package);
  }
  uint64_t AddSet(uint64_t model, float w) {
    return host().AddSet(model, {host().AddValue(Floats({1}, {w}))});
  }
  float Ask(uint64_t model, uint64_t set) {
    const std::vector<float> y =
        ToFloats(Infer(model, set, {Floats({1, 1}, {0})}, Zeros("float32", {1, 1})));
    return y.empty() ? -1 : y[0];
  }
  uint32_t* ValueHold(uint64_t set) {
    const uint64_t value = *host().At<uint64_t>(host().At<mp_set>(set)->values);
    return &host().At<mp_value>(value)->holds[0];
  }
};
INSTANTIATE_TEST_SUITE_P(, Versions, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "Shared"; });

TEST_P(Versions, ReachAFunctionByItsParameter) {
  const uint64_t model =
      AddModel("def act(x, weights):\n    return [[float(weights['w'][0])]]\n", "policy:act");
  const uint64_t one = AddSet(model, 1);
  const uint64_t two = AddSet(model, 2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(model, one), 1);
    EXPECT_EQ(Ask(model, two), 2);
  }
}

TEST_P(Versions, AreMappingsThatCannotBeWritten) {
  const uint64_t model = AddModel(
      "def act(x, weights):\n"
      "    w = weights['w']\n"
      "    assert list(weights) == ['w'] and len(weights) == 1 and 'w' in weights and 'v' not in "
      "weights\n"
      "    assert w is weights['w'] and not w.flags.writeable and isinstance(weights.id, int)\n"
      "    try:\n        weights['w'] = 1\n    except TypeError:\n        return [[weights.id]]\n",
      "policy:act");
  const uint64_t one = AddSet(model, 1);
  const uint64_t two = AddSet(model, 2);
  const float first = Ask(model, one);
  EXPECT_GT(Ask(model, two), first);
  EXPECT_EQ(Ask(model, one), first);
}

TEST_P(Versions, MakeAnInstanceEach) {
  const uint64_t model = AddModel(
      "made = 0\n"
      "class Policy:\n"
      "    def __init__(self, weights):\n        global made\n        made += 1\n        self.w = "
      "weights['w'][0]\n"
      "    def __call__(self, x):\n        return [[self.w * 100 + made]]\n",
      "policy:Policy");
  const uint64_t one = AddSet(model, 1);
  const uint64_t two = AddSet(model, 2);
  const uint64_t three = AddSet(model, 3);
  EXPECT_EQ(Ask(model, one), 101);
  EXPECT_EQ(Ask(model, two), 202);
  EXPECT_EQ(Ask(model, one), 102) << "the last two are kept";
  EXPECT_EQ(Ask(model, three), 303);
  EXPECT_EQ(Ask(model, one), 103);
  EXPECT_EQ(Ask(model, two), 204) << "the one used last but two is made anew";
}

TEST_P(Versions, AreToldToAnInstanceThatWantsTo) {
  const uint64_t model = AddModel(
      "class Policy:\n"
      "    def __init__(self, weights):\n        self.w, self.told = weights['w'][0], 0\n"
      "    def on_weights(self, version):\n        self.w = version['w'][0]\n        self.told += "
      "1\n"
      "    def __call__(self, x):\n        return [[self.w * 100 + self.told]]\n",
      "policy:Policy");
  const uint64_t one = AddSet(model, 1);
  const uint64_t two = AddSet(model, 2);
  EXPECT_EQ(Ask(model, one), 100);
  EXPECT_EQ(Ask(model, one), 100);
  EXPECT_EQ(Ask(model, two), 201);
  EXPECT_EQ(Ask(model, two), 201);
  EXPECT_EQ(Ask(model, one), 102);
}

TEST_P(Versions, AreToldFromTheFirstOnIfTheConstructorTakesNone) {
  const uint64_t model = AddModel(
      "class Policy:\n"
      "    def on_weights(self, version):\n        self.w = version['w'][0]\n"
      "    def __call__(self, x):\n        return [[self.w]]\n",
      "policy:Policy");
  EXPECT_EQ(Ask(model, AddSet(model, 5)), 5);
}

TEST_P(Versions, AreToldAgainAfterAFailure) {
  const uint64_t model = AddModel(
      "class Policy:\n"
      "    fails = 1\n"
      "    def __init__(self, weights):\n        self.w = weights['w'][0]\n"
      "    def on_weights(self, version):\n"
      "        self.w = version['w'][0]\n"
      "        if Policy.fails:\n            Policy.fails -= 1\n            raise ValueError('not "
      "now')\n"
      "        self.w += 1\n"
      "    def __call__(self, x):\n        return [[self.w]]\n",
      "policy:Policy");
  EXPECT_EQ(Ask(model, AddSet(model, 5)), 5);
  const uint64_t two = AddSet(model, 6);
  const Answer failed =
      host().Run(MP_DO_INFER, model, two, {Floats({1, 1}, {0})}, {Zeros("float32", {1, 1})});
  EXPECT_EQ(failed.line, "ValueError: not now (policy.py:9 in on_weights)");
  EXPECT_EQ(Ask(model, two), 7);
}

TEST_P(Versions, ArePreparedBeforeTheFirstRequest) {
  const uint64_t model = AddModel(
      "made = 0\n"
      "class Policy:\n"
      "    def __init__(self, weights):\n        global made\n        made += 1\n"
      "    def __call__(self, x):\n        return [[made]]\n",
      "policy:Policy");
  const uint64_t one = AddSet(model, 1);
  EXPECT_EQ(host().Run(MP_DO_LOAD, model, 0).code, 0);
  EXPECT_EQ(host().Run(MP_DO_PREPARE, model, one).code, 0);
  EXPECT_EQ(host().At<mp_set>(one)->holds[0], 1u);
  EXPECT_EQ(Ask(model, one), 1);
}

TEST_P(Versions, AreLetGoWhenTheyRetire) {
  const uint64_t model =
      AddModel("def act(x, weights):\n    return [[weights['w'][0]]]\n", "policy:act");
  const uint64_t one = AddSet(model, 1);
  EXPECT_EQ(Ask(model, one), 1);
  EXPECT_EQ(host().At<mp_set>(one)->holds[0], 1u);
  EXPECT_GE(*ValueHold(one), 1u);
  EXPECT_EQ(host().At<mp_model>(model)->holds[0], 1u);
  host().Retire(one, false);
  EXPECT_TRUE(host().WaitUntilZero(&host().At<mp_set>(one)->holds[0]));
  EXPECT_TRUE(host().WaitUntilZero(ValueHold(one)));
  EXPECT_EQ(host().At<mp_model>(model)->holds[0], 1u);
  host().Retire(model, true);
  EXPECT_TRUE(host().WaitUntilZero(&host().At<mp_model>(model)->holds[0]));
}

TEST_P(Versions, StayHeldAsLongAsAModelKeepsAnArray) {
  const uint64_t model = AddModel(
      "kept = []\n"
      "def act(x, weights):\n    kept.append(weights['w'][:])\n    return [[kept[0][0]]]\n",
      "policy:act");
  const uint64_t one = AddSet(model, 1);
  EXPECT_EQ(Ask(model, one), 1);
  host().Retire(one, false);
  EXPECT_TRUE(host().WaitUntilZero(&host().At<mp_set>(one)->holds[0]));
  const uint64_t two = AddSet(model, 2);
  EXPECT_EQ(Ask(model, two), 1) << "the array of the retired version is whole";
  EXPECT_EQ(*ValueHold(one), 1u);
  host().Retire(two, false);
  host().Retire(model, true);
  EXPECT_TRUE(host().WaitUntilZero(ValueHold(one)));
  EXPECT_TRUE(host().WaitUntilZero(ValueHold(two)));
  EXPECT_TRUE(host().WaitUntilZero(&host().At<mp_model>(model)->holds[0]));
}

TEST_P(Versions, AreLetGoFromCyclesOfObjects) {
  const uint64_t model = AddModel(
      "class Policy:\n"
      "    def __init__(self, weights):\n        self.w = weights['w']\n        self.me = self\n"
      "    def __call__(self, x):\n        return [[self.w[0]]]\n",
      "policy:Policy");
  const uint64_t one = AddSet(model, 1);
  EXPECT_EQ(Ask(model, one), 1);
  host().Retire(one, false);
  EXPECT_TRUE(host().WaitUntilZero(ValueHold(one)));
}

TEST_P(Versions, AreLetGoByAModelThatFailed) {
  const uint64_t model = AddModel(
      "def act(x, weights):\n    w = weights['w']\n    raise ValueError(w)\n", "policy:act");
  const uint64_t one = AddSet(model, 1);
  EXPECT_NE(
      host().Run(MP_DO_INFER, model, one, {Floats({1, 1}, {0})}, {Zeros("float32", {1, 1})}).code,
      0);
  host().Retire(one, false);
  EXPECT_TRUE(host().WaitUntilZero(ValueHold(one)));
}

TEST_P(Versions, OfManyPushesLeaveNothing) {
  const uint64_t model =
      AddModel("def act(x, weights):\n    return [[weights['w'][0]]]\n", "policy:act");
  std::vector<uint64_t> sets;
  for (int i = 0; i < 200; ++i) {
    sets.push_back(AddSet(model, float(i)));
    EXPECT_EQ(Ask(model, sets.back()), float(i));
    if (i > 0) host().Retire(sets[sets.size() - 2], false);
  }
  sets.pop_back();
  for (uint64_t set : sets) EXPECT_TRUE(host().WaitUntilZero(ValueHold(set)));
}

TEST(SharedVersions, HaveOneAddressInAllInterpreters) {
  if (!kCanShare) GTEST_SKIP() << "not under ThreadSanitizer";
  Options options;
  options.workers = 2;
  options.python = Probe("/usr/bin/python3");
  ShimHost host(options);
  ASSERT_EQ(host.failure(), "");
  Package package = OneTensorPackage(
      "import time\ndef act(x, weights):\n    time.sleep(0.05)\n    return {'y': "
      "weights['w'].ctypes.data}\n");
  package.outputs = {{"y", "int64", {}}};
  package.weights = {"w"};
  const uint64_t model = host.AddModel(package);
  const uint64_t value = host.AddValue(Floats({1}, {1}));
  const uint64_t set = host.AddSet(model, {value});
  std::vector<uint32_t> jobs;
  for (int i = 0; i < 6; ++i) {
    jobs.push_back(
        host.Submit(MP_DO_INFER, model, set, {Floats({1, 1}, {0})}, {Zeros("int64", {})}));
  }
  std::vector<int> by(2);
  for (uint32_t job : jobs) {
    const Answer answer = host.Wait(job);
    ASSERT_EQ(answer.code, 0) << answer.line;
    ++by[answer.worker];
    EXPECT_EQ(*reinterpret_cast<const uint64_t*>(answer.outputs[0].bytes.data()),
              host.At<mp_value>(value)->tensor.at);
  }
  EXPECT_GT(by[0], 0);
  EXPECT_GT(by[1], 0);
}

}  // namespace
}  // namespace midstream::python_testing

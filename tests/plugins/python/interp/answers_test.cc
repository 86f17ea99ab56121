// Models answer, in namespaces and in worker processes.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/plugins/python/interp/shim_testing.h"

namespace midstream::python_testing {
namespace {

class Interpreters : public testing::TestWithParam<bool> {
 protected:
  // One host for each isolation, for all tests of the program: namespaces never go away.
  static ShimHost& Host(bool process) {
    static std::map<bool, ShimHost*> hosts;
    ShimHost*& host = hosts[process];
    if (host == nullptr) {
      Options options;
      options.process = process;
      options.python = Probe("/usr/bin/python3");
      options.preload = "numpy";
      host = new ShimHost(options);
    }
    return *host;
  }
  ShimHost& host() { return Host(GetParam()); }

  void SetUp() override { ASSERT_EQ(host().failure(), ""); }
};
INSTANTIATE_TEST_SUITE_P(, Interpreters, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "Shared"; });

Package Linear() {
  Package package;
  package.entry = "policy:act";
  package.files["code/policy.py"] =
      "import numpy as np\n"
      "def act(x, weights):\n"
      "    return x @ weights['w']\n";
  package.inputs = {{"x", "float32", {"n", "2"}}};
  package.outputs = {{"y", "float32", {"n", "3"}}};
  package.weights = {"w"};
  return package;
}

TEST_P(Interpreters, AnswerWithTheWeightsOfTheRequest) {
  const uint64_t model = host().AddModel(Linear());
  const Tensor x = Floats({1, 2}, {2, 3});
  const uint64_t one = host().AddSet(model, {host().AddValue(Floats({2, 3}, {1, 0, 0, 0, 1, 0}))});
  const uint64_t two =
      host().AddSet(model, {host().AddValue(Floats({2, 3}, {0, 0, 10, 10, 0, 0}))});
  Answer answer = host().Run(MP_DO_INFER, model, one, {x}, {Zeros("float32", {1, 3})});
  ASSERT_EQ(answer.code, 0) << answer.line << answer.traceback;
  EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{2, 3, 0}));
  answer = host().Run(MP_DO_INFER, model, two, {x}, {Zeros("float32", {1, 3})});
  ASSERT_EQ(answer.code, 0) << answer.line << answer.traceback;
  EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{30, 0, 20}));
}

}  // namespace
}  // namespace midstream::python_testing

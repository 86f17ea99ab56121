// One host of interpreters for each isolation, for all tests of the program: namespaces never go away.
#ifndef MIDSTREAM_TESTS_PLUGINS_PYTHON_INTERP_INTERPRETERS_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_PYTHON_INTERP_INTERPRETERS_TESTING_H_

#include <gtest/gtest.h>

#include <string>

#include "tests/plugins/python/interp/shim_testing.h"

namespace midstream::python_testing {

// With one worker, by the distribution's Python.
ShimHost& SharedHost(bool process);

// Entry policy:act; x and y are float32 [n, m], numpy is declared.
Package OneTensorPackage(const std::string& source);

class Interpreters : public testing::TestWithParam<bool> {
 protected:
  ShimHost& host() { return SharedHost(GetParam()); }
  void SetUp() override {
    if (!GetParam() && !kCanShare) GTEST_SKIP() << "not under ThreadSanitizer";
    ASSERT_EQ(host().failure(), "");
  }

  // The only output of a model with these inputs; the test has failed if there is none.
  Tensor Infer(uint64_t model, uint64_t set, const std::vector<Tensor>& inputs,
               const Tensor& output) {
    const Answer answer = host().Run(MP_DO_INFER, model, set, inputs, {output});
    EXPECT_EQ(answer.code, 0) << answer.line << "\n" << answer.traceback;
    return answer.outputs.empty() ? Tensor() : answer.outputs[0];
  }
};

}  // namespace midstream::python_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_PYTHON_INTERP_INTERPRETERS_TESTING_H_

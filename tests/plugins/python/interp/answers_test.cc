// Models answer: every form of an entry, every dtype, every form of an answer, in namespaces and in worker processes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/plugins/python/interp/interpreters_testing.h"

namespace midstream::python_testing {
namespace {

INSTANTIATE_TEST_SUITE_P(, Interpreters, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "Shared"; });

Tensor Iota(const std::string& dtype, std::vector<int64_t> shape) {
  Tensor tensor = Zeros(dtype, std::move(shape));
  // 1 and 0 are right for a bool, too.
  for (size_t i = 0; i < tensor.bytes.size(); ++i)
    tensor.bytes[i] = dtype == "bool" ? char(i % 2) : char(i * 7 + 1);
  return tensor;
}

// y = f(x) for x of any dtype and shape.
Package Echo(const std::string& source, const Tensor& x, std::vector<std::string> externs) {
  Package package = OneTensorPackage(source);
  package.externs = std::move(externs);
  const std::vector<std::string> shape(x.shape.size(), "d");
  package.inputs = {{"x", x.dtype, shape}};
  package.outputs = {{"y", x.dtype, shape}};
  return package;
}

const char* const kDtypes[] = {"bool",    "int8",    "int16",   "int32",  "int64",
                               "uint8",   "uint16",  "uint32",  "uint64", "float16",
                               "float32", "float64", "bfloat16"};

TEST_P(Interpreters, CarryEveryDtypeAndShape) {
  for (const std::vector<std::string>& externs :
       {std::vector<std::string>{"numpy"}, std::vector<std::string>{}}) {
    for (const char* dtype : kDtypes) {
      for (const std::vector<int64_t>& shape :
           {std::vector<int64_t>{2, 3}, std::vector<int64_t>{}, std::vector<int64_t>{0, 3},
            std::vector<int64_t>{5}}) {
        const Tensor x = Iota(dtype, shape);
        const Tensor y = Infer(host().AddModel(Echo("def act(x):\n    return x\n", x, externs)), 0,
                               {x}, Zeros(dtype, shape));
        EXPECT_EQ(y.bytes, x.bytes) << dtype << " " << shape.size() << " " << externs.size();
      }
    }
  }
}

TEST_P(Interpreters, GiveArraysOfTheDeclaredDtype) {
  for (const char* dtype : kDtypes) {
    const Tensor x = Iota(dtype, {2, 2});
    const std::string seen = std::string(dtype) == "bfloat16" ? "uint16" : dtype;
    const std::string source = "def act(x):\n    assert x.dtype == '" + seen +
                               "' and x.shape == (2, 2) and x.flags.writeable, x.dtype\n" +
                               "    return x\n";
    EXPECT_EQ(
        Infer(host().AddModel(Echo(source, x, {"numpy"})), 0, {x}, Zeros(dtype, {2, 2})).bytes,
        x.bytes);
  }
}

TEST_P(Interpreters, GiveViewsToModelsWithoutNumpy) {
  const Tensor x = Floats({2, 2}, {1, 2, 3, 4});
  const std::string source =
      "def act(x):\n"
      "    assert type(x) is memoryview and x.format == 'f' and x.shape == (2, 2)\n"
      "    return [[2 * v for v in row] for row in x.tolist()]\n";
  const Tensor y = Infer(host().AddModel(Echo(source, x, {})), 0, {x}, Zeros("float32", {2, 2}));
  EXPECT_EQ(ToFloats(y), (std::vector<float>{2, 4, 6, 8}));
}

TEST_P(Interpreters, TakeResultsThatAreNotContiguous) {
  const Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  for (const std::string expression :
       {"x[:, ::-1]", "x[:, ::-1].copy(order='F')", "x[:, ::-1].astype('>f4')"}) {
    const Tensor y =
        Infer(host().AddModel(Echo("def act(x):\n    return " + expression + "\n", x, {"numpy"})),
              0, {x}, Zeros("float32", {2, 3}));
    EXPECT_EQ(ToFloats(y), (std::vector<float>{3, 2, 1, 6, 5, 4})) << expression;
  }
}

TEST_P(Interpreters, TakeTheOutputsOfAnAnswerInAllForms) {
  for (const std::string expression :
       {"(a, b)", "[a, b]", "{'b': b, 'a': a}", "(a.tolist(), 7)", "[a, np.int64(7)]",
        "(memoryview(a), [[7]][0][0])", "(tuple(tuple(r) for r in a), b)",
        "collections.OrderedDict(b=7, a=a)"}) {
    Package package = OneTensorPackage(
        "import collections\nimport numpy as np\ndef act(x):\n    a, b = x + 1, np.array(7)\n    "
        "return " +
        expression + "\n");
    package.outputs = {{"a", "float32", {"n", "m"}}, {"b", "int64", {}}};
    const Answer answer =
        host().Run(MP_DO_INFER, host().AddModel(package), 0, {Floats({1, 2}, {1, 2})},
                   {Zeros("float32", {1, 2}), Zeros("int64", {})});
    ASSERT_EQ(answer.code, 0) << expression << ": " << answer.line;
    EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{2, 3})) << expression;
    EXPECT_EQ(answer.outputs[1].bytes, std::string("\7\0\0\0\0\0\0\0", 8)) << expression;
  }
}

TEST_P(Interpreters, TakeOneOutputInAllForms) {
  for (const std::string expression :
       {"x", "[x]", "(x,)", "x.tolist()", "[x.tolist()]", "{'y': x}", "memoryview(x)"}) {
    const Tensor x = Floats({1, 2}, {1, 2});
    const Tensor y =
        Infer(host().AddModel(Echo("def act(x):\n    return " + expression + "\n", x, {"numpy"})),
              0, {x}, Zeros("float32", {1, 2}));
    EXPECT_EQ(ToFloats(y), (std::vector<float>{1, 2})) << expression;
  }
}

TEST_P(Interpreters, CallEveryFormOfAnEntry) {
  const std::string source =
      "import functools\n"
      "def function(x):\n    return x + 1\n"
      "def defaults(x, scale=1):\n    return x + scale\n"
      "def anything(**inputs):\n    return inputs['x'] + 1\n"
      "class Plain:\n    def __call__(self, x):\n        return x + 1\n"
      "class Inner:\n"
      "    class Deep:\n        def __call__(self, *, x):\n            return x + 1\n"
      "    @staticmethod\n    def still(x):\n        return x + 1\n"
      "    @classmethod\n    def of_class(cls, x):\n        return x + 1\n"
      "class Static:\n    @staticmethod\n    def __call__(x):\n        return x + 1\n"
      "class OfClass:\n    @classmethod\n    def __call__(cls, x):\n        return x + 1\n"
      "instance = Plain()\n"
      "bound = instance.__call__\n"
      "partial = functools.partial(defaults, scale=1)\n"
      "made = lambda x: x + 1\n";
  for (const std::string name :
       {"function", "defaults", "anything", "Plain", "Static", "OfClass", "Inner.Deep",
        "Inner.still", "Inner.of_class", "instance", "bound", "partial", "made"}) {
    Package package = OneTensorPackage(source);
    package.entry = "policy:" + name;
    const Tensor y =
        Infer(host().AddModel(package), 0, {Floats({1, 2}, {1, 2})}, Zeros("float32", {1, 2}));
    EXPECT_EQ(ToFloats(y), (std::vector<float>{2, 3})) << name;
  }
}

TEST_P(Interpreters, LetAModelKeepItsInputs) {
  const std::string source =
      "kept = []\ndef act(x):\n    kept.append(x)\n    x[:] += 1\n    return sum(kept)\n";
  const uint64_t model = host().AddModel(OneTensorPackage(source));
  const Tensor one = Floats({1, 2}, {1, 1});
  EXPECT_EQ(ToFloats(Infer(model, 0, {one}, Zeros("float32", {1, 2}))), (std::vector<float>{2, 2}));
  EXPECT_EQ(ToFloats(Infer(model, 0, {one}, Zeros("float32", {1, 2}))), (std::vector<float>{4, 4}));
}

TEST_P(Interpreters, KeepWhatModelsPrintOutOfTheAnswers) {
  const std::string source =
      "import sys, midstream_model\n"
      "def act(x):\n"
      "    print('printed', '\\ud800')\n    sys.stdout.buffer.write(b'raw\\xff\\n')\n    "
      "midstream_model.log('logged')\n"
      "    print('half a line', end='')\n    return x\n";
  const uint64_t model = host().AddModel(OneTensorPackage(source));
  if (GetParam()) {  // the worker has its own standard error
    Infer(model, 0, {Floats({1, 1}, {1})}, Zeros("float32", {1, 1}));
    return;
  }
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Infer(model, 0, {Floats({1, 1}, {1})}, Zeros("float32", {1, 1}));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "printed \\ud800\nraw\xff\nlogged\n");
}

TEST_P(Interpreters, KeepTheirStreamsWhateverAModelCloses) {
  const Tensor one = Floats({1, 1}, {1});
  Infer(host().AddModel(OneTensorPackage("import sys\n"
                                         "def act(x):\n"
                                         "    sys.stdout.close()\n    sys.stderr.buffer.close()\n"
                                         "    sys.stdin.close()\n    return x\n")),
        0, {one}, Zeros("float32", {1, 1}));
  const uint64_t other = host().AddModel(OneTensorPackage(
      "import sys\ndef act(x):\n    print('out')\n    print('err', file=sys.stderr)\n"
      "    return x\n"));
  EXPECT_EQ(ToFloats(Infer(other, 0, {one}, Zeros("float32", {1, 1}))), std::vector<float>{1});
}

TEST_P(Interpreters, HaveAnEnvironmentOfTheirOwn) {
  const std::string source =
      "import os, sys\n"
      "def act(x):\n    os.environ['MIDSTREAM_TEST_LEAK'] = 'yes'\n    assert "
      "os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
      "    assert sys.flags.isolated and sys.executable == '/usr/bin/python3' and sys.prefix == "
      "'/usr', sys.executable\n"
      "    return x\n";
  Infer(host().AddModel(OneTensorPackage(source)), 0, {Floats({1, 1}, {1})},
        Zeros("float32", {1, 1}));
  EXPECT_EQ(getenv("MIDSTREAM_TEST_LEAK"), nullptr);
}

TEST_P(Interpreters, LetAModelUseThreadsAndProcesses) {
  const std::string source =
      "import ctypes, multiprocessing, os, subprocess, sys, threading\n"
      "def act(x):\n"
      "    out = []\n    t = threading.Thread(target=lambda: out.append(1)); t.start(); t.join()\n"
      "    assert out == [1]\n"
      "    assert ctypes.pythonapi.Py_IsInitialized() == 1\n"
      "    assert subprocess.run(['/bin/echo', 'hi'], capture_output=True).stdout == b'hi\\n'\n"
      "    pid = os.fork()\n    if pid == 0: os._exit(7)\n"
      "    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7\n"
      "    return x\n";
  Infer(host().AddModel(OneTensorPackage(source)), 0, {Floats({1, 1}, {1})},
        Zeros("float32", {1, 1}));
}

}  // namespace
}  // namespace midstream::python_testing

// Models that fail in every way that a model can: each is told in one precise line, and the interpreter answers on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "sdk/include/midstream/backend.h"
#include "tests/plugins/python/interp/interpreters_testing.h"

namespace midstream::python_testing {
namespace {

struct Failing {
  std::string name;
  std::string source;  // of code/policy.py; declares act or Policy, called with x, answers y
  int32_t code;
  std::string line;
  std::string entry = "policy:act";
  std::vector<std::string> traceback_has = {};
};

std::ostream& operator<<(std::ostream& out, const Failing& failing) { return out << failing.name; }

std::vector<Failing> FailingModels() {
  const std::string np = "import numpy as np\n";
  std::string lines_200;
  for (int i = 0; i < 200; ++i) lines_200 += "0123456789";
  return {
      // Found when it is loaded.
      {"SyntaxError", "def act(x):\n    return (x\n", MS_INVALID_ARGUMENT,
       "SyntaxError: '(' was never closed (policy.py:2)"},
      {"NullByte", std::string("a = 1\0", 6), MS_INVALID_ARGUMENT,
       "SyntaxError: source code string cannot contain null bytes (policy.py)"},
      {"NoUtf8", "a = '\xff'\n", MS_INVALID_ARGUMENT,
       "SyntaxError: invalid or missing encoding declaration (policy.py)"},
      {"UndeclaredImport", np + "import pandas.io\n", MS_INVALID_ARGUMENT,
       "ModuleNotFoundError: 'pandas' is neither in the package nor declared as external; declare "
       "it when the package is "
       "made: extern(\"pandas\") (policy.py:2 in <module>)"},
      {"MissingExternal", "import not_there\n", MS_INVALID_ARGUMENT,
       "ModuleNotFoundError: 'not_there' is declared as external, but Python VERSION "
       "(/usr/bin/python3) does not have it; "
       "install it there, or set `site` (policy.py:1 in <module>)"},
      {"MissingRelative", "from . import helper\n", MS_INVALID_ARGUMENT,
       "ModuleNotFoundError: the package has no module '.helper' (policy.py:1 in <module>)"},
      {"EntryMissing", "def other(x):\n    return x\n", MS_INVALID_ARGUMENT,
       "entry 'policy:act': module 'policy' has no 'act'"},
      {"EntryModuleMissing", "", MS_INVALID_ARGUMENT,
       "entry 'nowhere:act': the package has no module 'nowhere'", "nowhere:act"},
      {"EntryNotCallable", "act = 3\n", MS_INVALID_ARGUMENT,
       "entry 'policy:act' is an object of type int, neither a function nor a class"},
      {"EntryTakesOtherInputs", "def act(image):\n    return image\n", MS_INVALID_ARGUMENT,
       "entry 'policy:act' cannot be called with the inputs (x) by name: missing a required "
       "argument: 'image'"},
      {"ClassCannotBeCalled", "class Policy:\n    pass\n", MS_INVALID_ARGUMENT,
       "entry 'policy:Policy': the class Policy has no __call__, so its instances cannot answer",
       "policy:Policy"},
      {"ConstructorWantsMore",
       "class Policy:\n    def __init__(self, a, b):\n        pass\n    def __call__(self, x):\n   "
       "     return x\n",
       MS_INVALID_ARGUMENT,
       "entry 'policy:Policy': its constructor needs (a, b), but is given the weights only",
       "policy:Policy"},
      {"ImportRaises", "x = 1\ny = x / 0\n", MS_INVALID_ARGUMENT,
       "ZeroDivisionError: division by zero (policy.py:2 in <module>)"},
      {"ExitsWhileImported", "import sys\nsys.exit('no config')\n", MS_INVALID_ARGUMENT,
       "SystemExit: no config (policy.py:2 in <module>)"},
      // Found when it is called.
      {"ConstructorRaises",
       "class Policy:\n    def __init__(self):\n        raise OSError('no camera')\n    def "
       "__call__(self, x):\n"
       "        return x\n",
       MS_UNKNOWN, "OSError: no camera (policy.py:3 in __init__)", "policy:Policy"},
      {"WrongDtype", np + "def act(x):\n    return x.astype('float64')\n", MS_INTERNAL,
       "output 'y' is float64, declared as float32"},
      {"WrongShape", np + "def act(x):\n    return x.T\n", MS_INTERNAL,
       "output 'y' has shape [2, 1], expected [1, 2]"},
      {"WrongCount", np + "def act(x):\n    return x, x\n", MS_INTERNAL,
       "the model returned 2 values, expected 1 output (y); stack rows that are one output into "
       "one "
       "array"},
      {"WrongName", np + "def act(x):\n    return {'z': x}\n", MS_INTERNAL,
       "the answer has no output 'y' (it has: z), expected 1 output (y)"},
      {"ReturnsNone", "def act(x):\n    pass\n", MS_INTERNAL,
       "the model returned None, expected 1 output (y)"},
      {"ReturnsAnObject", "def act(x):\n    return object()\n", MS_INTERNAL,
       "output 'y' is an object of type object, expected float32 of shape [1, 2]"},
      {"ReturnsText", "def act(x):\n    return [['a', 'b']]\n", MS_INTERNAL,
       "output 'y': 'a' is no float32"},
      {"ReturnsRaggedLists", "def act(x):\n    return [[1, 2, 3]]\n", MS_INTERNAL,
       "output 'y' has 3 elements along axis 1, expected 2 of [1, 2]"},
      {"Raises",
       "def grip(x):\n    raise ValueError('not a hand')\ndef act(x):\n    return grip(x)\n",
       MS_UNKNOWN,
       "ValueError: not a hand (policy.py:2 in grip <- policy.py:4 in act)",
       "policy:act",
       {"Traceback (most recent call last):\n",
        "code/policy.py\", line 4, in act\n    return grip(x)\n", "ValueError: not a hand\n"}},
      {"RaisesFromACause",
       "def act(x):\n    try:\n        {}['wheel']\n    except KeyError as e:\n        raise "
       "RuntimeError('lost') from e\n",
       MS_UNKNOWN,
       "RuntimeError: lost (policy.py:5 in act); caused by KeyError: no 'wheel' (policy.py:3 in "
       "act)",
       "policy:act",
       {"direct cause"}},
      {"RaisesItsOwnType", "class Lost(Exception):\n    pass\ndef act(x):\n    raise Lost\n",
       MS_UNKNOWN, "Lost (policy.py:4 in act)"},
      {"RaisesWithoutText",
       "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\ndef act(x):\n    "
       "raise Odd()\n",
       MS_UNKNOWN, "Odd: (its text cannot be had: ValueError) (policy.py:5 in act)"},
      {"RecursionError", "def act(x):\n    return act(x)\n", MS_UNKNOWN,
       "RecursionError: maximum recursion depth exceeded (policy.py:2 in act)"},
      {"DeepRecursion",
       "import sys\nsys.setrecursionlimit(20000)\ndef act(x):\n    return act(x)\n", MS_UNKNOWN,
       "RecursionError: maximum recursion depth exceeded (policy.py:4 in act)"},
      {"Exits", "import sys\ndef act(x):\n    sys.exit(3)\n", MS_UNKNOWN,
       "SystemExit: 3 (policy.py:3 in act)"},
      {"Interrupts", "def act(x):\n    raise KeyboardInterrupt\n", MS_UNKNOWN,
       "KeyboardInterrupt (policy.py:2 in act)"},
      {"MemoryError", "def act(x):\n    return bytearray(1 << 62)\n", MS_RESOURCE_EXHAUSTED,
       "MemoryError (policy.py:2 in act)"},
      {"WritesItsWeights", "def act(x, weights):\n    weights['w'][0] = 1\n", MS_UNKNOWN,
       "ValueError: assignment destination is read-only (policy.py:2 in act)"},
      {"HandlesSignals", "import signal\ndef act(x):\n    signal.signal(signal.SIGINT, print)\n",
       MS_UNKNOWN,
       "ValueError: signals belong to the engine: a model cannot handle them (policy.py:3 in act)"},
      {"ReadsStandardInput", "def act(x):\n    return input()\n", MS_UNKNOWN,
       "EOFError: EOF when reading a line (policy.py:2 in act)"},
      {"UnicodeAndLines",
       "def act(x):\n    raise ValueError('größer\\n als \\U0001f916 \\ud800')\n", MS_UNKNOWN,
       "ValueError: größer als 🤖 \\ud800 (policy.py:2 in act)"},
      {"LongText", "def act(x):\n    raise ValueError('" + lines_200 + "')\n", MS_UNKNOWN, "LONG"},
      {"FailsInAThread",
       "from concurrent.futures import ThreadPoolExecutor\ndef act(x):\n    with "
       "ThreadPoolExecutor(1) as pool:\n"
       "        return pool.submit(int, 'x').result()\n",
       MS_UNKNOWN, "ValueError: invalid literal for int() with base 10: 'x' (policy.py:4 in act)"},
      {"IsACoroutine", "async def act(x):\n    return x\n", MS_INTERNAL,
       "output 'y' is an object of type coroutine, expected float32 of shape [1, 2]"},
      {"NeedsANewerPython", "PYTHON", MS_FAILED_PRECONDITION,
       "the package needs Python 9.1 or later, this is VERSION (/usr/bin/python3)"},
  };
}

class FailingModel : public testing::TestWithParam<std::tuple<bool, Failing>> {};
INSTANTIATE_TEST_SUITE_P(, FailingModel,
                         testing::Combine(testing::Bool(), testing::ValuesIn(FailingModels())),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) ? "Process" : "Shared") +
                                  std::get<1>(info.param).name;
                         });

TEST_P(FailingModel, IsToldInOneLine) {
  const auto& [process, failing] = GetParam();
  if (!process && !kCanShare) GTEST_SKIP() << "not under ThreadSanitizer";
  ShimHost& host = SharedHost(process);
  ASSERT_EQ(host.failure(), "");
  Package package = OneTensorPackage(failing.source);
  package.entry = failing.entry;
  package.externs = {"numpy", "not_there"};
  package.weights = {"w"};
  if (failing.source == "PYTHON") package.python = "9.1";
  const uint64_t model = host.AddModel(package);
  const uint64_t set = host.AddSet(model, {host.AddValue(Floats({1}, {7}))});
  if (failing.code == MS_INVALID_ARGUMENT) {
    EXPECT_EQ(host.Run(MP_DO_LOAD, model, 0).code, MS_INVALID_ARGUMENT) << "found late";
  }
  const Answer answer =
      host.Run(MP_DO_INFER, model, set, {Floats({1, 2}, {1, 2})}, {Zeros("float32", {1, 2})});
  EXPECT_EQ(answer.code, failing.code);
  std::string expected = failing.line;
  if (const size_t at = expected.find("VERSION"); at != std::string::npos) {
    expected.replace(at, 7, host.worker(0).version);
  }
  if (expected == "LONG") {
    EXPECT_EQ(answer.line.size(), 479u);
    EXPECT_EQ(answer.line.rfind("ValueError: 0123456789", 0), 0u);
    EXPECT_THAT(answer.line, testing::EndsWith("9012... (policy.py:2 in act)"));
  } else {
    EXPECT_EQ(answer.line, expected) << answer.traceback;
  }
  for (const std::string& part : failing.traceback_has) {
    EXPECT_NE(answer.traceback.find(part), std::string::npos) << answer.traceback;
  }
  EXPECT_EQ(answer.traceback.find("<midstream>"), std::string::npos) << answer.traceback;

  // The interpreter answers on.
  const uint64_t good = host.AddModel(OneTensorPackage("def act(x):\n    return x * 2\n"));
  const Answer second =
      host.Run(MP_DO_INFER, good, 0, {Floats({1, 2}, {1, 2})}, {Zeros("float32", {1, 2})});
  ASSERT_EQ(second.code, MS_OK) << second.line;
  EXPECT_EQ(ToFloats(second.outputs[0]), (std::vector<float>{2, 4}));

  // Nothing of the failed model stays once it is retired.
  host.Retire(set, false);
  host.Retire(model, true);
  EXPECT_TRUE(host.WaitUntilZero(&host.At<mp_model>(model)->holds[0]));
  EXPECT_TRUE(host.WaitUntilZero(&host.At<mp_set>(set)->holds[0]));
}

}  // namespace
}  // namespace midstream::python_testing

// Imports within interpreters: packages side by side, everything that the standard library has in C, several interpreters at
// once, other versions of Python, torch.

#include <glob.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/plugins/python/interp/interpreters_testing.h"

namespace midstream::python_testing {
namespace {

class Imports : public Interpreters {};
INSTANTIATE_TEST_SUITE_P(, Imports, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "Shared"; });

TEST_P(Imports, OfTwoPackagesWithEqualNamesStayApart) {
  std::vector<uint64_t> models;
  for (const std::string factor : {"2", "3"}) {
    Package package = OneTensorPackage(
        "import helper.deep\nfrom helper import *\nimport dataclasses\n"
        "@dataclasses.dataclass\nclass State:\n    last: 'float' = 0.0\n"
        "def act(x):\n    return State(x * helper.deep.factor * double).last\n");
    package.files["code/helper/__init__.py"] = "double = 2\n";
    package.files["code/helper/deep.py"] = "from .. import helper\nfactor = " + factor + "\n";
    package.path = "/packages/" + factor + ".mspkg";
    models.push_back(host().AddModel(package));
  }
  const Tensor x = Floats({1, 1}, {1});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ToFloats(Infer(models[0], 0, {x}, Zeros("float32", {1, 1}))),
              (std::vector<float>{4}));
    EXPECT_EQ(ToFloats(Infer(models[1], 0, {x}, Zeros("float32", {1, 1}))),
              (std::vector<float>{6}));
  }
}

const char kSweep[] =
    "import importlib, os, sysconfig\n"
    "def act(x):\n"
    "    folder = sysconfig.get_path('platstdlib') + '/lib-dynload'\n"
    "    names = sorted({f.partition('.')[0] for f in os.listdir(folder) if f.endswith('.so')})\n"
    "    names = [n for n in names if 'test' not in n and n not in ('_tkinter', 'readline', "
    "'_xxsubinterpreters')]\n"
    "    loaded = 0\n"
    "    for name in names:\n"
    "        try:\n            importlib.import_module(name)\n            loaded += 1\n"
    "        except ImportError:\n            pass\n"
    "    assert loaded >= 20, names\n"
    "    import ssl, sqlite3, json, ctypes, decimal, asyncio\n"
    "    assert json.loads(json.dumps([1.5])) == [1.5] and str(decimal.Decimal('1.10')) == '1.10'\n"
    "    return x\n";

void Sweep(uint32_t interpreters) {
  if (!kCanShare) GTEST_SKIP() << "not under ThreadSanitizer";
  Options options;
  options.workers = interpreters;
  options.python = Probe("/usr/bin/python3");
  ShimHost host(options);
  ASSERT_EQ(host.failure(), "");
  // One model for each, and each keeps its interpreter until all have begun.
  const uint64_t model =
      host.AddModel(OneTensorPackage("import numpy, time\n" + std::string(kSweep) +
                                     "calls = 0\n_act = act\n"
                                     "def act(x):\n    time.sleep(0.3)\n    return _act(x)\n"));
  std::vector<uint32_t> jobs;
  for (uint32_t i = 0; i < interpreters; ++i) {
    jobs.push_back(
        host.Submit(MP_DO_INFER, model, 0, {Floats({1, 1}, {1})}, {Zeros("float32", {1, 1})}));
  }
  std::vector<bool> by(interpreters);
  for (uint32_t job : jobs) {
    const Answer answer = host.Wait(job);
    EXPECT_EQ(answer.code, 0) << answer.line << answer.traceback;
    by[answer.worker] = true;
  }
  EXPECT_EQ(by, std::vector<bool>(interpreters, true));
}

TEST(ImportsAtOnce, InTwoInterpreters) { Sweep(2); }
TEST(ImportsAtOnce, InFourInterpreters) { Sweep(4); }

// Interpreters of other versions than the distribution's that this machine has.
std::vector<Python> OtherPythons() {
  std::vector<Python> found;
  const char* root = getenv("PYENV_ROOT");
  const char* home = getenv("HOME");
  const std::string pattern =
      (root != nullptr ? std::string(root) : std::string(home != nullptr ? home : "") + "/.pyenv") +
      "/versions/3.1[0-9]*/bin/python3";
  glob_t paths;
  if (glob(pattern.c_str(), 0, nullptr, &paths) == 0) {
    for (size_t i = 0; i < paths.gl_pathc; ++i) {
      const Python python = Probe(paths.gl_pathv[i]);
      if (!python.library.empty()) found.push_back(python);
    }
  }
  globfree(&paths);
  return found;
}

TEST(OtherPythons, RunTheSameModels) {
  const std::vector<Python> pythons = OtherPythons();
  if (pythons.empty()) GTEST_SKIP() << "no Python with a shared library below ~/.pyenv";
  for (bool process : {true, false}) {
    if (!process && !kCanShare) continue;
    for (const Python& python : pythons) {
      Options options;
      options.process = process;
      options.python = python;
      ShimHost host(options);
      ASSERT_EQ(host.failure(), "") << python.version;
      EXPECT_EQ(host.worker(0).version, python.version);
      Package package = OneTensorPackage(
          "import sys, importlib.resources, pkgutil, json, helper.deep\n" + std::string(kSweep) +
          "_act = act\n"
          "class Policy:\n"
          "    def __init__(self, weights): self.w = weights['w'].tolist()[0]\n"
          "    def on_weights(self, version): self.w = version['w'].tolist()[0]\n"
          "    def __call__(self, x):\n"
          "        _act(x)\n"
          "        assert importlib.resources.read_text(helper, 'names.txt') == 'names'\n"
          "        assert pkgutil.get_data(helper.__name__, 'names.txt') == b'names'\n"
          "        assert sys.executable == '" +
          python.executable +
          "', sys.executable\n"
          "        return [[v * self.w for v in row] for row in x.tolist()]\n");
      package.entry = "policy:Policy";
      package.externs = {};
      package.weights = {"w"};
      package.files["code/helper/deep.py"] = "";
      package.files["code/helper/__init__.py"] = "";
      package.files["code/helper/names.txt"] = "names";
      const uint64_t model = host.AddModel(package);
      for (float w : {2.f, 3.f}) {
        const uint64_t value = host.AddValue(Floats({1}, {w}));
        const uint64_t set = host.AddSet(model, {value});
        const Answer answer =
            host.Run(MP_DO_INFER, model, set, {Floats({1, 2}, {1, 2})}, {Zeros("float32", {1, 2})});
        ASSERT_EQ(answer.code, 0) << python.version << ": " << answer.line << answer.traceback;
        EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{w, 2 * w}));
        host.Retire(set, false);
        EXPECT_TRUE(host.WaitUntilZero(&host.At<mp_value>(value)->holds[0])) << python.version;
      }
      Package failing = OneTensorPackage("def act(x):\n    return 1 / 0\n");
      failing.externs = {};
      const Answer failed = host.Run(MP_DO_INFER, host.AddModel(failing), 0, {Floats({1, 1}, {1})},
                                     {Zeros("float32", {1, 1})});
      EXPECT_EQ(failed.line, "ZeroDivisionError: division by zero (policy.py:2 in act)")
          << python.version;
    }
  }
}

}  // namespace
}  // namespace midstream::python_testing

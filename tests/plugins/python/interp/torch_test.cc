// Models of PyTorch: modules whose parameters are pointed at a version's memory. Skipped without torch; which Python has it may be
// said by MS_TEST_PYTHON.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "sdk/include/midstream/backend.h"
#include "tests/plugins/python/interp/interpreters_testing.h"

namespace midstream::python_testing {
namespace {

std::string TorchPython() {
  const char* named = getenv("MS_TEST_PYTHON");
  const std::string python = named != nullptr ? named : "/usr/bin/python3";
  const std::string probe = "'" + python +
                            "' -c 'import importlib.util as u, sys; "
                            "sys.exit(u.find_spec(\"torch\") is None)' 2>/dev/null";
  return system(probe.c_str()) == 0 ? python : "";
}

class Torch : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam() && !kCanShare) GTEST_SKIP() << "not under ThreadSanitizer";
    const std::string python = TorchPython();
    if (python.empty()) GTEST_SKIP() << "no Python with torch; MS_TEST_PYTHON may name one";
    Options options;
    options.process = GetParam();
    options.python = Probe(python);
    options.preload = "torch";
    host_ = std::make_unique<ShimHost>(options);
    ASSERT_EQ(host_->failure(), "");
  }

  Package Module(const std::string& body) {
    Package package = OneTensorPackage("import torch\nclass Net(torch.nn.Module):\n" + body);
    package.entry = "policy:Net";
    package.externs = {"torch"};
    return package;
  }
  Answer Infer(uint64_t model, uint64_t set, const Tensor& x, const Tensor& y) {
    return host_->Run(MP_DO_INFER, model, set, {x}, {y});
  }

  std::unique_ptr<ShimHost> host_;
};
INSTANTIATE_TEST_SUITE_P(, Torch, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "Shared"; });

TEST_P(Torch, ModulesUseTheMemoryOfTheVersion) {
  Package package = Module(
      "    def __init__(self):\n"
      "        super().__init__()\n"
      "        self.a = torch.nn.Linear(2, 2)\n        self.b = torch.nn.Linear(2, 2, bias=False)\n"
      "        self.b.weight = self.a.weight\n"
      "        self.norm = torch.nn.BatchNorm1d(2, affine=False)\n"
      "        self.drop = torch.nn.Dropout(0.5)\n"
      "    def forward(self, x):\n"
      "        assert not torch.is_grad_enabled() and isinstance(x, torch.Tensor) and not "
      "self.training\n"
      "        assert self.b.weight is self.a.weight\n"
      "        pointers = torch.tensor([self.a.weight.data_ptr(), "
      "self.norm.running_mean.data_ptr()])\n"
      "        return {'y': self.drop(self.norm(self.b(self.a(x)))), 'at': pointers}\n");
  package.outputs = {{"y", "float32", {"n", "m"}}, {"at", "int64", {"2"}}};
  package.weights = {"a.weight", "a.bias", "norm.running_mean", "norm.running_var",
                     "norm.num_batches_tracked"};
  const uint64_t model = host_->AddModel(package);
  for (const float w : {2.f, 3.f}) {
    std::vector<uint64_t> values = {
        host_->AddValue(Floats({2, 2}, {w, 0, 0, w})), host_->AddValue(Floats({2}, {1, 1})),
        host_->AddValue(Floats({2}, {w, 0})), host_->AddValue(Floats({2}, {1, 1})),
        host_->AddValue(Zeros("int64", {}))};
    const uint64_t set = host_->AddSet(model, values);
    const Answer answer = host_->Run(MP_DO_INFER, model, set, {Floats({1, 2}, {1, 2})},
                                     {Zeros("float32", {1, 2}), Zeros("int64", {2})});
    ASSERT_EQ(answer.code, 0) << answer.line << answer.traceback;
    const std::vector<float> y = ToFloats(answer.outputs[0]);
    EXPECT_NEAR(y[0], (w + 1) * w - w, 1e-3);
    EXPECT_NEAR(y[1], (2 * w + 1) * w, 1e-3);
    if (!GetParam()) {
      const auto* at = reinterpret_cast<const uint64_t*>(answer.outputs[1].bytes.data());
      EXPECT_EQ(at[0], host_->At<mp_value>(values[0])->tensor.at);
      EXPECT_EQ(at[1], host_->At<mp_value>(values[2])->tensor.at);
    }
    host_->Retire(set, false);
    EXPECT_TRUE(host_->WaitUntilZero(&host_->At<mp_set>(set)->holds[0]));
  }
  host_->Retire(model, true);
  EXPECT_TRUE(host_->WaitUntilZero(&host_->At<mp_model>(model)->holds[0]));
}

TEST_P(Torch, ModulesWithOtherWeightsAreRefused) {
  const std::string linear =
      "    def __init__(self):\n        super().__init__()\n        self.a = torch.nn.Linear(2, 2, "
      "bias=False)\n"
      "    def forward(self, x):\n        return self.a(x)\n";
  const struct {
    std::vector<std::string> names;
    std::vector<Tensor> values;
    std::string line;
  } cases[] = {
      {{}, {}, "the package has no weight 'a.weight', which state_dict() of Net names"},
      {{"a.weight", "b"},
       {Zeros("float32", {2, 2}), Zeros("float32", {1})},
       "state_dict() of Net has no 'b', which is a weight of the package"},
      {{"a.weight"},
       {Zeros("float32", {2, 3})},
       "weight 'a.weight' has shape [2, 3], the module needs [2, 2]"},
      {{"a.weight"},
       {Zeros("float64", {2, 2})},
       "weight 'a.weight' is float64, the module needs float32"},
  };
  for (const auto& wrong : cases) {
    Package package = Module(linear);
    package.weights = wrong.names;
    const uint64_t model = host_->AddModel(package);
    std::vector<uint64_t> values;
    for (const Tensor& value : wrong.values) values.push_back(host_->AddValue(value));
    const Answer answer = Infer(model, host_->AddSet(model, values), Floats({1, 2}, {1, 2}),
                                Zeros("float32", {1, 2}));
    EXPECT_EQ(answer.line, wrong.line);
    EXPECT_EQ(answer.code, MS_INVALID_ARGUMENT);
  }
}

TEST_P(Torch, EveryDtypeIsCarried) {
  for (const char* dtype : {"bool", "int8", "int16", "int32", "int64", "uint8", "float16",
                            "float32", "float64", "bfloat16"}) {
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{2, 3}, std::vector<int64_t>{0, 3}}) {
      Package package = Module("    def forward(self, x):\n        assert x.dtype == torch." +
                               std::string(dtype) + "\n        return x\n");
      package.inputs = {{"x", dtype, {"n", "m"}}};
      package.outputs = {{"y", dtype, {"n", "m"}}};
      Tensor x = Zeros(dtype, shape);
      for (size_t i = 0; i < x.bytes.size(); ++i)
        x.bytes[i] = dtype == std::string("bool") ? char(i % 2) : char(i + 1);
      const Answer answer = Infer(host_->AddModel(package), 0, x, Zeros(dtype, shape));
      ASSERT_EQ(answer.code, 0) << dtype << ": " << answer.line << answer.traceback;
      EXPECT_EQ(answer.outputs[0].bytes, x.bytes) << dtype;
    }
  }
}

TEST_P(Torch, FunctionsGetNumpyAndMayAnswerTensors) {
  Package package = OneTensorPackage(
      "import torch, numpy\n"
      "def act(x, weights):\n"
      "    assert isinstance(x, numpy.ndarray) and isinstance(weights['w'], numpy.ndarray)\n"
      "    assert weights['b'].dtype == torch.bfloat16\n"
      "    return (torch.from_numpy(x).t() @ "
      "torch.as_tensor(weights['w'].copy())).t().requires_grad_()\n");
  package.externs = {"torch", "numpy"};
  package.weights = {"w", "b"};
  const uint64_t model = host_->AddModel(package);
  const uint64_t set = host_->AddSet(
      model, {host_->AddValue(Floats({1, 1}, {2})), host_->AddValue(Zeros("bfloat16", {3}))});
  const Answer answer = Infer(model, set, Floats({1, 2}, {1, 2}), Zeros("float32", {1, 2}));
  ASSERT_EQ(answer.code, 0) << answer.line << answer.traceback;
  EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{2, 4}));
}

TEST_P(Torch, ModulesMayRebuildWhatTheyDerive) {
  Package package = Module(
      "    def __init__(self, weights):\n        super().__init__()\n        "
      "self.on_weights(weights)\n"
      "    def on_weights(self, version):\n        self.scale = float(version['w'].sum())\n"
      "    def forward(self, x):\n        return x * self.scale\n");
  package.weights = {"w"};
  const uint64_t model = host_->AddModel(package);
  for (const float w : {2.f, 3.f}) {
    const uint64_t set = host_->AddSet(model, {host_->AddValue(Floats({2}, {w, w}))});
    const Answer answer = Infer(model, set, Floats({1, 1}, {1}), Zeros("float32", {1, 1}));
    ASSERT_EQ(answer.code, 0) << answer.line << answer.traceback;
    EXPECT_EQ(ToFloats(answer.outputs[0]), (std::vector<float>{2 * w}));
  }
}

}  // namespace
}  // namespace midstream::python_testing

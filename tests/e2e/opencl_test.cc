// The models that TensorFlow computed answers for, run by configs/opencl.toml: the answers, and how
// much of each model the OpenCL device takes. Skipped without a device.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"
#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

namespace fs = std::filesystem;

const std::string kConfig = std::string(MS_SOURCE_DIR) + "/configs/opencl.toml";

// Why opencl cannot be used here; "" when it can.
std::string NoDevice() {
  const auto json =
      RunCommand({"backends", "--json", "--set", R"(plugins.list=["opencl", "reference"])"}).json();
  if (json.is_discarded()) return "no list of backends";
  for (const auto& plugin : json["plugins"]) {
    if (plugin["name"] != "opencl") continue;
    if (!plugin["ok"]) return "opencl cannot be used: " + plugin.dump();
    return plugin["devices"].empty() ? "there is no OpenCL device" : "";
  }
  return "opencl is not in the list of backends";
}

// |got - want| <= atol + rtol * |want|.
struct Bound {
  double absolute = 0;
  double relative = 0;
};

// Without looser bounds: 1e-5 of the largest element, for floats; equal, for the others.
void ExpectNear(const Tensor& got, const Tensor& want, const Bound& loose) {
  ASSERT_EQ(got.dtype(), want.dtype());
  ASSERT_EQ(got.shape(), want.shape());
  if (want.dtype() != DType::kF32) {
    EXPECT_TRUE(BitEqual(got, want));
    return;
  }
  double scale = 0;
  for (const float value : want.as<float>()) scale = std::max<double>(scale, std::fabs(value));
  for (int64_t i = 0; i < want.count(); ++i) {
    const double is = got.as<float>()[i], should = want.as<float>()[i];
    const double bound =
        std::max(1e-5 * scale, loose.absolute + loose.relative * std::fabs(should));
    ASSERT_LE(std::fabs(is - should), bound) << "at " << i << ": " << is << ", not " << should;
  }
}

class OpenClModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = NoDevice(); !why.empty()) GTEST_SKIP() << why;
    folder_ = fs::path(::testing::TempDir()) / ("midstream_opencl_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  std::string saved() const { return (folder_ / "out.npz").string(); }

  // What a run with these inputs and outputs saves.
  void Run(const std::string& model, const std::vector<std::string>& names) const {
    std::vector<std::string> args = {"run", model, "--config", kConfig, "--save", saved()};
    args.insert(args.end(), names.begin(), names.end());
    const CommandResult result = RunCommand(args);
    ASSERT_EQ(result.exit, 0) << result.err;
  }

  // At least 95 of 100 nodes that these outputs need are the device's.
  void ExpectOnDevice(const std::string& model, const std::vector<std::string>& outputs) const {
    std::vector<std::string> args = {"inspect", model,      "--precision",
                                     "--json",  "--config", kConfig};
    args.insert(args.end(), outputs.begin(), outputs.end());
    const CommandResult result = RunCommand(args);
    ASSERT_EQ(result.exit, 0) << result.err;
    const nlohmann::json nodes = result.json()["nodes"];
    size_t mine = 0;
    std::string others;
    for (const auto& node : nodes) {
      if (node["backend"] == "opencl") {
        ++mine;
      } else {
        others +=
            " " + node["name"].get<std::string>() + " (" + node["op"].get<std::string>() + ")";
      }
    }
    ASSERT_FALSE(nodes.empty());
    EXPECT_GE(100 * mine, 95 * nodes.size()) << "not on the device:" << others;
    RecordProperty("nodes", static_cast<int>(nodes.size()));
    RecordProperty("nodes_on_device", static_cast<int>(mine));
  }

  fs::path folder_;
};

class OpenClFolderTest : public OpenClModelTest,
                         public ::testing::WithParamInterface<const char*> {};

TEST_P(OpenClFolderTest, AnswersAsTensorFlow) {
  const std::string folder = std::string(MS_TEST_DATA) + "/tf/ops/" + GetParam();
  const auto about = nlohmann::json::parse(std::ifstream(folder + "/about.json"));
  const std::string model = folder + "/" + about["checkpoint"].get<std::string>();
  std::vector<std::string> names, outputs;
  for (const auto& [name, info] : about["inputs"].items()) {
    names.insert(names.end(), {"--input", name + "=" + folder + "/io.npz:" + name});
  }
  for (const auto& [name, info] : about["outputs"].items()) {
    outputs.insert(outputs.end(), {"--output", name});
  }
  names.insert(names.end(), outputs.begin(), outputs.end());
  ASSERT_NO_FATAL_FAILURE(Run(model, names));
  for (const auto& [name, info] : about["outputs"].items()) {
    SCOPED_TRACE(name);
    Bound loose;
    if (about.contains("loose") && about["loose"].contains(name)) {
      loose = {about["loose"][name]["atol"], about["loose"][name]["rtol"]};
    }
    const auto got = formats::ReadNpzMember(saved(), name);
    const auto want = formats::ReadNpzMember(folder + "/io.npz", name);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    ASSERT_TRUE(want.ok()) << want.status().ToString();
    ExpectNear(*got, *want, loose);
  }
  ExpectOnDevice(model, outputs);
}

INSTANTIATE_TEST_SUITE_P(All, OpenClFolderTest,
                         ::testing::Values("fused_batch_norm", "gaussian_policy",
                                           "half_and_bfloat16", "layernorm_attention",
                                           "layers_dropout", "layers_dropout_function", "legacy",
                                           "lstm_unrolled", "moving_average", "nchw_transposes",
                                           "partitioned", "residual", "resource_variables",
                                           "separable", "shapes", "sharded", "v1_format"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(OpenClModelTest, AnswersAsTensorFlowAtEveryStepOfTraining) {
  const Tensor all = *formats::ReadNpy(Digits("eval_images.npy"));
  const std::string images = (folder_ / "images.npy").string();
  const Tensor first = *Tensor::Copy(DType::kF32, {64, 784}, all.bytes().first(64 * 784 * 4));
  ASSERT_TRUE(formats::WriteNpy(images, first).ok());
  const auto about = nlohmann::json::parse(std::ifstream(Digits("about.json")));
  const std::vector<std::string> outputs = {"--output", "fc2/add:0", "--output",
                                            "accuracy/ArgMax:0"};
  for (const int step : about["steps"]) {
    SCOPED_TRACE(step);
    const std::string expected = Digits("expected_") + std::to_string(step) + ".npz";
    std::vector<std::string> names = {"--input", "Placeholder:0=" + images, "--weights",
                                      DigitsCheckpoint(step)};
    names.insert(names.end(), outputs.begin(), outputs.end());
    ASSERT_NO_FATAL_FAILURE(Run(Digits("mnist_deep_model.ckpt-0.meta"), names));
    for (const char* name : {"fc2/add:0", "accuracy/ArgMax:0"}) {
      ExpectNear(*formats::ReadNpzMember(saved(), name), *formats::ReadNpzMember(expected, name),
                 {});
    }
  }
  ExpectOnDevice(DigitsCheckpoint(4000), outputs);
}

}  // namespace
}  // namespace midstream::e2e

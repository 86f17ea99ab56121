// midstream inspect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST(Inspect, ListsWhatTheModelHolds) {
  const CommandResult result = RunCommand({"inspect", DigitsCheckpoint(4000)});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("Placeholder          float32  [?,784]"));
  EXPECT_THAT(result.out, HasSubstr("accuracy/ArgMax"));
  EXPECT_THAT(result.out, HasSubstr("Parameters: 8, 217,256 bytes"));
  EXPECT_THAT(result.out, HasSubstr("optimizer slot"));
  EXPECT_THAT(result.out, HasSubstr("none unsupported"));
}

TEST(Inspect, SaysTheSameInJson) {
  const auto json =
      RunCommand({"inspect", Digits("mnist_deep_model.ckpt-0.meta"), "--json"}).json();
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["parameter_bytes"], 217256);
  const auto& parameters = json["parameters"];
  EXPECT_EQ(parameters[0]["name"], "conv1/Variable");
  EXPECT_EQ(parameters[0]["shape"], nlohmann::json({5, 5, 1, 8}));
  EXPECT_EQ(parameters[0]["bytes"], 800);
  EXPECT_EQ(std::count_if(parameters.begin(), parameters.end(),
                          [](const auto& parameter) { return parameter["use"] == "model"; }),
            8);
  EXPECT_EQ(json["inputs"][0]["shape"], nlohmann::json({nullptr, 784}));
}

TEST(Inspect, OpensAFolderWithACheckpointFile) {
  const CommandResult result = RunCommand({"inspect", Digits("")});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("mnist_deep_model.ckpt-4000"));
}

TEST(Inspect, CountsTheOperatorsOfTheOutputsAskedFor) {
  const auto json =
      RunCommand({"inspect", DigitsCheckpoint(0), "--json", "--output", "fc2/add"}).json();
  ASSERT_TRUE(json.is_object());
  for (const auto& op : json["operators"]) EXPECT_NE(op["op"], "ArgMax");
}

TEST(InspectPrecision, ShowsInWhichDtypeEachNodeComputesAndWhy) {
  const CommandResult result = RunCommand(
      {"inspect", DigitsCheckpoint(4000), "--precision", "--set", "precision.mode=mixed_float16"});
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Precision mode: mixed_float16\n"));
  EXPECT_THAT(result.out, HasSubstr("none not as the mode asks"));
  EXPECT_THAT(result.out, HasSubstr("mode mixed_float16: MatMul is on the white list"));
  EXPECT_THAT(result.out, HasSubstr("Cast(fc1/Variable)"));
}

TEST(InspectPrecision, SaysTheSameInJson) {
  const auto json = RunCommand({"inspect", DigitsCheckpoint(4000), "--precision", "--json", "--set",
                                "precision.mode=cube_fp16in_fp32out"})
                        .json();
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["mode"], "cube_fp16in_fp32out");
  EXPECT_EQ(json["unmet"], 0);
  int products = 0;
  for (const auto& node : json["nodes"]) {
    if (node["op"] != "midstream.MatMul") continue;
    ++products;
    EXPECT_EQ(node["inputs"][0], "float16");
    EXPECT_EQ(node["outputs"][0], "float32");
    EXPECT_EQ(node["accumulate"], "float32");
    EXPECT_EQ(node["backend"], "cpu_blas");
  }
  EXPECT_EQ(products, 2);
}

TEST(Inspect, NamesTheModelThatIsMissing) {
  const CommandResult result = RunCommand({"inspect", Digits("nothing.ckpt-1")});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, ::testing::StartsWith("midstream: "));
  EXPECT_THAT(result.err, HasSubstr("nothing.ckpt-1"));
  EXPECT_EQ(result.out, "");
}

TEST(Inspect, NamesTheOutputThatTheModelLacks) {
  const CommandResult result =
      RunCommand({"inspect", DigitsCheckpoint(0), "--output", "fc2/nothing"});
  EXPECT_EQ(result.exit, 3);
  EXPECT_THAT(result.err, HasSubstr("fc2/nothing"));
}

TEST(InspectPlacement, ShowsWhichBackendRunsEachNodeAndWhy) {
  const std::vector<std::string> command = {"inspect",
                                            DigitsCheckpoint(4000),
                                            "--placement",
                                            "--set",
                                            "placement.order=cpu_blas,reference",
                                            "--set",
                                            "placement.op.MaxPool.backend=reference"};
  const CommandResult result = RunCommand(command);
  EXPECT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out,
              ContainsRegex("midstream.MaxPool +[0-9] +reference +by placement.op.MaxPool"));
  EXPECT_THAT(result.out, HasSubstr("Segments: 5\n"));
  EXPECT_THAT(result.out, HasSubstr("Transfers: none\n"));
  auto with_json = command;
  with_json.emplace_back("--json");
  const auto json = RunCommand(with_json).json();
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["nodes_by_backend"]["reference"], 2);
  EXPECT_EQ(json["segments"].size(), 5u);
  EXPECT_EQ(json["segments"][0]["backend"], "cpu_blas");
  EXPECT_EQ(json["missing"].size(), 0u);
}

TEST(Inspect, CompilesTheSignatureAskedFor) {
  const std::string model = "tests/data/tf/saved_model/module/model";
  for (const char* what : {"--precision", "--placement"}) {
    const auto result = RunCommand(
        {"inspect", std::string(MS_SOURCE_DIR) + "/" + model, what, "--signature", "none"});
    EXPECT_EQ(result.exit, 3);
    EXPECT_THAT(result.err, HasSubstr("signature")) << what;
  }
}

TEST(InspectPlacement, RefusesARuleThatFitsNothing) {
  const CommandResult result = RunCommand({"inspect", DigitsCheckpoint(4000), "--placement",
                                           "--set", "placement.node.\"conv9/*\".backend=cpu_blas"});
  EXPECT_NE(result.exit, 0);
  EXPECT_THAT(result.err,
              HasSubstr("placement.node.\"conv9/*\".backend: the graph has no such node"));
}

}  // namespace
}  // namespace midstream::e2e

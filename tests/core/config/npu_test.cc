// The import of an NpuOptimizer's parameter map: every option of the table, alone and together,
// and every way in which a map can be wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>

#include "core/base/file.h"
#include "core/config/npu/import.h"
#include "core/config/npu/op_names.h"

namespace midstream::config {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Map = std::map<std::string, std::string>;  // option to JSON

std::string ToJson(const Map& map) {
  std::string json;
  for (const auto& [name, value] : map) {
    json += (json.empty() ? "" : ", ") + ("\"" + name + "\": " + value);
  }
  return "{" + json + "}";
}

// A name of the family, or the option itself.
std::string NameOf(const NpuOption& option) {
  std::string name(option.name);
  if (name.ends_with('*')) name.back() = 'x';
  return name;
}

// What an option needs beside it.
Map Companions(const std::string& name) {
  static const Map kProfiles = {{"input_shape", "\"data:1,1,40,-1;label:1,-1\""},
                                {"dynamic_dims", "\"20,20;40,40\""},
                                {"dynamic_node_type", "1"}};
  if (kProfiles.count(name) != 0 || name == "compile_hybrid_mode") return kProfiles;
  if (name == "modify_mixlist") return {{"precision_mode", "\"allow_mix_precision\""}};
  if (name == "optypelist_for_implmode") return {{"op_select_implmode", "\"high_precision\""}};
  if (name == "shape_generalization_mode") return {{"jit_compile", "\"true\""}};
  if (name.starts_with("enable_dump")) return {{"dump_path", "\"/tmp\""}};
  return {};
}

class Npu : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "ms_npu_" + std::to_string(getpid()) + "/";
    std::filesystem::create_directories(folder_);
    Write("mixlist.json",
          R"({"black-list": {"to-add": ["SoftmaxV2"], "to-remove": ["Mean"]},
              "white-list": {"to-add": ["BiasAdd", "Mean", "FancyOp"], "to-remove": ["Conv2D"]}})");
    Write("op_precision.ini",
          "# kernels\n[ByOpType]\nSoftmaxV2=high_precision\r\nFancyOp = high_performance\n"
          "LRN=support_out_of_bound_index\n\n[ByNodeName]\nfc1/MatMul=super_performance\n"
          "fc2/MatMul = keep_fp16\n");
    Write("dtypes.cfg",
          "conv1/Conv2D::InputDtype:float16,float16,OutputDtype:float32\n"
          "OpType::Mean:InputDtype:float,int32\nfc1::InputDtype:float16,float,OutputDtype:bf16\n");
    Write("fusion.json",
          R"({"Switch": {"GraphFusion": {"ConvBatchnormFusionPass": "on", "ALL": "off",
                                          "OtherPass": "off"},
                         "UBFusion": {"TbePool": "off"}}})");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + name, std::ios::binary) << text;
  }

  NpuImport Imported(const std::string& json) {
    auto import = ImportNpu(json, folder_ + "session.json");
    EXPECT_TRUE(import.ok()) << import.status().ToString();
    return import.ok() ? *std::move(import) : NpuImport{};
  }
  Config Read(const NpuImport& import) {
    auto config = ParseConfig(import.toml, "import.toml");
    EXPECT_TRUE(config.ok()) << config.status().ToString() << "\n" << import.toml;
    return config.ok() ? *std::move(config) : Config{};
  }
  std::string Refusal(const std::string& json) {
    const auto import = ImportNpu(json, "s.json");
    EXPECT_EQ(import.status().code(), Code::kInvalidArgument) << json;
    return std::string(import.status().message());
  }
  static const NpuReportRow& RowOf(const NpuImport& import, const std::string& option) {
    for (const NpuReportRow& row : import.report) {
      if (row.option == option) return row;
    }
    static const NpuReportRow kNone{"none", {}, {}, {}, {}};
    return kNone;
  }

  std::string folder_;
};

TEST_F(Npu, TheTableIsComplete) {
  std::set<std::string_view> seen;
  for (const NpuOption& option : NpuOptions()) {
    EXPECT_TRUE(seen.insert(option.name).second) << option.name << " is there twice";
    EXPECT_FALSE(option.reason.empty()) << option.name;
    EXPECT_EQ(option.fate == NpuFate::kMapped, !option.key.empty()) << option.name;
    EXPECT_EQ(FindNpuOption(NameOf(option)), &option);
  }
  // Those of the notes' tables 4.1 to 4.7: 105 by name, and three open families.
  EXPECT_EQ(seen.size(), 108u);
  EXPECT_EQ(FindNpuOption("save_"), nullptr);
}

TEST_F(Npu, EveryOptionAloneGivesAConfigurationAndARowOfTheReport) {
  for (const NpuOption& option : NpuOptions()) {
    const std::string name = NameOf(option);
    SCOPED_TRACE(name);
    Map map = Companions(name);
    map[name] = std::string(option.example);
    const NpuImport import = Imported(ToJson(map));
    const Config config = Read(import);
    ASSERT_EQ(import.report.size(), map.size());
    const NpuReportRow& row = RowOf(import, name);
    EXPECT_EQ(row.option, name);
    const bool without_types = name == "op_select_implmode";
    EXPECT_EQ(row.fate, without_types ? NpuFate::kKept : option.fate);
    EXPECT_FALSE(row.reason.empty());
    EXPECT_EQ(row.keys.empty(), row.fate == NpuFate::kIgnored);
    if (row.fate != NpuFate::kKept) continue;
    ASSERT_EQ(config.backends.count("ascend"), 1u);
    EXPECT_EQ(config.backends.at("ascend").count(name), 1u);
  }
}

// Everything that can stand together: of what excludes each other, the first.
Map WholeMap() {
  const std::set<std::string> out = {"precision_mode_v2", "compile_dynamic_mode",
                                     "mix_compile_mode",  "dynamic_inputs_shape_range",
                                     "enable_dump_debug", "compress_weight_conf"};
  Map map;
  for (const NpuOption& option : NpuOptions()) {
    const std::string name = NameOf(option);
    if (out.count(name) == 0) map[name] = std::string(option.example);
  }
  return map;
}

TEST_F(Npu, AllOptionsTogether) {
  const Map map = WholeMap();
  const NpuImport import = Imported(ToJson({{"parameter_map", ToJson(map)}}));
  EXPECT_EQ(import.report.size(), map.size());
  const Config config = Read(import);
  EXPECT_EQ(config.backend, "auto");
  EXPECT_EQ(config.mode, RunMode::kInference);
  EXPECT_EQ(config.precision.mode, PrecisionMode::kMixedFp16);
  EXPECT_THAT(config.precision.white, ElementsAre("Add", "ReduceMean"));
  EXPECT_THAT(config.precision.black, ElementsAre("Softmax"));
  EXPECT_THAT(config.precision.gray, ElementsAre("Conv"));
  EXPECT_EQ(config.precision.op.at("Softmax").impl, Implementation::kHighPrecision);
  EXPECT_EQ(config.precision.op.at("LRN").impl, Implementation::kHighPrecision);
  EXPECT_EQ(config.precision.op.at("ReduceMean").dtype, ComputeType::kFloat32);
  EXPECT_EQ(config.precision.node.at("fc1/MatMul").impl, Implementation::kHighPerformance);
  EXPECT_EQ(config.precision.node.at("fc2/MatMul").dtype, ComputeType::kFloat16);
  EXPECT_EQ(config.precision.node.at("conv1/Conv2D").dtype, ComputeType::kFloat16);
  EXPECT_EQ(config.precision.node.at("conv1/Conv2D").output_dtype, ComputeType::kFloat32);
  EXPECT_EQ(config.precision.node.at("fc1").output_dtype, ComputeType::kBFloat16);
  EXPECT_EQ(config.execution.streams, 4);
  EXPECT_EQ(config.execution.instances, 2);
  EXPECT_EQ(config.device.id, 0);
  EXPECT_TRUE(config.execution.deterministic);
  EXPECT_THAT(config.inputs.at("data").shape, ElementsAre(1, 1, 40, -1));
  EXPECT_THAT(config.inputs.at("data").buckets,
              ElementsAre(ElementsAre(20), ElementsAre(40), ElementsAre(80)));
  EXPECT_THAT(config.inputs.at("label").buckets,
              ElementsAre(ElementsAre(20), ElementsAre(40), ElementsAre(60)));
  EXPECT_EQ(config.shapes.outside_buckets, OutsideBuckets::kDynamic);
  EXPECT_EQ(config.shapes.cached_plans, 10);
  EXPECT_FALSE(config.weights.live_update);
  EXPECT_EQ(config.optimizer.level, 3);
  EXPECT_FALSE(config.optimizer.fuse);
  EXPECT_TRUE(config.optimizer.remapping);
  EXPECT_FALSE(config.optimizer.passes.sink);
  EXPECT_TRUE(config.optimizer.passes.fold);
  EXPECT_EQ(config.backends.at("ascend").at("jit_compile"), "true");
  EXPECT_EQ(config.backends.at("ascend").at("aicore_num"), "24|48");
  EXPECT_EQ(config.backends.at("ascend").at("op_wait_timeout"), "120");

  EXPECT_THAT(RowOf(import, "modify_mixlist").notes,
              ElementsAre("no operator here is \"FancyOp\""));
  EXPECT_THAT(RowOf(import, "op_precision_mode").notes,
              Contains("\"support_out_of_bound_index\" of \"LRN\" has no counterpart"));
  EXPECT_THAT(RowOf(import, "customize_dtypes").notes,
              ElementsAre("\"fc1\" has not one float dtype in InputDtype"));
  EXPECT_THAT(RowOf(import, "fusion_switch_file").notes,
              AllOf(Contains("no pass here is \"OtherPass\""),
                    Contains("UBFusion \"TbePool\" is about the NPU's buffers")));
  const std::string report = NpuReportText(import);
  for (const auto& [name, value] : map) EXPECT_THAT(report, HasSubstr(name + ": "));
}

TEST_F(Npu, EachOfTheRestGoesWithoutWhatItExcludes) {
  Map map = WholeMap();
  for (const char* name : {"precision_mode", "input_shape", "dynamic_dims", "dynamic_node_type",
                           "compile_hybrid_mode", "enable_dump", "enable_compress_weight"}) {
    map.erase(name);
  }
  map["precision_mode_v2"] = "\"mixed_bfloat16\"";
  map["compile_dynamic_mode"] = "true";
  map["mix_compile_mode"] = "true";
  map["variable_placement"] = "\"Host\"";
  map["dynamic_inputs_shape_range"] = "\"getnext:[1];tokens:[128,3~5,-1,2~-1];s:[]\"";
  map["enable_dump_debug"] = "true";
  map["compress_weight_conf"] = "\"c.cfg\"";
  const NpuImport import = Imported(ToJson(map));
  const Config config = Read(import);
  EXPECT_EQ(config.precision.mode, PrecisionMode::kMixedBf16);
  EXPECT_EQ(config.placement.fallback, Fallback::kAllow);
  EXPECT_THAT(config.inputs.at("tokens").range,
              ElementsAre(ElementsAre(128, 128), ElementsAre(3, 5), ElementsAre(0, -1),
                          ElementsAre(2, -1)));
  EXPECT_EQ(config.inputs.size(), 1u);
}

TEST_F(Npu, ReadsValuesAsTheProtobufSpellsThem) {
  const NpuImport import = Imported(
      R"({"use_off_line": {"b": false}, "deterministic": {"i": 1},
          "precision_mode": {"s": "force_fp16"}, "compile_hybrid_mode": {"i": 0},
          "session_device_id": {"i": "-1"}, "dynamic_node_type": -1, "mix_compile_mode": false})");
  EXPECT_EQ(import.toml,
            "# Made by midstream config import-npu from session.json.\n\n"
            "backend = \"cpu_blas\"\n\n[execution]\ndeterministic = true\n\n"
            "[placement]\nfallback = \"error\"\n\n[precision]\nmode = \"force_fp16\"\n");
  EXPECT_EQ(RowOf(import, "session_device_id").fate, NpuFate::kIgnored);
  EXPECT_EQ(RowOf(import, "dynamic_node_type").reason, "this value asks for nothing here");
}

TEST_F(Npu, CustomDtypesHaveNoEffectInOriginMode) {
  const NpuImport import =
      Imported(R"({"precision_mode_v2": "origin", "customize_dtypes": "dtypes.cfg"})");
  EXPECT_TRUE(Read(import).precision.node.empty());
  EXPECT_THAT(RowOf(import, "customize_dtypes").reason, HasSubstr("no effect"));
}

TEST_F(Npu, EveryPrecisionNameIsTakenOrRefusedByName) {
  for (const char* option : {"precision_mode", "precision_mode_v2"}) {
    std::string choices(FindNpuOption(option)->choices);
    for (size_t at = 0; at < choices.size();) {
      const std::string name = choices.substr(at, choices.find(' ', at) - at);
      at += name.size() + 1;
      const std::string json = ToJson({{option, "\"" + name + "\""}});
      if (name.ends_with("hif8")) {
        EXPECT_THAT(Refusal(json), HasSubstr("is not available on any backend here"));
      } else {
        EXPECT_EQ(Read(Imported(json)).origin("precision.mode").written, name);
      }
    }
  }
}

struct Case {
  const char* json;
  const char* message;
};

TEST_F(Npu, NamesTheMistake) {
  const Case cases[] = {
      {"", "s.json: not JSON"},
      {"{\"a\"", "s.json: not JSON"},
      {"[]", "expected an object from option to value"},
      {R"({"precison_mode": "fp16"})", "unknown option; did you mean precision_mode?"},
      {R"({"deterministic": 1, "deterministic": 0})", "s.json: deterministic: is given twice"},
      {R"({"use_off_line": 1})", "s.json: use_off_line: expected true or false, found 1"},
      {R"({"use_off_line": {"i": true}})", "expected true or false, found {\"i\":true}"},
      {R"({"use_off_line": null})", "found null"},
      {R"({"deterministic": {"i": "1x"}})",
       "expected an integer from 0 to 1, found {\"i\":\"1x\"}"},
      {R"({"deterministic": 2})", "deterministic: expected an integer from 0 to 1, found 2"},
      {R"({"deterministic": 1.5})", "found 1.5"},
      {R"({"input_fusion_size": 18446744073709551615})", "expected an integer of at least 0"},
      {R"({"precision_mode": "fp16"})", "expected one of \"force_fp32\", "},
      {R"({"precision_mode": ["fp16"]})", "found [\"fp16\"]"},
      {R"({"stream_max_parallel_num": "GPU:4"})", "execution.streams: expected an integer"},
      {R"({"graph_run_mode": 1})", "graph_run_mode: 1 is training"},
      {R"({"precision_mode": "force_fp16", "precision_mode_v2": "fp16"})",
       "precision_mode_v2: not with precision_mode: expected one of both"},
      {R"({"input_shape": "a:-1"})",
       "input_shape: shape profiles need dynamic_dims, dynamic_node_type too"},
      {R"({"dynamic_dims": "1;2", "dynamic_node_type": 1})",
       "dynamic_dims: shape profiles need input_shape too"},
      {R"({"input_shape": "a:-1", "dynamic_dims": "1;2", "dynamic_node_type": 0})",
       "dynamic_node_type: 0 is the inputs of a dataset"},
      {R"({"compile_hybrid_mode": 1})", "compile_hybrid_mode: 1 needs input_shape, dynamic_dims"},
      {R"({"input_shape": "a:-1", "dynamic_dims": "1;2", "dynamic_node_type": 1,
           "mix_compile_mode": true})",
       "mix_compile_mode: not with input_shape"},
      {R"({"input_shape": "a:-1", "dynamic_dims": "1;2", "dynamic_node_type": 1,
           "compile_dynamic_mode": true})",
       "compile_dynamic_mode: not with input_shape"},
      {R"({"input_shape": "a:-1", "dynamic_dims": "1,2;2", "dynamic_node_type": 1})",
       "dynamic_dims: \"1,2\": expected 1 sizes, one for each -1 of input_shape"},
      {R"({"input_shape": "a:-1", "dynamic_dims": "1", "dynamic_node_type": 1})",
       "dynamic_dims: expected 2 to 256 profiles, found 1"},
      {R"({"input_shape": "a", "dynamic_dims": "1;2", "dynamic_node_type": 1})",
       "input_shape: expected name:sizes, as in \"data:1,-1;label:1\", found \"a\""},
      {R"({"input_shape": "a:1;a:-1", "dynamic_dims": "1;2", "dynamic_node_type": 1})",
       "input_shape: has \"a\" twice"},
      {R"({"dynamic_inputs_shape_range": "a:[5~3]"})", "expected a size, a range as 3~5, or -1"},
      {R"({"dynamic_inputs_shape_range": "a:5"})", "expected name:[sizes]"},
      {R"({"enable_dump": true, "enable_dump_debug": true, "dump_path": "/tmp"})",
       "enable_dump_debug: not with enable_dump"},
      {R"({"enable_dump": true})", "enable_dump: needs dump_path"},
      {R"({"enable_compress_weight": true, "compress_weight_conf": "f"})",
       "compress_weight_conf: not with enable_compress_weight"},
      {R"({"modify_mixlist": "x.json"})", "needs precision_mode or precision_mode_v2 with a mixed"},
      {R"({"modify_mixlist": "x.json", "precision_mode": "force_fp16"})",
       "needs a mixed mode, but precision_mode or precision_mode_v2 is \"force_fp16\""},
      {R"({"optypelist_for_implmode": "LRN"})", "needs op_select_implmode"},
      {R"({"optypelist_for_implmode": "LRN", "op_select_implmode": "high_precision_for_all"})",
       "not with an op_select_implmode that is for all"},
      {R"({"variable_placement": "Host"})", "\"Host\" needs mix_compile_mode = true"},
      {R"({"shape_generalization_mode": "FULL"})", "need jit_compile = \"true\""},
      {R"({"static_memory_policy": 2, "graph_max_parallel_model_num": 2})",
       "not with graph_max_parallel_model_num above 1"},
      {R"({"mix_compile_mode": true, "iterations_per_loop": 10})",
       "mix_compile_mode: not with iterations_per_loop above 1"},
      {R"({"op_precision_mode": "/nowhere/x.ini"})", "op_precision_mode: /nowhere/x.ini: "},
      {R"({"op_precision_mode": "/"})", "op_precision_mode: /"},
  };
  for (const Case& c : cases) EXPECT_THAT(Refusal(c.json), HasSubstr(c.message)) << c.json;
}

TEST_F(Npu, ListsAllProblems) {
  std::vector<Problem> problems;
  const auto import = ImportNpu(
      R"({"use_offline": true, "deterministic": "1", "graph_run_mode": 1,
          "op_precision_mode": "none.ini"})",
      "s.json", &problems);
  EXPECT_FALSE(import.ok());
  EXPECT_EQ(problems.size(), 4u);
  EXPECT_THAT(std::string(import.status().message()), HasSubstr("has 4 problems:\n  s.json: "));
}

TEST_F(Npu, NamesTheMistakeInAFile) {
  const struct {
    const char* option;
    const char* text;
    const char* message;
  } cases[] = {
      {"modify_mixlist", "[", "x: expected a JSON object"},
      {"modify_mixlist", R"({"red-list": {}})", "x: \"red-list\": expected the objects"},
      {"modify_mixlist", R"({"white-list": {"add": []}})", "expected the arrays \"to-add\""},
      {"modify_mixlist", R"({"white-list": {"to-add": [3]}})", "expected types of operators"},
      {"modify_mixlist",
       R"({"white-list": {"to-add": ["Add"]}, "black-list": {"to-add": ["BiasAdd"]}})",
       "x: Add is added to both lists"},
      {"op_precision_mode", "LRN=high_precision", "x: line 1: expected [ByOpType]"},
      {"op_precision_mode", "[ByOpType]\nLRN=fast", "x: line 2: expected [ByOpType]"},
      {"op_precision_mode", "[ByOpType]\nLRN", "found \"LRN\""},
      {"customize_dtypes", "a:float16", "x: line 1: expected node::InputDtype:"},
      {"customize_dtypes", "InputDtype:float16", "x: line 1: expected node::InputDtype:"},
      {"fusion_switch_file", "{}", "x: expected an object \"Switch\""},
      {"fusion_switch_file", R"({"Switch": {"X": {}}})", "\"X\": expected the objects"},
      {"fusion_switch_file", R"({"Switch": {"GraphFusion": {"A": 1}}})",
       "\"A\": expected \"on\" or \"off\""},
  };
  for (const auto& c : cases) {
    Write("x", c.text);
    const auto import =
        ImportNpu(ToJson({{c.option, "\"x\""}, {"precision_mode", "\"allow_mix_precision\""}}),
                  folder_ + "s.json");
    EXPECT_THAT(std::string(import.status().message()),
                AllOf(HasSubstr(std::string(c.option) + ": " + folder_), HasSubstr(c.message)))
        << c.text;
  }
}

TEST_F(Npu, AnyBytesAreAMapOrProblems) {
  const std::string good = ToJson(WholeMap());
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    std::string text = good;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      const size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random());
      } else {
        text.erase(at, random() % 60);
      }
    }
    std::vector<Problem> problems;
    const auto import = ImportNpu(text, folder_ + "s.json", &problems);
    ASSERT_EQ(import.ok(), problems.empty());
    if (import.ok()) Read(*import);
  }
  EXPECT_THAT(Refusal(std::string(200000, '[')), HasSubstr("nests more than 64 levels"));
  EXPECT_THAT(
      Refusal("{\"precision_mode\": " + std::string(200000, '[') + std::string(200000, ']') + "}"),
      HasSubstr("nests more than 64 levels"));
}

TEST_F(Npu, TheSampleOfTheRepositoryIsAsWritten) {
  const std::string path = std::string(MS_SOURCE_DIR) + "/configs/npu_sample.json";
  const auto import = ImportNpu(*ReadFile(path, 1 << 20), path);
  ASSERT_TRUE(import.ok()) << import.status().ToString();
  const Config config = Read(*import);
  EXPECT_EQ(config.precision.mode, PrecisionMode::kForceFp16);
  EXPECT_EQ(config.execution.streams, 4);
}

TEST(NpuDocs, AreWhatTheTableSays) {
  const auto text = ReadFile(std::string(MS_SOURCE_DIR) + "/docs/npu_options.md", 1 << 20);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, NpuMarkdown())
      << "write it anew with: midstream config docs --npu > docs/npu_options.md";
}

}  // namespace
}  // namespace midstream::config

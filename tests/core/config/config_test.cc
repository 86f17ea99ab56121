#include "core/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace midstream::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Config Parsed(std::string_view text, const std::vector<Override>& overrides = {}) {
  Result<Config> config = ParseConfig(text, "a.toml", overrides);
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? *std::move(config) : Config{};
}

std::string Refusal(std::string_view text, const std::vector<Override>& overrides = {}) {
  const Result<Config> config = ParseConfig(text, "a.toml", overrides);
  EXPECT_EQ(config.status().code(), Code::kInvalidArgument) << text;
  return std::string(config.status().message());
}

TEST(Config, EmptyTextGivesTheDefaults) {
  const Config config = Parsed("");
  EXPECT_EQ(config.backend, "cpu_blas");
  EXPECT_EQ(config.mode, RunMode::kInference);
  EXPECT_EQ(config.precision.mode, PrecisionMode::kOrigin);
  EXPECT_EQ(config.execution.threads, 0);
  EXPECT_EQ(config.placement.fallback, Fallback::kWarn);
  EXPECT_THAT(config.plugins.list, ElementsAre("cpu_blas", "reference"));
  EXPECT_TRUE(config.weights.verify_checksums);
  EXPECT_THAT(config.origins, IsEmpty());
  EXPECT_EQ(config.origin("backend").ToString(), "default");
}

TEST(Config, ReadsEveryType) {
  const Config config = Parsed(R"(backend = "reference"
[precision]
mode = "allow_mix_precision"
keep = ["conv1/Conv2D", "fc2/add"]
[execution]
threads = 3
deterministic = true
[plugins]
dir = "/opt/plugins"
list = ["acme", "/opt/other/ms_x.so"]
[backends.acme]
kernel = "fast"
depth = 3
ratio = 0.5
trace = false
)");
  EXPECT_EQ(config.backend, "reference");
  EXPECT_EQ(config.precision.mode, PrecisionMode::kMixedFp16);
  EXPECT_THAT(config.precision.keep, ElementsAre("conv1/Conv2D", "fc2/add"));
  EXPECT_EQ(config.execution.threads, 3);
  EXPECT_TRUE(config.execution.deterministic);
  EXPECT_EQ(config.plugins.dir, "/opt/plugins");
  EXPECT_THAT(config.plugins.list, ElementsAre("acme", "/opt/other/ms_x.so"));
  EXPECT_THAT(config.backends.at("acme"),
              ElementsAre(Pair("depth", "3"), Pair("kernel", "fast"), Pair("ratio", "0.5"),
                          Pair("trace", "false")));
}

TEST(Config, RemembersWhereEachValueCameFrom) {
  const Config config = Parsed("backend = \"reference\"\n[execution]\n  threads = 2\n",
                               {{"execution.threads", "4"}, {"backends.acme.depth", "1"}});
  EXPECT_EQ(config.origin("backend").ToString(), "a.toml:1:11");
  EXPECT_EQ(config.origin("execution.threads").ToString(), "--set");
  EXPECT_EQ(config.origin("backends.acme.depth").ToString(), "--set");
  EXPECT_EQ(config.origin("execution.streams").ToString(), "default");
}

TEST(Config, KnowsEveryPrecisionName) {
  const std::vector<std::pair<const char*, PrecisionMode>> names = {
      {"origin", PrecisionMode::kOrigin},
      {"must_keep_origin_dtype", PrecisionMode::kOrigin},
      {"force_fp32", PrecisionMode::kForceFp32},
      {"force_fp16", PrecisionMode::kForceFp16},
      {"fp16", PrecisionMode::kForceFp16},
      {"allow_fp32_to_fp16", PrecisionMode::kAllowFp32ToFp16},
      {"allow_fp32_to_bf16", PrecisionMode::kAllowFp32ToBf16},
      {"cube_fp16in_fp32out", PrecisionMode::kCubeFp16InFp32Out},
      {"mixed_float16", PrecisionMode::kMixedFp16},
      {"allow_mix_precision", PrecisionMode::kMixedFp16},
      {"allow_mix_precision_fp16", PrecisionMode::kMixedFp16},
      {"mixed_bfloat16", PrecisionMode::kMixedBf16},
      {"allow_mix_precision_bf16", PrecisionMode::kMixedBf16}};
  for (const auto& [name, mode] : names) {
    EXPECT_EQ(Parsed("", {{"precision.mode", name}}).precision.mode, mode) << name;
  }
  for (const char* name : {"cube_hif8", "mixed_hif8"}) {
    EXPECT_THAT(Refusal("", {{"precision.mode", name}}),
                HasSubstr(std::string("--set: precision.mode: \"") + name +
                          "\" is not available on any backend here; the nearest mode is "));
  }
}

TEST(Config, TakesStreamsInTheSpellingOfTheNpu) {
  EXPECT_EQ(Parsed("execution.streams = 4").execution.streams, 4);
  EXPECT_EQ(Parsed("execution.streams = 'AIcoreEngine:4'").execution.streams, 4);
  EXPECT_EQ(Parsed("execution.streams = 'DNN_VM_AICPU:10,AIcoreEngine:2'").execution.streams, 2);
  for (const char* wrong :
       {"", "4", "AIcoreEngine", "AIcoreEngine:", "AIcoreEngine:4,", "GPU:4", "AIcoreEngine:0",
        "AIcoreEngine:99999999999999999999", "AIcoreEngine:4x", "DNN_VM_AICPU:10"}) {
    EXPECT_THAT(Refusal("execution.streams = '" + std::string(wrong) + "'"),
                HasSubstr("a.toml:1:21: execution.streams: expected an integer from 1 to 1024, or "
                          "text like \"AIcoreEngine:4\", found"))
        << wrong;
  }
}

TEST(Config, ListsAllProblemsInTheOrderOfTheFile) {
  std::vector<Problem> problems;
  const auto config = ParseConfig(R"(streams = 4
[precison]
mode = "fp16"
[precision]
mode = "force_fp61"
keep = ["a", 3]
[execution]
threads = "two"
instances = 0
)",
                                  "b.toml", {{"device.id", "-1"}}, &problems);
  EXPECT_EQ(config.status().code(), Code::kInvalidArgument);
  ASSERT_EQ(problems.size(), 7u) << config.status().message();
  EXPECT_EQ(problems[0].ToString(),
            "b.toml:1:1: streams: unknown key; did you mean execution.streams?");
  EXPECT_EQ(problems[1].ToString(),
            "b.toml:2:2: precison: unknown section; did you mean precision?");
  EXPECT_THAT(problems[2].ToString(),
              AllOf(HasSubstr("b.toml:5:8: precision.mode: expected one of \"origin\", "),
                    HasSubstr("found \"force_fp61\"; did you mean force_fp16?")));
  EXPECT_EQ(problems[3].ToString(),
            "b.toml:6:14: precision.keep: expected an array of strings, each a name that is not "
            "empty, found 3 in it");
  EXPECT_EQ(problems[4].ToString(),
            "b.toml:8:11: execution.threads: expected an integer from 0 to 4096, found \"two\"");
  EXPECT_EQ(problems[5].line, 9u);
  EXPECT_EQ(problems[6].ToString(),
            "--set: device.id: expected an integer from 0 to 1023, found -1");
  for (const Problem& problem : problems) {
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(problem.ToString()));
  }
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("7 problems"));
}

TEST(Config, OneProblemIsOneSentence) {
  EXPECT_EQ(Refusal("[optimizer]\nfuze = true"),
            "a.toml:2:1: optimizer.fuze: unknown key; did you mean optimizer.fuse?");
  EXPECT_EQ(Refusal("nothing_like_it = 1"), "a.toml:1:1: nothing_like_it: unknown key");
}

struct Case {
  const char* text;
  const char* message;
};

TEST(Config, NamesTheMistake) {
  const Case cases[] = {
      {"backend = 3", "a.toml:1:11: backend: expected \"auto\" or the name of a plugin"},
      {"backend = 'CPU'", "found \"CPU\""},
      {"backend = ''", "found \"\""},
      {"mode = 'training'", "mode: expected \"inference\", found \"training\""},
      {"mode = {}", "mode: expected \"inference\", found a table"},
      {"precision = 'fp16'", "precision: is a section: expected a table, found a string"},
      {"[[precision]]\nmode = 'fp16'", "precision: is a section: expected a table, found an array"},
      {"[precision.mode]\nx = 1", "precision.mode: expected one of"},
      {"[precision.nodes.a]\n", "precision.nodes: unknown section"},
      {"execution.threads = 4.0", "expected an integer from 0 to 4096, found a number with"},
      {"execution.threads = nan", "found a number with a fraction"},
      {"execution.threads = -1", "found -1"},
      {"execution.threads = true", "found a boolean"},
      {"execution.threads = 99999999999999999999", "not TOML: "},
      {"execution.deterministic = 'true'", "expected true or false, found \"true\""},
      {"execution.deterministic = 1979-05-27", "found a date or time"},
      {"plugins.dir = 'relative'", "expected an absolute path, or nothing, found \"relative\""},
      {"plugins.dir = \"/a\\u0000b\"", "found \"/a?b\""},
      {"plugins.list = 'cpu_blas'", "plugins.list: expected an array of strings"},
      {"plugins.list = ['./x.so']", "found \"./x.so\" in it"},
      {"placement.order = ['/opt/x.so']", "found \"/opt/x.so\" in it"},
      {"placement.fallback = 'ignore'", "one of \"error\", \"warn\", \"allow\", found \"ignore\""},
      {"'precision.mode' = 'fp16'", "write the dots of a key outside of quotes"},
      {"backends = 3", "backends: is a section: expected tables [backends.NAME], found an integer"},
      {"backends.x = 3", "backends.x: expected a table of options, found an integer"},
      {"backends.X.y = 3", "backends.X: expected the name of a plugin"},
      {"backends.x.y = [1]", "backends.x.y: expected a string, number or boolean, found an array"},
      {"backend = 'a'\nbackend = 'b'", "a.toml:2:"},
      {"[execution", "a.toml:1:11: not TOML: "},
      {"=", "not TOML: "},
      {"\xff\xfe", "not TOML: "},
      {"backend = \"a\nb\"", "not TOML: "},
  };
  for (const Case& c : cases) EXPECT_THAT(Refusal(c.text), HasSubstr(c.message)) << c.text;
}

TEST(Config, ReadsTablesWithFreeNames) {
  const Config config = Parsed(R"([precision]
mode = "mixed_float16"
on_unsupported = "error"
white = ["Softmax"]
black = ["Add", "Mul"]
gray = ["Exp"]
[precision.op.Softmax]
dtype = "float32"
impl = "high_precision"
[precision.node."fc1/MatMul"]
dtype = "bfloat16"
output_dtype = "float32"
)");
  EXPECT_EQ(config.precision.on_unsupported, OnUnsupported::kError);
  EXPECT_THAT(config.precision.white, ElementsAre("Softmax"));
  EXPECT_THAT(config.precision.black, ElementsAre("Add", "Mul"));
  EXPECT_THAT(config.precision.gray, ElementsAre("Exp"));
  ASSERT_EQ(config.precision.op.size(), 1u);
  EXPECT_EQ(config.precision.op.at("Softmax").dtype, ComputeType::kFloat32);
  EXPECT_EQ(config.precision.op.at("Softmax").output_dtype, ComputeType::kAuto);
  EXPECT_EQ(config.precision.op.at("Softmax").impl, Implementation::kHighPrecision);
  ASSERT_EQ(config.precision.node.size(), 1u);
  EXPECT_EQ(config.precision.node.at("fc1/MatMul").dtype, ComputeType::kBFloat16);
  EXPECT_EQ(config.precision.node.at("fc1/MatMul").output_dtype, ComputeType::kFloat32);
  EXPECT_EQ(config.origin("precision.op.Softmax.dtype").ToString(), "a.toml:8:9");
  EXPECT_EQ(config.origin("precision.node.\"fc1/MatMul\".dtype").ToString(), "a.toml:11:9");
}

TEST(Config, NamesTheMistakeInATableWithAFreeName) {
  const Case cases[] = {
      {"[precision.op.Softmax]\ndtpye = 'float32'",
       "a.toml:2:1: precision.op.Softmax.dtpye: unknown key; did you mean "
       "precision.op.Softmax.dtype?"},
      {"[precision.node.'a/b']\ndtype = 'half'",
       "a.toml:2:9: precision.node.\"a/b\".dtype: expected one of \"auto\", \"float64\", "
       "\"float32\", \"float16\", \"bfloat16\", found \"half\""},
      {"[precision.ops.Softmax]\ndtype = 'float32'",
       "a.toml:1:12: precision.ops: unknown section; did you mean precision.op?"},
      {"[precision.op]\nSoftmax = 'float32'",
       "a.toml:2:11: precision.op.Softmax: is a section: expected a table, found a string"},
      {"precision.op = 'float32'", "precision.op: is a section: expected a table"},
      {"[precision.op.'']\ndtype = 'float32'", "precision.op: expected a name that is not empty"},
      {"[precision.op.'*']\ndtpye = 1", "precision.op.\"*\".dtpye: unknown key"},
      {"precision.'*' = 1", "unknown key"},
      {"[precision.op.a.'dtype.x']\ny = 1", "write the dots of a key outside of quotes"},
  };
  for (const Case& c : cases) EXPECT_THAT(Refusal(c.text), HasSubstr(c.message)) << c.text;
}

TEST(Config, FindsConflicts) {
  const Case cases[] = {
      {"[precision]\nmode = 'force_fp16'\nwhite = ['Add']",
       "a.toml:3:9: precision.white: needs a mixed mode (\"mixed_float16\" or \"mixed_bfloat16\"), "
       "but precision.mode is \"force_fp16\" (a.toml:2:8)"},
      {"precision.gray = ['Add']", "but precision.mode is \"origin\" (default)"},
      {"[precision]\nmode = 'mixed_float16'\nwhite = ['Add', 'Mul']\nblack = ['Exp', 'Mul']",
       "a.toml:4:9: precision.black: \"Mul\" is also in precision.white (a.toml:3:9): expected it "
       "in "
       "one of them"},
      {"[precision]\nkeep = ['fc1']\n[precision.node.'fc1/MatMul']\ndtype = 'float16'",
       "a.toml:4:9: precision.node.\"fc1/MatMul\".dtype: the node keeps the dtype of the model, by "
       "\"fc1\" in precision.keep (a.toml:2:8)"},
      {"[precision]\nkeep = ['fc1']\n[precision.node.fc1]\noutput_dtype = 'float16'",
       "a.toml:4:16: precision.node.fc1.output_dtype: the node keeps"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(Refusal(c.text).find(c.message) == std::string::npos, false) << c.text << "\n"
                                                                           << Refusal(c.text);
  Parsed("[precision]\nkeep = ['fc']\n[precision.node.'fc1/MatMul']\ndtype = 'float16'");
  Parsed("[precision]\nkeep = ['fc1']\n[precision.node.fc1]\nimpl = 'high_precision'");
  EXPECT_THAT(Refusal("", {{"precision.white", "Add"}}),
              HasSubstr("--set: precision.white: needs a mixed mode"));
}

TEST(Config, ReadsShapes) {
  const Config config =
      Parsed(R"([inputs.ids]
shape = [1, -1]
buckets = [[20], [40]]
[inputs."mask:0"]
shape = [-1, -1, 3]
buckets = [[1, 20], [1, 40]]
[inputs.image]
range = [[1, 8], [0, -1]]
[shapes]
outside_buckets = "error"
[optimizer]
level = "O1"
)",
             {{"inputs.late.shape", "2,-1"}, {"inputs.late.buckets", "[[1],[2]]"}});
  EXPECT_THAT(config.inputs.at("ids").shape, ElementsAre(1, -1));
  EXPECT_THAT(config.inputs.at("ids").buckets, ElementsAre(ElementsAre(20), ElementsAre(40)));
  EXPECT_THAT(config.inputs.at("mask:0").buckets,
              ElementsAre(ElementsAre(1, 20), ElementsAre(1, 40)));
  EXPECT_THAT(config.inputs.at("image").range, ElementsAre(ElementsAre(1, 8), ElementsAre(0, -1)));
  EXPECT_THAT(config.inputs.at("late").shape, ElementsAre(2, -1));
  EXPECT_EQ(config.shapes.outside_buckets, OutsideBuckets::kError);
  EXPECT_EQ(config.optimizer.level, 1);
}

TEST(Config, NamesTheMistakeInShapes) {
  const Case cases[] = {
      {"[input.x]\nshape = [1]", "a.toml:1:2: input: unknown section; did you mean inputs?"},
      {"[inputs.x]\nbuckts = [[1]]",
       "a.toml:2:1: inputs.x.buckts: unknown key; did you mean inputs.x.buckets?"},
      {"inputs.x.shape = 3", "inputs.x.shape: expected an array of at most 16 integers from -1 to"},
      {"inputs.x.shape = [1, -2]", "found -2 in it"},
      {"inputs.x.shape = [1, [2]]", "found an array in it"},
      {"inputs.x.shape = [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "found 17 items"},
      {"inputs.x.buckets = [1]", "expected an array of at most 256 arrays of integers"},
      {"[inputs.x]\nbuckets = [[1], [2]]",
       "a.toml:2:11: inputs.x.buckets: needs inputs.x.shape with a -1"},
      {"[inputs.x]\nshape = [-1, 3]\nbuckets = [[1], [2, 3]]",
       "a.toml:3:11: inputs.x.buckets: [2, 3] has 2 sizes, but inputs.x.shape (a.toml:2:9) has 1 "
       "times -1"},
      {"[inputs.x]\nshape = [-1]\nbuckets = [[1]]", "has one profile: expected 2 to 256"},
      {"[inputs.x]\nshape = [-1]\nbuckets = [[1], [2]]\n[inputs.y]\nshape = [-1]\n"
       "buckets = [[1], [2], [3]]",
       "a.toml:6:11: inputs.y.buckets: has 3 profiles, but inputs.x.buckets (a.toml:3:11) has 2"},
      {"[inputs.x]\nshape = [-1]\nbuckets = [[1], [2]]\n[inputs.y]\nshape = [-1]",
       "a.toml:5:9: inputs.y.shape: has a -1 and no buckets, but inputs.x.buckets (a.toml:3:11) "
       "gives 2 profiles"},
      {"[inputs.x]\nrange = [[1, 2], [3]]", "inputs.x.range: dimension 1: expected [least, most]"},
      {"[inputs.x]\nrange = [[2, 1]]", "inputs.x.range: dimension 0: expected [least, most]"},
      {"[inputs.x]\nshape = [9]\nrange = [[1, 8]]",
       "dimension 0 leaves out the 9 of inputs.x.shape (a.toml:2:9)"},
      {"[inputs.x]\nshape = [-1, 2]\nrange = [[1, 8]]",
       "inputs.x.range: has 1 dimensions, but inputs.x.shape (a.toml:2:9) has 2"},
      {"[inputs.x]\nshape = [-1]\nbuckets = [[1], [2]]\nrange = [[1, 8]]",
       "inputs.x.range: the sizes are those of inputs.x.buckets (a.toml:3:11)"},
      {"shapes.outside_buckets = 'error'", "is \"error\", but no input has buckets"},
      {"optimizer.level = 'O4'", "expected an integer from 0 to 3, or text like \"O3\""},
      {"optimizer.passes.fuse = true", "optimizer.passes.fuse: unknown key; did you mean"},
  };
  for (const Case& c : cases) EXPECT_THAT(Refusal(c.text), HasSubstr(c.message)) << c.text;
}

TEST(Config, AcceptsByteOrderMarkAndWindowsLines) {
  EXPECT_EQ(Parsed("\xef\xbb\xbf[execution]\r\nthreads = 5\r\n").execution.threads, 5);
}

TEST(Config, BoundsWhatItReads) {
  EXPECT_THAT(Refusal(std::string(2 << 20, '#')),
              HasSubstr("the file has more than 1048576 bytes"));
  // As deep as the bounds allow: unknown, but read and freed.
  std::string deep = "a";
  for (int i = 0; i < 4990; ++i) deep += ".a";
  EXPECT_THAT(Refusal(deep + " = 1"), HasSubstr("a: unknown section"));
  for (int i = 0; i < 100; ++i) deep += ".a";
  EXPECT_THAT(Refusal(deep + " = 1"), HasSubstr("more than 5000 dots"));
  EXPECT_THAT(Refusal("a = " + std::string(100000, '[')), HasSubstr("not TOML: "));
}

TEST(Config, ShortensWhatItShows) {
  const std::string message = Refusal("backend = '" + std::string(5000, 'A') + "'");
  EXPECT_LT(message.size(), 300u);
  EXPECT_THAT(message, HasSubstr("AAA...\""));
}

TEST(Override, TakesTomlAndBareWords) {
  const auto set = [](const char* key, const char* value) { return Parsed("", {{key, value}}); };
  EXPECT_EQ(set("backend", "reference").backend, "reference");
  EXPECT_EQ(set("backend", "\"reference\"").backend, "reference");
  EXPECT_EQ(set("backend", "123").backend, "123");
  EXPECT_EQ(set("backend", "true").backend, "true");
  EXPECT_EQ(set("execution.threads", "7").execution.threads, 7);
  EXPECT_TRUE(set("execution.deterministic", "true").execution.deterministic);
  EXPECT_EQ(set("execution.streams", "AIcoreEngine:4").execution.streams, 4);
  EXPECT_EQ(set("plugins.dir", "/a b").plugins.dir, "/a b");
  EXPECT_THAT(set("plugins.list", "a,b").plugins.list, ElementsAre("a", "b"));
  EXPECT_THAT(set("plugins.list", "['a', 'b']").plugins.list, ElementsAre("a", "b"));
  EXPECT_THAT(set("plugins.list", "").plugins.list, IsEmpty());
  EXPECT_THAT(set("backends.acme.mode", "fast").backends.at("acme"),
              ElementsAre(Pair("mode", "fast")));
}

TEST(Override, NamesTheFreePartWithOrWithoutQuotes) {
  const auto set = [](const char* key) { return Parsed("", {{key, "float32"}}).precision; };
  EXPECT_EQ(set("precision.op.Softmax.dtype").op.at("Softmax").dtype, ComputeType::kFloat32);
  EXPECT_EQ(set("precision.op.\"Softmax\".dtype").op.at("Softmax").dtype, ComputeType::kFloat32);
  EXPECT_EQ(set("precision.node.\"a/b.c\".dtype").node.at("a/b.c").dtype, ComputeType::kFloat32);
  EXPECT_EQ(set("precision.node.a/b.c.dtype").node.at("a/b.c").dtype, ComputeType::kFloat32)
      << "as it is after a shell took the quotes";
  EXPECT_EQ(Refusal("", {{"precision.op.Softmax.dtpye", "float32"}}),
            "--set: precision.op.Softmax.dtpye: unknown key; did you mean "
            "precision.op.Softmax.dtype?");
  EXPECT_THAT(Refusal("", {{"precision.op.Softmax", "float32"}}), HasSubstr("expected a table"));
}

TEST(Override, LastOneWins) {
  const Config config =
      Parsed("execution.threads = 1", {{"execution.threads", "2"}, {"execution.threads", "3"}});
  EXPECT_EQ(config.execution.threads, 3);
}

TEST(Override, NamesTheMistake) {
  const auto refusal = [](const char* key, const char* value) {
    return Refusal("", {{key, value}});
  };
  EXPECT_EQ(refusal("precison.mode", "fp16"),
            "--set: precison.mode: unknown key; did you mean precision.mode?");
  EXPECT_THAT(refusal("precision", "fp16"), HasSubstr("is a section: expected a table"));
  EXPECT_THAT(refusal("execution.threads", "many"), HasSubstr("found \"many\""));
  EXPECT_THAT(refusal("execution.threads", "1\nbackend = 'x'"), HasSubstr("found \"1?backend"));
  EXPECT_THAT(refusal("plugins.list", "a,,b"), HasSubstr("found \"\" in it"));
  EXPECT_THAT(refusal("backends.acme", "x"), HasSubstr("expected backends.NAME.option"));
  EXPECT_THAT(refusal("backends.acme.", "x"), HasSubstr("expected backends.NAME.option"));
  EXPECT_THAT(refusal("backends.ACME.x", "x"), HasSubstr("expected the name of a plugin"));
}

TEST(Override, SplitsAtTheFirstEqualsSign) {
  const auto override = ParseOverride(" plugins.dir = /a=b ");
  ASSERT_TRUE(override.ok());
  EXPECT_EQ(override->key, "plugins.dir");
  EXPECT_EQ(override->value, "/a=b");
  for (const char* wrong : {"", "backend", "=x", "  = x"}) {
    EXPECT_THAT(std::string(ParseOverride(wrong).status().message()),
                HasSubstr("expected section.key=value"));
  }
}

TEST(LoadConfig, ReadsAFileOrNone) {
  const std::string path = testing::TempDir() + "ms_config_" + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << "execution.threads = 6\n";
  const auto config = LoadConfig(path, {{"backend", "reference"}});
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->execution.threads, 6);
  EXPECT_EQ(config->backend, "reference");
  EXPECT_EQ(config->origin("execution.threads").file, path);
  std::filesystem::remove(path);
  EXPECT_EQ(LoadConfig(path).status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(LoadConfig(path).status().message()), HasSubstr(path));
  EXPECT_TRUE(LoadConfig("").ok());
  EXPECT_EQ(LoadConfig("/").status().code(), Code::kInvalidArgument);
}

TEST(LoadConfig, AcceptsEveryFileOfTheRepository) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MS_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".toml") continue;
    const auto config = LoadConfig(entry.path().string());
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    ++count;
  }
  EXPECT_GE(count, 3);
}

TEST(LoadConfig, ABackendGivenBesideTheFileComesFirstInItsOrder) {
  const char* text = "backend = \"a\"\nplacement.order = [\"a\", \"b\", \"c:1\"]\n";
  const auto order = [&](const std::vector<Override>& overrides) {
    const Result<Config> config = ParseConfig(text, "f.toml", overrides);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? config->placement.order : std::vector<std::string>();
  };
  using Order = std::vector<std::string>;
  EXPECT_EQ(order({}), (Order{"a", "b", "c:1"}));
  EXPECT_EQ(order({{"backend", "c:1"}}), (Order{"c:1", "a", "b"}));
  EXPECT_EQ(order({{"backend", "d"}}), (Order{"d", "a", "b", "c:1"}));
  EXPECT_EQ(order({{"backend", "auto"}}), (Order{"a", "b", "c:1"}));
  EXPECT_EQ(order({{"backend", "d"}, {"placement.order", "[\"b\"]"}}), (Order{"b"}));
}

TEST(LoadConfig, RefusesABackendThatIsInTheOrderTwice) {
  const Result<Config> config = ParseConfig("placement.order = [\"a\", \"b\", \"a\"]\n", "f.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("has \"a\" twice"));
}

}  // namespace
}  // namespace midstream::config

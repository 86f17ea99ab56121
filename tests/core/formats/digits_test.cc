// The importer on the checkpoints that TensorFlow itself wrote: tests/data/digits, and the damaged
// copies of one of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/formats/model_source.h"
#include "core/graph/shape_inference.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits";
const std::string kPrefix = kDigits + "/mnist_deep_model.ckpt-";
const std::vector<std::string> kWeights = {"conv1/Variable",   "conv1/Variable_1", "conv2/Variable",
                                           "conv2/Variable_1", "fc1/Variable",     "fc1/Variable_1",
                                           "fc2/Variable",     "fc2/Variable_1"};

std::unique_ptr<ModelSource> Open(const std::string& path) {
  auto model = OpenModel(path);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? *std::move(model) : nullptr;
}

std::vector<std::string> Names(const std::vector<TensorInfo>& infos) {
  std::vector<std::string> names;
  for (const TensorInfo& info : infos) names.push_back(info.name);
  return names;
}

std::vector<std::string> Names(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back(graph.value(id).name);
  return names;
}

TEST(Digits, OpensByDirectoryPrefixAndMeta) {
  for (const std::string& path :
       {kDigits, kDigits + "/", kPrefix + "4000", kPrefix + "4000.meta"}) {
    auto model = Open(path);
    ASSERT_NE(model, nullptr);
    EXPECT_THAT(model->path(), HasSubstr("ckpt-4000.meta"));
  }
}

TEST(Digits, RefusesOtherPaths) {
  const struct {
    std::string path;
    const char* why;
  } rows[] = {{kDigits + "/nothing", "expected a checkpoint prefix"},
              {kPrefix + "100", "no graph"},
              {std::string(MS_TEST_DATA), "without a `checkpoint` file"},
              {"", "expected a checkpoint prefix"},
              {kDigits + "/about.json", "expected a checkpoint prefix"}};
  for (const auto& row : rows) {
    auto model = OpenModel(row.path);
    EXPECT_EQ(model.status().code(), Code::kNotFound) << row.path;
    EXPECT_THAT(std::string(model.status().message()), HasSubstr(row.why));
  }
}

TEST(Digits, TellsInputsOutputsAndWeights) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(Names(model->inputs()),
              ElementsAre("Placeholder", "Placeholder_1", "dropout/Placeholder"));
  EXPECT_EQ(model->inputs()[0].shape, Shape({-1, 784}));
  EXPECT_FALSE(model->inputs()[2].shape.rank_known());
  EXPECT_THAT(Names(model->outputs()), ElementsAre("fc2/add", "accuracy/ArgMax"));
  EXPECT_EQ(model->outputs()[1].dtype, DType::kI64);
  std::vector<std::string> kept;
  size_t slots = 0;
  for (const WeightInfo& info : model->weights()) {
    if (info.use == WeightUse::kOutputs) {
      kept.push_back(info.name);
      EXPECT_EQ(info.checkpoint_key, info.name);
      EXPECT_EQ(info.bytes, *ByteSize(info.dtype, info.shape));
    }
    slots += info.use == WeightUse::kOptimizer;
  }
  EXPECT_EQ(kept, kWeights);
  EXPECT_EQ(slots, 18u);  // two for each variable, and two powers
}

TEST(Digits, BuildsTheGraphWithoutDropout) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  auto built = model->BuildGraph({{}, {"accuracy/ArgMax", "fc2/add:0"}, {}});
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  Graph& graph = built->graph;
  EXPECT_THAT(Names(graph, graph.inputs()), ElementsAre("Placeholder"));
  EXPECT_THAT(Names(graph, graph.weights()), testing::UnorderedElementsAreArray(kWeights));
  EXPECT_THAT(graph.output_names(), ElementsAre("accuracy/ArgMax", "fc2/add:0"));
  ASSERT_EQ(built->removed_dropout.size(), 1u);
  EXPECT_EQ(built->removed_dropout[0].control, "dropout/Placeholder");
  EXPECT_EQ(built->removed_dropout[0].required, 1.0);
  for (const Node& node : graph.nodes()) EXPECT_EQ(node.name.find("dropout"), std::string::npos);
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  ASSERT_TRUE(Verify(graph).ok());
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kI64);
  EXPECT_EQ(graph.value(graph.outputs()[1]).shape, Shape({-1, 10}));
}

TEST(Digits, KeepProbabilityMayBeFedOrBoundToOne) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  auto fed = model->BuildGraph({{"Placeholder:0", "dropout/Placeholder:0"}, {"fc2/add"}, {}});
  ASSERT_TRUE(fed.ok()) << fed.status().ToString();
  ASSERT_EQ(fed->ignored_feeds.size(), 1u);
  EXPECT_EQ(fed->ignored_feeds[0].tensor.name, "dropout/Placeholder");
  EXPECT_EQ(fed->ignored_feeds[0].tensor.dtype, DType::kF32);
  EXPECT_EQ(fed->ignored_feeds[0].required, 1.0);
  auto bind = [&](float value) {
    std::map<std::string, Tensor> bound = {
        {"dropout/Placeholder", Tensor::Scalar(DType::kF32, value)}};
    return model->BuildGraph({{}, {"fc2/add"}, bound}).status();
  };
  EXPECT_TRUE(bind(1.0f).ok());
  EXPECT_EQ(bind(0.5f).code(), Code::kInvalidArgument);
}

TEST(Digits, AnyTensorMayBeFedAndFetched) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  auto built = model->BuildGraph({{"fc1/Relu"}, {"fc2/MatMul", "fc2/Variable/read"}, {}});
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  EXPECT_THAT(Names(built->graph, built->graph.inputs()), ElementsAre("fc1/Relu"));
  EXPECT_EQ(built->graph.value(built->graph.inputs()[0]).shape, Shape({-1, 64}));
  EXPECT_THAT(Names(built->graph, built->graph.weights()), ElementsAre("fc2/Variable"));
  // A feed that nothing needs is accepted, as TensorFlow does.
  auto more = model->BuildGraph({{"fc1/Relu", "Placeholder_1"}, {"fc2/MatMul"}, {}});
  ASSERT_TRUE(more.ok());
  ASSERT_EQ(more->ignored_feeds.size(), 1u);
  EXPECT_FALSE(more->ignored_feeds[0].required.has_value());
}

TEST(Digits, NamesThatDoNotExist) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  auto status = [&](GraphRequest request) { return model->BuildGraph(request).status(); };
  EXPECT_EQ(status({{}, {"fc2/nothing"}, {}}).code(), Code::kNotFound);
  EXPECT_EQ(status({{}, {"fc2/add:1"}, {}}).code(), Code::kNotFound);
  EXPECT_EQ(status({{"nowhere"}, {"fc2/add"}, {}}).code(), Code::kNotFound);
  EXPECT_EQ(status({{"fc1/Relu", "fc1/Relu:0"}, {"fc2/add"}, {}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(status({{"Placeholder_1"}, {"fc2/add"}, {}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(status({{}, {}, {}}).code(), Code::kInvalidArgument);
}

TEST(Digits, UnsupportedNodesAreListedTogether) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  auto built =
      model->BuildGraph({{}, {"loss/Mean", "adam_optimizer/gradients/fc1/Relu_grad/ReluGrad"}, {}});
  ASSERT_EQ(built.status().code(), Code::kUnimplemented);
  std::string message(built.status().message());
  EXPECT_THAT(message, HasSubstr("(ReluGrad)"));
  EXPECT_THAT(message, HasSubstr("xentropy"));
  EXPECT_THAT(message, HasSubstr("'SparseSoftmaxCrossEntropyWithLogits' 1"));
  EXPECT_THAT(message, HasSubstr("ckpt-4000.meta"));
  auto counts = model->Operators({"loss/Mean"});
  ASSERT_TRUE(counts.ok());
  for (size_t i = 1; i < counts->size(); ++i) {
    EXPECT_GE((*counts)[i - 1].count, (*counts)[i].count);
  }
  EXPECT_EQ(std::count_if(counts->begin(), counts->end(), [](auto& c) { return !c.supported; }), 1);
}

TEST(Digits, ReadsTheWeightsOfEveryCheckpoint) {
  auto model = Open(kPrefix + "0.meta");
  ASSERT_NE(model, nullptr);
  for (const char* step :
       {"0", "25", "50", "75", "100", "150", "200", "300", "500", "1000", "2000", "4000"}) {
    auto reader = model->OpenWeights(kPrefix + step);
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    EXPECT_EQ((*reader)->names(), kWeights);
    for (const std::string& name : kWeights) {
      auto tensor = (*reader)->Read(name);
      ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    }
  }
  for (const std::string& path : {kPrefix + "100.index", kPrefix + "4000.meta", kDigits}) {
    EXPECT_TRUE(model->OpenWeights(path).ok()) << path;
  }
  EXPECT_EQ(model->OpenWeights(kPrefix + "1").status().code(), Code::kNotFound);
}

TEST(Digits, SlotsAreSkippedAndTheValuesAreTheSame) {
  auto with = Open(kDigits + "/with_slots");
  auto without = Open(kPrefix + "4000");
  ASSERT_NE(with, nullptr);
  ASSERT_NE(without, nullptr);
  auto reader = without->OpenWeights(kDigits + "/with_slots/mnist_deep_model.ckpt-4000");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->names(), kWeights);
  for (const std::string& name : kWeights) {
    auto a = with->ReadWeight(name);
    auto b = without->ReadWeight(name);
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_TRUE(BitEqual(*a, *b)) << name;
  }
  for (const WeightInfo& info : with->weights()) {
    bool slot = info.name.find("Adam") != std::string::npos || info.name.ends_with("_power");
    EXPECT_EQ(info.use == WeightUse::kOptimizer, slot) << info.name;
    EXPECT_FALSE(info.checkpoint_key.empty()) << info.name;
  }
}

TEST(Digits, WeightsThatDoNotExist) {
  auto model = Open(kDigits);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->ReadWeight("nothing").status().code(), Code::kNotFound);
  auto step = model->ReadWeight("global_step");
  EXPECT_EQ(step.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(step.status().message()), HasSubstr("Saver"));
}

TEST(Digits, AMetaAloneOpensAndSaysWhichFileItsWeightsLack) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  std::filesystem::remove(prefix + ".index");
  auto model = Open(prefix + ".meta");
  ASSERT_NE(model, nullptr);
  auto weight = model->ReadWeight("fc2/Variable");
  EXPECT_EQ(weight.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(weight.status().message()), HasSubstr("model.ckpt.index"));
  EXPECT_TRUE(model->OpenWeights(kPrefix + "100").ok());
  EXPECT_EQ(OpenModel(prefix).status().code(), Code::kNotFound);
}

// What opening, building and reading all weights come to.
Status OpenAndReadAll(const std::string& path) {
  MS_ASSIGN_OR_RETURN(std::unique_ptr<ModelSource> model, OpenModel(path));
  GraphRequest request{{}, {"fc2/add", "accuracy/ArgMax"}, {}};
  MS_ASSIGN_OR_RETURN(BuiltGraph built, model->BuildGraph(request));
  MS_RETURN_IF_ERROR(InferShapes(built.graph, nullptr));
  for (ValueId id : built.graph.weights()) {
    MS_RETURN_IF_ERROR(model->ReadWeight(built.graph.value(id).name).status());
  }
  return OkStatus();
}

TEST(Digits, EveryDamagedCopyIsRefusedWithItsName) {
  std::string folder = std::string(MS_SHARED_DATA) + "/tf/bad";
  std::ifstream file(folder + "/expected.json");
  if (!file) GTEST_SKIP() << folder << " is not there";
  auto expected = nlohmann::json::parse(file);
  EXPECT_EQ(expected.size(), 32u);
  for (const auto& [name, row] : expected.items()) {
    std::string path = folder + "/" + name;
    if (!std::filesystem::exists(path + "/checkpoint")) path += "/model.ckpt";
    Status status = OpenAndReadAll(path);
    if (row["expect"] == "ok") {
      EXPECT_TRUE(status.ok()) << name << ": " << status.ToString();
    }
    if (row["expect"] != "error") continue;
    EXPECT_FALSE(status.ok()) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("/" + name + "/model.ckpt")) << name;
  }
}

}  // namespace
}  // namespace midstream::formats

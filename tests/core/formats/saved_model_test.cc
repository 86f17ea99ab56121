#include "core/formats/tensorflow/saved_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using formats::ModelSource;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kModule = std::string(MS_TEST_DATA) + "/tf/saved_model/module/model";

formats::OpenOptions WithSignature(const std::string& name) {
  formats::OpenOptions options;
  options.signature = name;
  return options;
}

std::vector<std::string> Names(const std::vector<formats::TensorInfo>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

std::string SavedModelBytes(const std::vector<std::string>& tags, const std::string& meta) {
  std::string info;
  for (const std::string& tag : tags) info += BytesField(4, tag);
  return BytesField(2, BytesField(1, info) + meta);
}

std::string SignatureField(const std::string& name, const std::string& input,
                           const std::string& output) {
  auto tensor = [](uint32_t field, const std::string& key, const std::string& of) {
    return BytesField(field, BytesField(1, key) + BytesField(2, BytesField(1, of)));
  };
  return BytesField(
      5, BytesField(1, name) + BytesField(2, tensor(1, "in", input) + tensor(2, "out", output)));
}

class SavedModel : public ModelTest {
 protected:
  Result<std::unique_ptr<ModelSource>> OpenBytes(const std::string& bytes,
                                                 const std::string& signature = "") {
    std::filesystem::create_directory(dir_.Path("model"));
    dir_.Write("model/saved_model.pb", bytes);
    return formats::OpenModel(dir_.Path("model"), WithSignature(signature));
  }
  static MetaWriter Doubled() {
    MetaWriter meta;
    meta.Placeholder("x", {2}).Node("y", "Add", {"x", "x"}, {{"T", TypeAttr(kFloat)}});
    return meta;
  }
};

TEST_F(SavedModel, InputsAndOutputsAreThoseOfTheSignature) {
  auto model = formats::OpenModel(kModule + "/");
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_THAT(Names((*model)->inputs()), ElementsAre("training", "wide", "x"));
  EXPECT_THAT(Names((*model)->outputs()), ElementsAre("hidden", "logits"));
  EXPECT_EQ((*model)->inputs()[2].shape, Shape({kUnknownDim, 5}));
  formats::GraphRequest request;
  request.outputs = {"logits"};
  auto built = (*model)->BuildGraph(request);
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  std::vector<std::string> inputs;
  for (ValueId id : built->graph.inputs()) inputs.push_back(built->graph.value(id).name);
  EXPECT_THAT(inputs, testing::UnorderedElementsAre("x", "wide"));  // the dropout is gone
}

TEST_F(SavedModel, TensorsMayBeNamedAsInTheGraph) {
  auto model = formats::OpenModel(kModule);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  formats::GraphRequest request;
  request.feeds = {"serving_default_x:0", "wide"};
  request.outputs = {"StatefulPartitionedCall_1:0", "logits"};
  auto built = (*model)->BuildGraph(request);
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  std::vector<std::string> inputs;
  for (ValueId id : built->graph.inputs()) inputs.push_back(built->graph.value(id).name);
  EXPECT_THAT(inputs, ElementsAre("serving_default_x", "wide"));
}

TEST_F(SavedModel, AnotherSignatureMayBeChosen) {
  auto model = formats::OpenModel(kModule, WithSignature("head"));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_THAT(Names((*model)->inputs()), ElementsAre("h"));
  EXPECT_THAT(Names((*model)->outputs()), ElementsAre("scores"));
  auto none = formats::OpenModel(kModule, WithSignature("heads"));
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("no signature 'heads'; it has: 'head', 'serving_default'"));
}

TEST_F(SavedModel, WeightsHaveTheKeysOfTheirObjects) {
  auto model = formats::OpenModel(kModule);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  std::map<std::string, std::string> keys;
  for (const auto& weight : (*model)->weights()) keys[weight.name] = weight.checkpoint_key;
  EXPECT_EQ(keys["bias"], "bias/.ATTRIBUTES/VARIABLE_VALUE");
  auto other = (*model)->OpenWeights(kModule + "/../object.ckpt");
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  EXPECT_EQ((*other)->names().size(), 3u);
  EXPECT_TRUE((*other)->Read("bias").ok());
}

TEST_F(SavedModel, TheOnlySignatureIsTheDefault) {
  std::string meta = Doubled().Bytes();
  auto one = OpenBytes(SavedModelBytes({"serve"}, meta + SignatureField("s", "x:0", "y:0")));
  ASSERT_TRUE(one.ok()) << one.status().ToString();
  EXPECT_THAT(Names((*one)->outputs()), ElementsAre("out"));
  auto two = OpenBytes(SavedModelBytes(
      {"serve"}, meta + SignatureField("s", "x:0", "y:0") + SignatureField("t", "x:0", "y:0")));
  EXPECT_THAT(std::string(two.status().message()), HasSubstr("it has: 's', 't'"));
  auto none = OpenBytes(SavedModelBytes({"serve"}, meta));
  ASSERT_TRUE(none.ok()) << none.status().ToString();
  EXPECT_THAT(Names((*none)->inputs()), ElementsAre("x"));
}

TEST_F(SavedModel, TheGraphForServingIsChosen) {
  std::string meta = Doubled().Bytes();
  std::string serve = SavedModelBytes({"serve"}, meta + SignatureField("s", "x:0", "y:0"));
  std::string tpu = SavedModelBytes({"serve", "tpu"}, meta + SignatureField("t", "x:0", "x:0"));
  std::string train = SavedModelBytes({"train"}, meta);
  auto model = OpenBytes(train + tpu + serve, "s");
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  auto none = OpenBytes(train + SavedModelBytes({}, meta));
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("tags: ['train'], []"));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("saved_model.pb"));
}

TEST_F(SavedModel, MayBeText) {
  std::filesystem::create_directory(dir_.Path("text"));
  dir_.Write("text/saved_model.pbtxt", R"(
    saved_model_schema_version: 1
    meta_graphs {
      meta_info_def { tags: "serve" }
      graph_def {
        node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
        node { name: "y" op: "Relu" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
      }
      signature_def {
        key: "serving_default"
        value {
          inputs { key: "in" value { name: "x:0" dtype: DT_FLOAT } }
          outputs { key: "out" value { name: "y:0" dtype: DT_FLOAT } }
        }
      }
    })");
  auto model = formats::OpenModel(dir_.Path("text"));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_THAT(Names((*model)->outputs()), ElementsAre("out"));
}

TEST_F(SavedModel, SignaturesOfOtherTensorsAreRefused) {
  auto model =
      OpenBytes(SavedModelBytes({"serve"}, Doubled().Bytes() + SignatureField("s", "x:0", "z:0")));
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("signature 's': 'out' is 'z:0'"));
}

TEST_F(SavedModel, ResultsThatChangeVariablesAreRefused) {
  MetaWriter meta;
  meta.Variable("v", {}).Floats("one", {}, {1});
  meta.Node("add", "AssignAdd", {"v", "one"}, {{"T", TypeAttr(kFloat)}});
  auto built = Build(meta, {"add"});
  EXPECT_EQ(built.status().code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(built.status().message()), HasSubstr("changes a variable"));
}

TEST_F(SavedModel, ReadsOfAChangedVariableAreRefused) {
  MetaWriter meta;
  meta.Variable("v", {}).Variable("w", {}).Floats("one", {}, {1});
  meta.Node("add", "AssignAdd", {"v", "one"}, {{"T", TypeAttr(kFloat)}});
  meta.Node("after", "Identity", {"v", "^add"}).Node("other", "Identity", {"w", "^add"});
  auto built = Build(meta, {"after"});
  EXPECT_EQ(built.status().code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(built.status().message()), HasSubstr("after an operator has changed it"));
  EXPECT_TRUE(Build(meta, {"other"}).ok());
}

TEST_F(SavedModel, DamageIsReported) {
  for (const char* bytes : {"", "\x12", "garbage"}) {
    auto model = OpenBytes(bytes);
    ASSERT_FALSE(model.ok());
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("saved_model.pb"));
  }
}

}  // namespace
}  // namespace midstream::tensorflow

#include "core/formats/tensorflow/variables.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/crc32c.h"
#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WeightValues : public ModelTest {
 protected:
  // Two scalars in `m`: 1 under "a", 2 under "b".
  void WriteCheckpoint(const std::vector<std::string>& keys = {"a", "b"}) {
    const float values[] = {1.0f, 2.0f};
    dir_.Write("m.data-00000-of-00001", {reinterpret_cast<const char*>(values), sizeof(values)});
    std::vector<IndexEntry> rows = {{"", BundleHeader()}};
    for (size_t i = 0; i < keys.size(); ++i) {
      uint32_t crc = MaskCrc32c(Crc32c(&values[i], 4));
      rows.push_back(
          {keys[i], BundleEntryProto(kFloat, {}, 0, static_cast<int64_t>(4 * i), 4, crc)});
    }
    WriteIndex(dir_.Path("m.index"), rows);
  }

  static MetaWriter TwoVariables() {
    MetaWriter meta;
    meta.Placeholder("x", {}).Variable("a", {}).Variable("b", {});
    Attrs type = {{"T", TypeAttr(kFloat)}};
    meta.Node("ax", "Mul", {"x", "a"}, type).Node("y", "Mul", {"ax", "b"}, type);
    return meta;
  }

  float ReadScalar(const formats::ModelSource& model, const std::string& name) {
    auto tensor = model.ReadWeight(name);
    EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
    return tensor.ok() ? tensor->as<float>()[0] : -1.0f;
  }
};

TEST_F(WeightValues, TheSaverSaysWhichKeyFeedsWhich) {
  WriteCheckpoint();
  auto model = Open(TwoVariables().Saver({{"a", "b"}, {"b", "a"}}));  // crossed on purpose
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(ReadScalar(*model, "a"), 2.0f);
  EXPECT_EQ(ReadScalar(*model, "b"), 1.0f);
}

TEST_F(WeightValues, WithoutASaverTheNameIsTheKey) {
  WriteCheckpoint();
  auto model = Open(TwoVariables());
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(ReadScalar(*model, "a"), 1.0f);
}

TEST_F(WeightValues, AVariableThatTheSaverLeavesOutHasNoValue) {
  WriteCheckpoint();
  auto model = Open(TwoVariables().Saver({{"a", "a"}}));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->ReadWeight("b").status().code(), Code::kNotFound);
}

TEST_F(WeightValues, AKeyThatAnotherCheckpointLacks) {
  WriteCheckpoint({"a"});
  auto model = Open(TwoVariables().Saver({{"a", "a"}, {"b", "b"}}));
  ASSERT_NE(model, nullptr);
  auto reader = model->OpenWeights(dir_.Path("m"));
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_THAT((*reader)->names(), ElementsAre("a"));
  auto missing = (*reader)->Read("b");
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("'b'"));
}

TEST_F(WeightValues, OtherShapeOrTypeThanDeclared) {
  WriteCheckpoint();
  MetaWriter meta;
  meta.Variable("a", {1}).Node("b", "VariableV2", {},
                               {{"dtype", TypeAttr(kInt32)}, {"shape", ShapeAttr({})}});
  auto model = Open(meta);
  ASSERT_NE(model, nullptr);
  auto a = model->ReadWeight("a");
  EXPECT_EQ(a.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(a.status().message()), HasSubstr("shape []; the graph declares [1]"));
  auto b = model->ReadWeight("b");
  EXPECT_THAT(std::string(b.status().message()), HasSubstr("the graph declares int32"));
}

TEST_F(WeightValues, OptimizerSlotsAreSkipped) {
  MetaWriter meta = TwoVariables();
  meta.Variable("a/Momentum", {}).Variable("power", {}).Variable("step", {});
  meta.Node("power/read", "Identity", {"power"}).Node("gradients/g", "Neg", {"y"});
  meta.Node("train", "ApplyAdam", {"a", "a/Momentum", "power/read", "gradients/g"});
  auto model = Open(meta);
  ASSERT_NE(model, nullptr);
  std::map<std::string, formats::WeightUse> uses;
  for (const auto& info : model->weights()) uses[info.name] = info.use;
  EXPECT_EQ(uses["a"], formats::WeightUse::kOutputs);
  EXPECT_EQ(uses["b"], formats::WeightUse::kOutputs);
  EXPECT_EQ(uses["a/Momentum"], formats::WeightUse::kOptimizer);
  EXPECT_EQ(uses["power"], formats::WeightUse::kOptimizer);
  EXPECT_EQ(uses["step"], formats::WeightUse::kOther);
}

TEST_F(WeightValues, ResourceVariablesAreReadAndRestored) {
  WriteCheckpoint();
  MetaWriter meta;
  meta.Placeholder("x", {});
  meta.Node("a", "VarHandleOp", {}, {{"dtype", TypeAttr(kFloat)}, {"shape", ShapeAttr({})}});
  meta.Node("a/Read", "ReadVariableOp", {"a"}).Node("y", "Mul", {"x", "a/Read"});
  meta.Saver({{"a", "b"}});
  auto model = Open(meta);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(ReadScalar(*model, "a"), 2.0f);
  Graph graph = MustBuild(meta, {"y"});
  ASSERT_EQ(graph.weights().size(), 1u);
  EXPECT_EQ(graph.value(graph.weights()[0]).name, "a");
}

TEST_F(WeightValues, ASaverThatCannotBeFollowed) {
  MetaWriter meta = TwoVariables();
  std::string bytes = meta.Bytes() + BytesField(3, BytesField(3, "save/gone"));
  auto model = formats::OpenModel(dir_.Write("m.meta", bytes));
  EXPECT_EQ(model.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("'save/gone'"));
}

TEST_F(WeightValues, AnotherSaverWhereSaverDefsDoesNotFit) {
  WriteCheckpoint({"a", "b"});
  MetaWriter meta = TwoVariables();
  meta.Saver({{"a", "a/Average"}, {"b", "b/Average"}});
  meta.Saver({{"a", "a"}}, "save_1");  // would leave out b
  meta.Saver({{"a", "b"}, {"b", "a"}}, "save_2").Saver({{"a", "a"}, {"b", "b"}}, "save_3");
  auto model = Open(meta);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(ReadScalar(*model, "a"), 2.0f);
  EXPECT_EQ(ReadScalar(*model, "b"), 1.0f);
  EXPECT_EQ(model->weights()[0].checkpoint_key, "b");

  WriteCheckpoint({"a/Average", "b/Average"});  // SaverDef's own comes first
  auto reader = model->OpenWeights(dir_.Path("m"));
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ((*reader)->Read("b")->as<float>()[0], 2.0f);
}

TEST_F(WeightValues, NoSaverFits) {
  WriteCheckpoint({"a", "c"});
  MetaWriter meta = TwoVariables();
  meta.Saver({{"a", "a/Average"}, {"b", "b/Average"}}).Saver({{"a", "a"}, {"b", "b"}}, "save_1");
  auto model = Open(meta);
  ASSERT_NE(model, nullptr);
  auto missing = model->ReadWeight("b");
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  std::string message(missing.status().message());
  EXPECT_THAT(message, HasSubstr("'b/Average'"));
  EXPECT_THAT(message, HasSubstr("'save/restore_all'"));
  EXPECT_THAT(message, HasSubstr("2 Savers"));
}

// What the Savers of old wrote: an operator for each variable, in shards.
TEST_F(WeightValues, RestoreAndRestoreSlice) {
  WriteCheckpoint();
  MetaWriter meta = TwoVariables();
  meta.Const("save/Const", StringTensor({"model"}), kString);
  meta.Const("save/name", StringTensor({"b"}), kString);
  meta.Const("save/slice", StringTensor({""}), kString);
  meta.Const("save/name_1", StringTensor({"a"}), kString);
  meta.Node("save/slice_of_a", "RestoreSlice", {"save/Const", "save/name", "save/slice"});
  meta.Node("save/whole_b", "Restore", {"save/Const", "save/name_1"});
  meta.Node("save/Assign", "Assign", {"a", "save/slice_of_a"});
  meta.Node("save/Assign_1", "Assign", {"b", "save/whole_b"});
  meta.Node("save/restore_shard", "NoOp", {"^save/Assign", "^save/Assign_1"});
  meta.Node("save/restore_all", "NoOp", {"^save/restore_shard"});
  auto model = formats::OpenModel(
      dir_.Write("m.meta", meta.Bytes() + BytesField(3, BytesField(3, "save/restore_all"))));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ(ReadScalar(**model, "a"), 2.0f);
  EXPECT_EQ(ReadScalar(**model, "b"), 1.0f);
}

TEST_F(WeightValues, APartOfATensorOfAnotherShape) {
  WriteCheckpoint();
  MetaWriter meta = TwoVariables();
  meta.Const("save/Const", StringTensor({"model"}), kString);
  meta.Const("save/names", StringTensor({"a"}), kString);
  meta.Const("save/slices", StringTensor({"2 0,1"}), kString);
  meta.Node("save/RestoreV2", "RestoreV2", {"save/Const", "save/names", "save/slices"});
  meta.Node("save/Assign", "Assign", {"a", "save/RestoreV2"});
  meta.Node("save/restore_all", "NoOp", {"^save/Assign"});
  auto model = formats::OpenModel(
      dir_.Write("m.meta", meta.Bytes() + BytesField(3, BytesField(3, "save/restore_all"))));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  auto part = (*model)->ReadWeight("a");
  EXPECT_EQ(part.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(part.status().message()), HasSubstr("is a part of [2]"));
}

TEST_F(WeightValues, AGraphNeedsNodesWithDifferentNames) {
  auto none = formats::OpenModel(dir_.Write("m.meta", ""));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("no nodes"));
  MetaWriter twice;
  twice.Placeholder("x", {}).Placeholder("x", {});
  auto model = formats::OpenModel(dir_.Write("m.meta", twice.Bytes()));
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("two nodes named 'x'"));
}

}  // namespace
}  // namespace midstream::tensorflow

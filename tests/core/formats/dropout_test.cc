#include "core/formats/tensorflow/dropout.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::ElementsAre;

class Dropout : public ModelTest {
 protected:
  static MetaWriter Base() {
    MetaWriter meta;
    meta.Placeholder("x", {-1, 4}).Placeholder("keep", {}).Placeholder("rate", {});
    meta.Node("x/shape", "Shape", {"x"}, {{"T", TypeAttr(kFloat)}});
    meta.Node("u", "RandomUniform", {"x/shape"}, {{"dtype", TypeAttr(kFloat)}});
    meta.Floats("zero", {}, {0}).Floats("one", {}, {1});
    meta.Node("1-keep", "Sub", {"one", "keep"}).Node("1-rate", "Sub", {"one", "rate"});
    meta.Node("1-(1-keep)", "Sub", {"one", "1-keep"});
    return meta;
  }

  // The dropout's output reads on, so that it is not itself an output.
  void ExpectRemoved(MetaWriter& meta, const std::string& output, const std::string& control,
                     double required) {
    meta.Node("y", "Relu", {output});
    auto built = Build(meta, {"y"});
    ASSERT_TRUE(built.ok()) << built.status().ToString();
    EXPECT_THAT(Ops(built->graph), ElementsAre("Relu"));
    ASSERT_EQ(built->graph.inputs().size(), 1u);
    EXPECT_EQ(built->random_key, "");
    ASSERT_EQ(built->removed_dropout.size(), 1u);
    EXPECT_EQ(built->removed_dropout[0].node, output);
    EXPECT_EQ(built->removed_dropout[0].control, control);
    EXPECT_EQ(built->removed_dropout[0].required, required);
  }

  void ExpectKept(MetaWriter& meta, const std::string& output) {
    auto built = Build(meta, {output});
    ASSERT_TRUE(built.ok()) << built.status().ToString();
    EXPECT_TRUE(built->removed_dropout.empty());
    EXPECT_NE(FindNode(built->graph, "RandomUniform"), nullptr);
    EXPECT_EQ(built->random_key, built->graph.value(built->graph.inputs().back()).name);
  }
};

TEST_F(Dropout, FloorFormOfOldVersions) {
  MetaWriter meta = Base();
  meta.Node("range", "Sub", {"one", "zero"}).Node("u/mul", "Mul", {"u", "range"});
  meta.Node("u/add", "Add", {"u/mul", "zero"}).Node("add", "Add", {"keep", "u/add"});
  meta.Node("floor", "Floor", {"add"}).Node("div", "RealDiv", {"x", "keep"});
  meta.Node("mul", "Mul", {"div", "floor"});
  ExpectRemoved(meta, "mul", "keep", 1.0);
}

TEST_F(Dropout, CastFormByRate) {
  MetaWriter meta = Base();
  meta.Node("scale", "RealDiv", {"one", "1-rate"}).Node("scaled", "Mul", {"x", "scale"});
  meta.Node("ge", "GreaterEqual", {"u", "rate"}).Node("mask", "Cast", {"ge"});
  meta.Node("mul", "Mul", {"scaled", "mask"});
  ExpectRemoved(meta, "mul", "rate", 0.0);
}

TEST_F(Dropout, SelectFormByKeepProbability) {
  MetaWriter meta = Base();
  meta.Node("div", "RealDiv", {"x", "1-(1-keep)"}).Node("ge", "GreaterEqual", {"u", "1-keep"});
  meta.Node("select", "SelectV2", {"ge", "div", "zero"});
  ExpectRemoved(meta, "select", "keep", 1.0);
}

TEST_F(Dropout, ConstantRate) {
  MetaWriter meta = Base();
  meta.Floats("r", {}, {0.4f}).Floats("s", {}, {1.0f / 0.6f});
  meta.Node("scaled", "Mul", {"x", "s"}).Node("ge", "GreaterEqual", {"u", "r"});
  meta.Node("select", "SelectV2", {"ge", "scaled", "zero"});
  ExpectRemoved(meta, "select", "", 0.0);
}

TEST_F(Dropout, ReadThroughIdentities) {
  MetaWriter meta = Base();
  meta.Node("keep/read", "Identity", {"keep"}).Node("add", "AddV2", {"keep/read", "u"});
  meta.Node("floor", "Floor", {"add"}).Node("div", "Div", {"x", "keep"});
  meta.Node("div/id", "Identity", {"div"}).Node("mul", "Mul", {"floor", "div/id"});
  ExpectRemoved(meta, "mul", "keep", 1.0);
}

TEST_F(Dropout, WhatOnlyLooksLikeIt) {
  MetaWriter scale = Base();  // the scale belongs to another rate
  scale.Floats("r", {}, {0.4f}).Floats("s", {}, {2.0f});
  scale.Node("scaled", "Mul", {"x", "s"}).Node("ge", "GreaterEqual", {"u", "r"});
  scale.Node("select", "SelectV2", {"ge", "scaled", "zero"});
  ExpectKept(scale, "select");

  MetaWriter filler = Base();  // dropped elements become 1
  filler.Node("div", "RealDiv", {"x", "1-rate"}).Node("ge", "GreaterEqual", {"u", "rate"});
  filler.Node("select", "SelectV2", {"ge", "div", "one"});
  ExpectKept(filler, "select");

  MetaWriter range = Base();  // the random numbers reach beyond 1
  range.Floats("two", {}, {2}).Node("u2", "Mul", {"u", "two"}).Node("add", "Add", {"keep", "u2"});
  range.Node("floor", "Floor", {"add"}).Node("div", "RealDiv", {"x", "keep"});
  range.Node("mul", "Mul", {"div", "floor"});
  ExpectKept(range, "mul");
}

TEST_F(Dropout, FedRandomNumbersAreUsed) {
  MetaWriter meta = Base();
  meta.Node("div", "RealDiv", {"x", "1-rate"}).Node("ge", "GreaterEqual", {"u", "rate"});
  meta.Node("select", "SelectV2", {"ge", "div", "zero"});
  auto built = Build(meta, {"select"}, {"x", "u", "rate"});
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  EXPECT_TRUE(built->removed_dropout.empty());
  EXPECT_EQ(built->graph.inputs().size(), 3u);
  EXPECT_NE(FindNode(built->graph, "Where"), nullptr);
}

TEST_F(Dropout, InsideAConditionalThatThenHasOneResult) {
  MetaWriter meta = Base();
  meta.Placeholder("training", {}, kBool).Node("pred", "Identity", {"training"});
  meta.Node("in", "Switch", {"x", "pred"}).Node("ge", "GreaterEqual", {"u", "rate"});
  meta.Node("div", "RealDiv", {"in:1", "1-rate"});
  meta.Node("select", "SelectV2", {"ge", "div", "zero"}).Node("merge", "Merge", {"in", "select"});
  meta.Node("y", "Relu", {"merge"});
  auto built = Build(meta, {"y"});
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  EXPECT_THAT(Ops(built->graph), ElementsAre("Relu"));
  EXPECT_EQ(built->graph.inputs().size(), 1u);
}

}  // namespace
}  // namespace midstream::tensorflow

#include "core/formats/tensorflow/functions.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::pair<std::string, std::string> kT = {"T", TypeAttr(kFloat)};

class Functions : public ModelTest {
 protected:
  static FunctionWriter Unary(const std::string& name, const std::string& op) {
    FunctionWriter function(name);
    function.Arg("a").Node("n", op, {"a"}, {kT}).Result("r", "n:y:0");
    return function;
  }
  static MetaWriter& Call(MetaWriter& meta, const std::string& name, const std::string& function,
                          const std::vector<std::string>& inputs) {
    return meta.Node(name, "PartitionedCall", inputs, {{"f", FunctionAttr(function)}});
  }
  // y = If(p, x): Relu or Exp.
  static MetaWriter Conditional() {
    MetaWriter meta;
    meta.Placeholder("x", {2, 3}).Placeholder("p", {}, kBool);
    meta.Function(Unary("relu", "Relu")).Function(Unary("exp", "Exp"));
    return meta;
  }
  static MetaWriter& If(MetaWriter& meta, const std::string& predicate,
                        const std::string& on_true = "relu", const std::string& on_false = "exp") {
    return meta.Node("y", "If", {predicate, "x"},
                     {{"Tcond", TypeAttr(kBool)},
                      {"then_branch", FunctionAttr(on_true)},
                      {"else_branch", FunctionAttr(on_false)}});
  }
  std::string WhyNot(const MetaWriter& meta, Code code = Code::kUnimplemented) {
    auto built = Build(meta, {"y"});
    EXPECT_EQ(built.status().code(), code) << built.status().ToString();
    return std::string(built.status().message());
  }
};

TEST_F(Functions, CallsAreReplacedByBodies) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Variable("w", {3, 4});
  FunctionWriter inner("inner");
  inner.Arg("a").Arg("b").Node("m", "MatMul", {"a", "b"}, {kT}).Result("r", "m:product:0");
  FunctionWriter outer("outer");
  outer.Arg("a").Arg("handle", 20);
  outer.Node("read", "ReadVariableOp", {"handle"}, {{"dtype", TypeAttr(kFloat)}});
  outer.Node("call", "StatefulPartitionedCall", {"a", "read:value:0"},
             {{"f", FunctionAttr("inner")}});
  outer.Node("relu", "Relu", {"call:output:0", "^call"}, {kT});
  outer.Result("first", "a").Result("second", "relu:activations:0");
  meta.Function(outer).Function(inner);
  Call(meta, "y", "outer", {"x", "w"});
  Graph graph = MustBuild(meta, {"y:1"});
  EXPECT_THAT(Ops(graph), ElementsAre("MatMul", "Relu"));
  EXPECT_EQ(graph.value(graph.weights()[0]).name, "w");
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y/relu");
  EXPECT_EQ(graph.output_names()[0], "y:1");
  Graph first = MustBuild(meta, {"y"});
  EXPECT_THAT(Ops(first), ElementsAre("Identity"));
}

TEST_F(Functions, OperatorsMayBeFunctions) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Function(Unary("my_relu", "Relu"));
  meta.Node("y", "my_relu", {"x"});
  EXPECT_THAT(Ops(MustBuild(meta, {"y"})), ElementsAre("Relu"));
}

TEST_F(Functions, AttributesComeFromTheCall) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3});
  FunctionWriter cast("cast");
  cast.Arg("a");
  cast.Node("n", "Cast", {"a"}, {{"SrcT", TypeAttr(kFloat)}, {"DstT", PlaceholderAttr("D")}});
  cast.Result("r", "n:y:0");
  meta.Function(cast);
  meta.Node("y", "PartitionedCall", {"x"},
            {{"f", FunctionAttr("cast", {{"D", TypeAttr(kInt32)}})}});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kI32);
}

TEST_F(Functions, ArgumentsAndOutputsMayBeLists) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Placeholder("z", {2, 3});
  FunctionWriter function("f");
  function.ArgFields("list", NumberField(3, kFloat) + BytesField(5, "N")).Arg("last");
  function.Node("sub", "Sub", {"list:1", "last"}, {kT});
  function.Node("pack", "Pack", {"list", "sub:z:0"}, {kT, {"N", IntAttr(3)}});
  function.Node("unpack", "Unpack", {"pack:output:0"}, {kT, {"num", IntAttr(3)}});
  function.Node("exp", "Exp", {"unpack:output:2"}, {kT});
  function.Result("r", "exp:y:0");
  meta.Function(function);
  meta.Node("y", "f", {"x", "z", "x"}, {{"N", IntAttr(2)}});
  Graph graph = MustBuild(meta, {"y"});
  const Node* sub = FindNode(graph, "Sub");
  ASSERT_NE(sub, nullptr);
  EXPECT_EQ(graph.value(sub->inputs[0]).name, "z");
  EXPECT_EQ(graph.value(sub->inputs[1]).name, "x");
  const Node* exp = FindNode(graph, "Exp");
  ASSERT_NE(exp, nullptr);
  EXPECT_EQ(graph.value(exp->inputs[0]).name, "y/unpack:2");
}

// A file defines the operators of its top graph only.
TEST_F(Functions, OutputsOfUndefinedOperatorsAreKnownByName) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Placeholder("p", {}, kBool);
  FunctionWriter function("f");
  function.Arg("a").Arg("p", kBool);
  function.Node("s", "Switch", {"a", "p"}, {kT});
  function.Node("t", "Exp", {"s:output_true:0"}, {kT})
      .Node("e", "Relu", {"s:output_false:0"}, {kT});
  function.Node("m", "Merge", {"t:y:0", "e:activations:0"}, {kT}).Result("r", "m:output:0");
  meta.Function(function);
  Call(meta, "y", "f", {"x", "p"});
  Graph graph = MustBuild(meta, {"y"});
  const Node* where = FindNode(graph, "Where");
  ASSERT_NE(where, nullptr);
  EXPECT_EQ(graph.value(where->inputs[1]).name, "y/t");

  MetaWriter unknown;
  unknown.Placeholder("x", {2, 3});
  FunctionWriter two("two");
  two.Arg("a").Node("n", "Unheard", {"a"}).Node("s", "Sub", {"n:first:0", "n:second:0"}, {kT});
  two.Result("r", "s:z:0");
  unknown.Function(two);
  Call(unknown, "y", "two", {"x"});
  EXPECT_THAT(WhyNot(unknown), HasSubstr("reads 'n:second:0' of the operator 'Unheard'"));
}

TEST_F(Functions, ConditionalsWithAKnownPredicateTakeTheirBranch) {
  for (bool value : {false, true}) {
    MetaWriter meta = Conditional();
    meta.Const("c", NumberField(1, kBool) + BytesField(2, "") + NumberField(11, value), kBool);
    meta.Node("d", "PlaceholderWithDefault", {"c"}, {{"dtype", TypeAttr(kBool)}});
    meta.Node("i", "Identity", {"d"}, {{"T", TypeAttr(kBool)}}).Node("not", "LogicalNot", {"i"});
    If(meta, "not", value ? "unknown" : "relu", value ? "exp" : "unknown");
    meta.Function(Unary("unknown", "Unheard"));  // never looked at
    EXPECT_THAT(Ops(MustBuild(meta, {"y"})), ElementsAre(value ? "Exp" : "Relu"));
  }
}

TEST_F(Functions, ConditionalsTakeABoundPredicate) {
  MetaWriter meta = Conditional();
  If(meta, "p");
  for (uint8_t value : {0, 1}) {
    auto built = Build(meta, {"y"}, {}, {{"p", Tensor::Scalar(DType::kBool, value)}});
    ASSERT_TRUE(built.ok()) << built.status().ToString();
    EXPECT_THAT(Ops(built->graph), ElementsAre(value ? "Relu" : "Exp"));
  }
}

TEST_F(Functions, ConditionalsDecidedAtRunTimeComputeBothBranches) {
  MetaWriter meta = Conditional();
  If(meta, "p");
  Graph graph = MustBuild(meta, {"y"});
  const Node* where = FindNode(graph, "Where");
  ASSERT_NE(where, nullptr);
  EXPECT_EQ(graph.value(where->inputs[0]).name, "p");
  EXPECT_EQ(graph.value(where->inputs[1]).name, "y/then/n");
  EXPECT_EQ(graph.value(where->inputs[2]).name, "y/else/n");
}

TEST_F(Functions, ConditionalsWithEqualBranchesVanish) {
  MetaWriter meta = Conditional();
  meta.Function(Unary("same", "Identity")).Function(Unary("also", "StopGradient"));
  If(meta, "p", "same", "also").Node("z", "Exp", {"y"}, {kT});
  Graph graph = MustBuild(meta, {"z"});
  EXPECT_THAT(Ops(graph), ElementsAre("Exp"));
  EXPECT_EQ(graph.inputs().size(), 1u);
}

TEST_F(Functions, NumbersMayBePredicates) {
  MetaWriter meta = Conditional();
  meta.Placeholder("k", {}, kInt32);
  meta.Node("y", "StatelessIf", {"k", "x"},
            {{"Tcond", TypeAttr(kInt32)},
             {"then_branch", FunctionAttr("relu")},
             {"else_branch", FunctionAttr("exp")}});
  Graph graph = MustBuild(meta, {"y"});
  EXPECT_NE(FindNode(graph, "Cast"), nullptr);
  auto built = Build(meta, {"y"}, {}, {{"k", Tensor::Scalar(DType::kI32, int32_t{7})}});
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  EXPECT_THAT(Ops(built->graph), ElementsAre("Relu"));
}

TEST_F(Functions, ResultsThatNobodyReadsDoNotHurt) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Placeholder("p", {}, kBool);
  for (std::string op : {"Relu", "Exp"}) {
    FunctionWriter branch("my" + op);
    branch.Arg("a").Node("n", op, {"a"}, {kT});
    branch.Node("v", "OptionalFromValue", {"n:y:0"});
    branch.Result("unread", "v:optional:0", 21).Result("r", "n:y:0");
    meta.Function(branch);
  }
  If(meta, "p", "myRelu", "myExp").Node("z", "Neg", {"y:1"}, {kT});
  EXPECT_THAT(Ops(MustBuild(meta, {"z"})),
              testing::UnorderedElementsAre("Relu", "Exp", "Where", "Neg"));
}

TEST_F(Functions, CaseChoosesByIndex) {
  MetaWriter meta = Conditional();
  meta.Function(Unary("neg", "Neg")).Placeholder("k", {}, kInt32);
  meta.Node("y", "Case", {"k", "x"}, {{"branches", FunctionsAttr({"relu", "exp", "neg"})}});
  const char* expected[] = {"Relu", "Exp", "Neg", "Neg", "Neg"};
  for (int32_t k : {0, 1, 2, 3, -1}) {
    auto built = Build(meta, {"y"}, {}, {{"k", Tensor::Scalar(DType::kI32, k)}});
    ASSERT_TRUE(built.ok()) << built.status().ToString();
    EXPECT_THAT(Ops(built->graph), ElementsAre(expected[k < 0 ? 4 : k])) << k;
  }
  Graph graph = MustBuild(meta, {"y"});
  int wheres = 0;
  for (const std::string& op : Ops(graph)) wheres += op == "Where";
  EXPECT_EQ(wheres, 2);
}

TEST_F(Functions, BranchesOfTwoShapesNeedAKnownPredicate) {
  MetaWriter meta = Conditional();
  FunctionWriter sum("sum");
  sum.Arg("a").Node("k", "Const", {},
                    {{"dtype", TypeAttr(kInt32)}, {"value", TensorAttr(IntTensor({1}, {0}))}});
  sum.Node("n", "Sum", {"a", "k:output:0"}, {kT}).Result("r", "n:output:0");
  If(meta.Function(sum), "p", "sum");
  EXPECT_THAT(WhyNot(meta), HasSubstr("chooses between the shapes"));
}

TEST_F(Functions, NamesStayUnique) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Function(Unary("f", "Relu"));
  Call(meta, "y", "f", {"x"}).Node("y/n", "Exp", {"y"}, {kT});
  Graph graph = MustBuild(meta, {"y/n"});
  EXPECT_THAT(Ops(graph), ElementsAre("Relu", "Exp"));
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y/n");
}

TEST_F(Functions, WhatCannotBeCalledIsReported) {
  const auto why = [&](const std::string& callee, const std::vector<std::string>& inputs,
                       const std::vector<FunctionWriter>& functions) {
    MetaWriter meta;
    meta.Placeholder("x", {2, 3});
    for (const FunctionWriter& function : functions) meta.Function(function);
    return WhyNot(Call(meta, "y", callee, inputs));
  };
  FunctionWriter f = Unary("f", "Relu");
  EXPECT_THAT(why("g", {"x"}, {f}), HasSubstr("calls function 'g', which the file does not have"));
  EXPECT_THAT(why("f", {"x", "x"}, {f}),
              HasSubstr("passes 2 values to function 'f', which takes 1"));
  FunctionWriter again("again");
  again.Arg("a").Node("n", "PartitionedCall", {"a"}, {{"f", FunctionAttr("other")}});
  again.Result("r", "n:output:0");
  FunctionWriter other("other");
  other.Arg("a").Node("n", "again", {"a"}).Result("r", "n:r:0");
  EXPECT_THAT(why("again", {"x"}, {again, other}), HasSubstr("'again', which calls itself"));
  FunctionWriter dangling("dangling");
  dangling.Arg("a").Node("n", "Relu", {"b"}, {kT}).Result("r", "n:y:0");
  EXPECT_THAT(why("dangling", {"x"}, {dangling}), HasSubstr("reads 'b' and has no such tensor"));
  FunctionWriter no_result("no_result");
  no_result.Arg("a").Result("r", "n:y:0");
  EXPECT_THAT(why("no_result", {"x"}, {no_result}), HasSubstr("reads 'n:y:0'"));
  FunctionWriter twice("twice");
  twice.Arg("a").Node("n", "Relu", {"a"}).Node("n", "Relu", {"a"}).Result("r", "n:y:0");
  EXPECT_THAT(why("twice", {"x"}, {twice}), HasSubstr("two nodes named 'n'"));
}

TEST_F(Functions, ProblemsOffThePathDoNotMatter) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Function(Unary("f", "Relu"));
  Call(meta, "y", "f", {"x"});
  Call(meta, "bad", "gone", {"x"});
  EXPECT_THAT(Ops(MustBuild(meta, {"y"})), ElementsAre("Relu"));
}

TEST_F(Functions, LoopsAreNamed) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Function(Unary("body", "Relu")).Function(Unary("cond", "Relu"));
  meta.Node("loop", "StatelessWhile", {"x"},
            {{"body", FunctionAttr("body")}, {"cond", FunctionAttr("cond")}});
  meta.Node("y", "Unheard", {"loop"});
  std::string why = WhyNot(meta);
  EXPECT_THAT(why, HasSubstr("'loop' (StatelessWhile) is a loop"));
  EXPECT_THAT(why, HasSubstr("('StatelessWhile' 1, 'Unheard' 1)"));
}

TEST_F(Functions, LoopsOfEnterAndExitAreNamed) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3}).Placeholder("p", {}, kBool);
  meta.Node("enter", "Enter", {"x"}, {{"frame_name", StringAttr("outer/while")}});
  meta.Node("merge", "Merge", {"enter", "next"}, {kT}).Node("cond", "LoopCond", {"p"});
  meta.Node("switch", "Switch", {"merge", "cond"}, {kT}).Node("body", "Relu", {"switch:1"}, {kT});
  meta.Node("next", "NextIteration", {"body"}, {kT}).Node("y", "Exit", {"switch"}, {kT});
  std::string why = WhyNot(meta);
  EXPECT_THAT(why, HasSubstr("'y' (Exit) is part of the loop 'outer/while'"));
  EXPECT_THAT(why, HasSubstr("'merge' (Merge) is part of the loop 'outer/while'"));
}

TEST_F(Functions, LongListsOfProblemsAreCut) {
  MetaWriter meta;
  meta.Placeholder("n", {2, 3});
  std::string last = "n";
  for (int i = 0; i < 1000; ++i) {
    std::string name = i == 999 ? "y" : "n" + std::to_string(i);
    meta.Node(name, i % 2 ? "Odd" : "Even", {last});
    last = name;
  }
  std::string why = WhyNot(meta);
  EXPECT_THAT(why, HasSubstr("1000 nodes on the way"));
  EXPECT_THAT(why, HasSubstr("('Even' 500, 'Odd' 500)"));
  EXPECT_LT(why.size(), 20000u);
}

TEST_F(Functions, AMillionIdentitiesAreOne) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3});
  std::string last = "x";
  for (int i = 0; i < 1'000'000; ++i) {
    std::string name = std::to_string(i);
    meta.Node(name, "Identity", {last});
    last = std::move(name);
  }
  meta.Node("y", "Relu", {last}, {kT});
  EXPECT_THAT(Ops(MustBuild(meta, {"y"})), ElementsAre("Relu"));
}

// Sixty functions, each of which calls the next one eight times.
TEST_F(Functions, NestedCallsCannotBlowUp) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3});
  for (int i = 0; i < 60; ++i) {
    FunctionWriter f("f" + std::to_string(i));
    f.Arg("a");
    std::string last = "a";
    for (int k = 0; k < 8; ++k) {
      std::string name = "n" + std::to_string(k);
      f.Node(name, "PartitionedCall", {last}, {{"f", FunctionAttr("f" + std::to_string(i + 1))}});
      last = name + ":output:0";
    }
    meta.Function(f.Result("r", last));
  }
  meta.Function(Unary("f60", "Relu"));
  EXPECT_THAT(WhyNot(Call(meta, "y", "f0", {"x"})), HasSubstr("MiB of nodes"));
}

TEST_F(Functions, DeepCallsAreRefused) {
  MetaWriter meta;
  meta.Placeholder("x", {2, 3});
  for (int i = 0; i < 3000; ++i) {
    FunctionWriter f("f" + std::to_string(i));
    f.Arg("a").Node("n", "PartitionedCall", {"a"},
                    {{"f", FunctionAttr("f" + std::to_string(i + 1))}});
    meta.Function(f.Result("r", "n:output:0"));
  }
  EXPECT_THAT(WhyNot(Call(meta, "y", "f0", {"x"})), HasSubstr("more than 100 deep"));
}

}  // namespace
}  // namespace midstream::tensorflow

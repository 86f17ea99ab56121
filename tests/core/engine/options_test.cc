// The session options of a configuration on a real model: shape profiles, pass switches, frozen
// weights; each must change what it says and nothing else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/engine/engine.h"
#include "core/formats/npy/npy.h"
#include "core/plan/program.h"

namespace midstream {
namespace {

using testing::HasSubstr;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";
constexpr const char* kProfiles = "inputs.Placeholder.buckets=[[1],[16]]";
constexpr const char* kShape = "inputs.Placeholder.shape=-1,784";

class Options : public ::testing::Test {
 protected:
  void SetUp() override { images_ = *formats::ReadNpy(kDigits + "eval_images.npy"); }

  Tensor Batch(int64_t size) {
    return Tensor::Wrap(DType::kF32, {size, 784}, images_.data(),
                        std::make_shared<Tensor>(images_));
  }

  Result<Session> Open(std::vector<std::string> options) {
    options.insert(options.begin(), {"plugins.dir=" MS_PLUGIN_DIR, "placement.fallback=error"});
    MS_ASSIGN_OR_RETURN(Engine engine, Engine::Open("", options));
    MS_ASSIGN_OR_RETURN(Model model, engine.Load(kDigits));
    return model.CreateSession({{}, {"fc2/add"}, {}});
  }

  std::string Refusal(const std::vector<std::string>& options) {
    const auto session = Open(options);
    EXPECT_FALSE(session.ok()) << options.back();
    return std::string(session.status().message());
  }

  std::vector<float> Logits(Session& session, int64_t batch) {
    auto result = session.Run({{"Placeholder", Batch(batch)}});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    if (!result.ok()) return {};
    const auto values = result->outputs[0].value.as<float>();
    return {values.begin(), values.end()};
  }

  Tensor images_;
};

TEST_F(Options, ProfilesAreCompiledBeforeTheFirstRequest) {
  auto plain = Open({"backend=cpu_blas"});
  auto session = Open({"backend=cpu_blas", kShape, kProfiles});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  const uint64_t before = plan::CompileCount();
  const auto one = Logits(*session, 1);
  const auto sixteen = Logits(*session, 16);
  EXPECT_EQ(plan::CompileCount(), before);
  EXPECT_EQ(one, Logits(*plain, 1));
  EXPECT_EQ(sixteen, Logits(*plain, 16));
  // Any other size is compiled when it comes, and once.
  const uint64_t between = plan::CompileCount();
  Logits(*session, 3);
  const uint64_t after = plan::CompileCount();
  EXPECT_GT(after, between);
  Logits(*session, 3);
  EXPECT_EQ(plan::CompileCount(), after);
}

TEST_F(Options, OtherShapesAreRefusedOnRequest) {
  auto session = Open({kShape, kProfiles, "shapes.outside_buckets=error"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  EXPECT_EQ(Logits(*session, 16).size(), 160u);
  const auto refused = session->Run({{"Placeholder", Batch(3)}});
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.status().message(),
            "no profile has the shapes Placeholder [3,784]; the profiles are:"
            "\n  Placeholder [1,784]\n  Placeholder [16,784]");
}

TEST_F(Options, AFixedShapeIsCompiledBeforeTheFirstRequestAndIsTheOnlyOne) {
  auto session = Open({"inputs.Placeholder.shape=16,784"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  EXPECT_EQ(session->inputs()[0].shape, Shape({16, 784}));
  const uint64_t before = plan::CompileCount();
  Logits(*session, 16);
  EXPECT_EQ(plan::CompileCount(), before);
  EXPECT_EQ(session->Run({{"Placeholder", Batch(3)}}).status().code(), Code::kInvalidArgument);
}

TEST_F(Options, ARangeBoundsRequests) {
  auto session = Open({"inputs.Placeholder.range=[[2,8],[784,784]]"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  Logits(*session, 2);
  Logits(*session, 8);
  for (const int64_t size : {1, 9}) {
    const auto refused = session->Run({{"Placeholder", Batch(size)}});
    EXPECT_EQ(refused.status().message(), "input 'Placeholder' has shape [" + std::to_string(size) +
                                              ",784]: expected a dimension 0 from 2 to 8");
  }
}

TEST_F(Options, FewPlansAreKeptWhenAsked) {
  auto session = Open({"shapes.cached_plans=1"});
  Logits(*session, 1);
  Logits(*session, 2);
  const uint64_t before = plan::CompileCount();
  Logits(*session, 2);
  EXPECT_EQ(plan::CompileCount(), before);
  Logits(*session, 1);
  EXPECT_GT(plan::CompileCount(), before);
}

TEST_F(Options, WhatDoesNotFitTheModelIsRefusedByKeyAndPlace) {
  EXPECT_EQ(Refusal({"inputs.Placehoder.shape=-1,784"}),
            "--set: inputs.Placehoder: the model has no such input; did you mean Placeholder?");
  EXPECT_EQ(Refusal({"inputs.Placeholder.shape=-1,28,28"}),
            "--set: inputs.Placeholder.shape: the model declares [?,784], which does not accept "
            "[?,28,28]");
  EXPECT_EQ(Refusal({"inputs.Placeholder.shape=-1,785"}),
            "--set: inputs.Placeholder.shape: the model declares [?,784], which does not accept "
            "[?,785]");
  EXPECT_EQ(Refusal({"inputs.Placeholder.range=[[1,2]]"}),
            "--set: inputs.Placeholder.range: the model declares [?,784], but 1 dimensions are "
            "given");
  EXPECT_EQ(
      Refusal({"inputs.Placeholder.shape=-1,-1", "inputs.Placeholder.buckets=[[1,784],[2,700]]"}),
      "--set: inputs.Placeholder.buckets: the model declares [?,784], which does not accept "
      "[2,700]");
  const auto config = config::ParseConfig("[inputs.'Placeholder:0']\nshape = [3]", "a.toml");
  ASSERT_TRUE(config.ok());
  Config with_plugins = *config;
  with_plugins.plugins.dir = MS_PLUGIN_DIR;
  Model model = *Engine::Open(with_plugins)->Load(kDigits);
  EXPECT_THAT(std::string(model.CreateSession({{}, {"fc2/add"}, {}}).status().message()),
              HasSubstr("a.toml:2:9: inputs.\"Placeholder:0\".shape: the model declares"));
}

TEST_F(Options, NodesThatAreNotThereAreRefusedByKeyAndPlace) {
  EXPECT_EQ(Refusal({"precision.node.fc1/MatMull.impl=high_precision"}),
            "--set: precision.node.\"fc1/MatMull\": the graph has no such node; did you mean "
            "fc1/MatMul?");
  EXPECT_EQ(Refusal({"precision.node.zzzzzzzzzz.dtype=float32"}),
            "--set: precision.node.zzzzzzzzzz: the graph has no such node");
  EXPECT_EQ(Refusal({"precision.keep=[\"conv1\", \"fc1/MatMull\"]"}),
            "--set: precision.keep \"fc1/MatMull\": the graph has no such node; did you mean "
            "fc1/MatMul?");
  for (const char* known : {"fc1/MatMul", "fc1"}) {
    const auto session = Open({"precision.node." + std::string(known) + ".impl=high_precision"});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
  }
}

class EveryBackend : public Options, public ::testing::WithParamInterface<std::string> {};

TEST_P(EveryBackend, PassesAndLevelsChangeTheGraphAndNotTheResult) {
  const std::string backend = "backend=" + GetParam();
  auto full = Open({backend});
  ASSERT_TRUE(full.ok()) << full.status().ToString();
  const auto want = Logits(*full, 5);
  for (const char* option :
       {"optimizer.passes.fold=false", "optimizer.passes.simplify=false",
        "optimizer.passes.sink=false", "optimizer.passes.layout=false", "optimizer.fuse=false",
        "optimizer.level=0", "optimizer.level=1", "optimizer.level=O2"}) {
    auto session = Open({backend, option});
    ASSERT_TRUE(session.ok()) << option << ": " << session.status().ToString();
    const auto got = Logits(*session, 5);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-3) << option;
  }
  const auto graph = [&](const char* option) { return Open({backend, option})->DescribeGraph(); };
  EXPECT_NE(graph("optimizer.level=0"), full->DescribeGraph());
  EXPECT_NE(graph("optimizer.level=2"), full->DescribeGraph());
  EXPECT_EQ(graph("optimizer.level=2"), graph("optimizer.fuse=false"))
      << "the model has no batch normalisation";
  // The backends prefer different layouts, so what needs a pass on one is cancelled on the other.
  const bool nhwc = GetParam() == "cpu_blas";
  EXPECT_EQ(graph("optimizer.passes.layout=false") != full->DescribeGraph(), nhwc);
  EXPECT_EQ(graph("optimizer.passes.sink=false") != full->DescribeGraph(), !nhwc);
}

INSTANTIATE_TEST_SUITE_P(Backends, EveryBackend, testing::Values("reference", "cpu_blas"),
                         [](const auto& info) { return info.param; });

TEST_F(Options, FrozenWeightsRefuseUpdates) {
  auto engine = Engine::Open("", {"plugins.dir=" MS_PLUGIN_DIR, "weights.live_update=false"});
  ASSERT_TRUE(engine.ok());
  Model model = *engine->Load(kDigits);
  Session session = *model.CreateSession({{}, {"fc2/add"}, {}});
  const auto before = Logits(session, 1);
  const auto refused = model.UpdateFrom(kDigits + "mnist_deep_model.ckpt-0");
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(refused.status().message(),
            "the model takes no new weights: weights.live_update is false (--set)");
  EXPECT_EQ(Logits(session, 1), before);
}

}  // namespace
}  // namespace midstream

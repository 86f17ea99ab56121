// Program, Store and Session together on a small graph: y = x * w + b, with a recipe on w.

#include "core/session/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/config/config.h"
#include "core/plan/evaluator.h"

namespace midstream::session {
namespace {

Tensor Floats(Shape shape, float first, float step) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, std::move(shape));
  for (float& value : tensor.mutable_as<float>()) {
    value = first;
    first += step;
  }
  return tensor;
}

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Config config = config::DefaultConfig();
    config.plugins.dir = MS_PLUGIN_DIR;
    config.plugins.list = {"reference"};
    config.backend = "reference";
    registry_ = backend::LoadPlugins(config, backend::ProcessHost());
    ASSERT_EQ(registry_.plugins().size(), 1u) << registry_.failures()[0].status.ToString();
    device_ = *backend::Device::Open(registry_.plugins()[0].plugin, {});
    evaluator_ = std::make_unique<plan::BackendEvaluator>(std::vector{device_});
  }

  // y = x * (w * gain) + b: the product of two weights is a recipe, b is a plain slot.
  Graph MakeGraph() {
    Graph graph;
    ValueId x = graph.AddInput("x", DType::kF32, {-1, 3});
    ValueId w = graph.AddWeight("w", DType::kF32, {3});
    ValueId gain = graph.AddWeight("gain", DType::kF32, {3});
    ValueId b = graph.AddWeight("b", DType::kF32, {3});
    ValueId scale = graph.Add("Mul", "scale", {w, gain});
    ValueId scaled = graph.Add("Mul", "scaled", {x, scale});
    ValueId y = graph.Add("Add", "y", {scaled, b});
    graph.AddOutput(y, "y:0");
    EXPECT_TRUE(graph.Compact().ok());
    return graph;
  }

  std::shared_ptr<weights::Store> MakeStore() {
    std::map<std::string, weights::WeightDecl> declared;
    for (const char* name : {"w", "gain", "b"}) declared[name] = {DType::kF32, {3}};
    declared["idle"] = {DType::kF32, {2}};  // no program reads it
    auto initial = [](const std::string& name) -> Result<Tensor> {
      if (name == "idle") return Floats({2}, 7, 0);
      return Floats({3}, name == "b" ? 0 : 1, 0);
    };
    return std::make_shared<weights::Store>(declared, initial, *evaluator_, reaper_);
  }

  std::shared_ptr<Session> MakeSession(std::shared_ptr<weights::Store> store,
                                       size_t instances = 1) {
    auto program = plan::Program::Compile(MakeGraph(), {}, {device_}, *evaluator_);
    EXPECT_TRUE(program.ok()) << program.status().ToString();
    Options options;
    options.lanes = instances;
    auto session = Session::Create(*program, std::move(store), options);
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    return *session;
  }

  static float Run(Session& session, uint64_t* version = nullptr) {
    std::vector<NamedTensor> inputs = {{"x", Floats({1, 3}, 2, 0)}};
    auto result = session.Run(inputs);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    if (!result.ok()) return -1;
    if (version != nullptr) *version = result->version;
    return result->outputs[0].value.as<float>()[0];
  }

  backend::Registry registry_;
  std::shared_ptr<backend::Device> device_;
  std::unique_ptr<plan::BackendEvaluator> evaluator_;
  weights::Reaper reaper_;
};

TEST_F(SessionTest, UpdatesReachPlainAndDerivedWeights) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  uint64_t version = 0;
  EXPECT_EQ(Run(*session, &version), 2);
  EXPECT_EQ(version, 1u);
  auto update = store->Begin();
  update.Put("w:0", Floats({3}, 5, 0));
  ASSERT_TRUE(update.Commit().ok());
  EXPECT_EQ(Run(*session, &version), 10);
  EXPECT_EQ(version, 2u);
  update.Put("gain", Floats({3}, 2, 0));  // w keeps its updated value
  update.Put("b", Floats({3}, 1, 0));
  ASSERT_TRUE(update.Commit().ok());
  EXPECT_EQ(Run(*session, &version), 21);
  EXPECT_EQ(version, 3u);
}

TEST_F(SessionTest, RefusesABadUpdateWholeAndListsEveryProblem) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  auto update = store->Begin();
  update.Put("b", Floats({3}, 100, 0));
  update.Put("nobody", Floats({3}, 1, 0));
  update.Put("w", Floats({4}, 1, 0));
  update.Put("gain", *Tensor::Allocate(DType::kI32, {3}));
  update.Put("b:0", Floats({3}, 100, 0));
  auto version = update.Commit();
  ASSERT_FALSE(version.ok());
  EXPECT_EQ(version.status().code(), Code::kInvalidArgument);
  std::string text = version.status().ToString();
  EXPECT_NE(text.find("4 problems"), std::string::npos) << text;
  EXPECT_NE(text.find("'nobody': the model has no such weight"), std::string::npos) << text;
  EXPECT_NE(text.find("'w': expected float32[3], got float32[4]"), std::string::npos) << text;
  EXPECT_NE(text.find("'gain': expected float32[3], got int32[3]"), std::string::npos) << text;
  EXPECT_NE(text.find("'b': given twice"), std::string::npos) << text;
  EXPECT_EQ(Run(*session), 2);
  EXPECT_EQ(store->Pin()->id, 1u);
}

TEST_F(SessionTest, GivesBackEveryWeight) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  auto update = store->Begin();
  for (const char* name : {"w", "b", "idle"}) {
    update.Put(name, Floats(std::string(name) == "idle" ? Shape{2} : Shape{3}, 3, 0.5f));
  }
  ASSERT_TRUE(update.Commit().ok());
  EXPECT_TRUE(
      BitEqual(*store->Read("w"), Floats({3}, 3, 0.5f)));  // source of a recipe: on the host
  EXPECT_TRUE(BitEqual(*store->Read("b:0"), Floats({3}, 3, 0.5f)));   // read back from its slot
  EXPECT_TRUE(BitEqual(*store->Read("idle"), Floats({2}, 3, 0.5f)));  // read by no program
  EXPECT_TRUE(BitEqual(*store->Read("gain"), Floats({3}, 1, 0)));     // never updated
  EXPECT_EQ(store->Read("nobody").status().code(), Code::kNotFound);
}

TEST_F(SessionTest, LaterAndRemainingSessionsSeeTheCurrentWeights) {
  auto store = MakeStore();
  auto first = MakeSession(store);
  auto update = store->Begin();
  update.Put("w", Floats({3}, 5, 0));
  update.Put("b", Floats({3}, 1, 0));
  ASSERT_TRUE(update.Commit().ok());
  auto second = MakeSession(store);
  EXPECT_EQ(Run(*second), 11);
  first.reset();
  auto third = MakeSession(store);
  second.reset();
  EXPECT_EQ(Run(*third), 11);
  third.reset();
  EXPECT_TRUE(BitEqual(*store->Read("b"), Floats({3}, 1, 0)));
}

TEST_F(SessionTest, NamesEveryInputThatDoesNotFit) {
  auto session = MakeSession(MakeStore());
  auto error = [&](std::vector<NamedTensor> inputs) {
    return session->Run(inputs).status().ToString();
  };
  EXPECT_NE(error({}).find("'x': not given; expected float32[?,3]"), std::string::npos)
      << error({});
  std::vector<NamedTensor> wrong = {{"x", Floats({2, 4}, 0, 0)}, {"z", Floats({1}, 0, 0)}};
  EXPECT_NE(error(wrong).find("'x': expected float32[?,3], got float32[2,4]"), std::string::npos)
      << error(wrong);
  EXPECT_NE(error(wrong).find("'z': the session has no such input; it takes x"), std::string::npos)
      << error(wrong);
}

TEST_F(SessionTest, WritesInPlaceOnlyWhereNobodyElseLooks) {
  auto session = MakeSession(MakeStore());
  std::vector<Tensor> outputs;
  std::vector<Tensor> two = {Floats({1, 3}, 2, 0)}, three = {Floats({1, 3}, 3, 0)};
  ASSERT_TRUE(session->Run(two, &outputs, nullptr).ok());
  const void* memory = outputs[0].data();
  ASSERT_TRUE(session->Run(three, &outputs, nullptr).ok());
  EXPECT_EQ(outputs[0].data(), memory);
  Tensor kept = outputs[0];
  ASSERT_TRUE(session->Run(two, &outputs, nullptr).ok());
  EXPECT_EQ(kept.as<float>()[0], 3);
  EXPECT_EQ(outputs[0].as<float>()[0], 2);
}

TEST_F(SessionTest, RunsAnyBatchIncludingNone) {
  auto session = MakeSession(MakeStore());
  for (int64_t batch : {0, 1, 2, 17}) {
    std::vector<NamedTensor> inputs = {{"x:0", Floats({batch, 3}, 2, 0)}};
    auto result = session->Run(inputs);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->outputs[0].name, "y:0");
    EXPECT_EQ(result->outputs[0].value.shape(), (Shape{batch, 3}));
  }
}

// Every weight of version v has the value v, so y = 2 * v * v + v tells a mixed answer from a whole
// one.
TEST_F(SessionTest, NoAnswerMixesTwoVersions) {
  auto store = MakeStore();
  auto session = MakeSession(store, 2);
  auto update = store->Begin();
  auto push = [&](float value) {
    for (const char* name : {"w", "gain", "b"}) update.Put(name, Floats({3}, value, 0));
    return update.Commit();
  };
  ASSERT_TRUE(push(2).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> mixed{0}, answers{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        uint64_t version = 0;
        float y = Run(*session, &version);
        auto v = static_cast<float>(version);
        if (y != 2 * v * v + v) ++mixed;
        ++answers;
      }
    });
  }
  for (int i = 3; i < 200; ++i) {
    auto version = push(static_cast<float>(i));
    ASSERT_TRUE(version.ok());
    ASSERT_EQ(*version, static_cast<uint64_t>(i));
  }
  while (answers < 200) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(mixed, 0);
}

TEST_F(SessionTest, SteadyUpdatesCompileAndAllocateNothing) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  auto push = [&](float value) {
    auto update = store->Begin();
    for (const char* name : {"w", "b"}) update.Put(name, Floats({3}, value, 0));
    ASSERT_TRUE(update.Commit().ok());
    Run(*session);
  };
  for (int i = 0; i < 3; ++i) push(1);
  uint64_t allocations = backend::ProcessMemoryStats().system_allocations;
  backend::MemoryStats before = backend::ProcessMemoryStats();
  for (int i = 0; i < 200; ++i) push(static_cast<float>(i));
  EXPECT_EQ(backend::ProcessMemoryStats().system_allocations, allocations);
  EXPECT_LE(backend::ProcessMemoryStats().live_bytes,
            2 * before.live_bytes);  // the reaper may hold one
}

}  // namespace
}  // namespace midstream::session

// Placement as a configuration says it, on a real model: order, devices by number, rules, what is
// missing, and the mistakes.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/engine/engine.h"
#include "core/formats/npy/npy.h"
#include "tests/far_plugin/far.h"

namespace midstream {
namespace {

using testing::HasSubstr;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";

class PlacementTest : public ::testing::Test {
 protected:
  static std::vector<std::string> Options(std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"plugins.dir=" MS_PLUGIN_DIR, "plugins.probe=off",
                    "plugins.list=" MS_FAR_PLUGIN ",cpu_blas,reference", "backend=far",
                    "placement.order=far,cpu_blas,reference", "placement.fallback=allow"});
    return options;
  }
  static Result<Session> Open(std::vector<std::string> options) {
    MS_ASSIGN_OR_RETURN(Engine engine, Engine::Open("", Options(std::move(options))));
    MS_ASSIGN_OR_RETURN(Model model, engine.Load(kDigits));
    return model.CreateSession({{}, {"fc2/add"}, {}});
  }
  static std::string Refusal(std::vector<std::string> options) {
    const auto session = Open(std::move(options));
    EXPECT_FALSE(session.ok());
    return session.status().ToString();
  }
  static std::set<std::string> BackendsOf(const Session& session, const std::string& op) {
    std::set<std::string> backends;
    for (const auto& node : session.placement().nodes) {
      if (node.op == op || node.op == "midstream." + op) backends.insert(node.backend);
    }
    return backends;
  }
  static std::vector<float> Logits(Session& session) {
    Tensor images = *formats::ReadNpy(kDigits + "eval_images.npy");
    Tensor batch =
        Tensor::Wrap(DType::kF32, {4, 784}, images.data(), std::make_shared<Tensor>(images));
    auto result = session.Run({{"Placeholder", batch}});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    if (!result.ok()) return {};
    const auto values = result->outputs[0].value.as<float>();
    return {values.begin(), values.end()};
  }
};

TEST_F(PlacementTest, OneModelRunsOnSeveralBackends) {
  auto plain = Open({"placement.order=reference"});
  ASSERT_TRUE(plain.ok()) << plain.status().ToString();
  const std::vector<float> want = Logits(*plain);
  auto split =
      Open({"placement.op.Conv.backend=cpu_blas", "placement.op.MaxPool.backend=reference"});
  ASSERT_TRUE(split.ok()) << split.status().ToString();
  EXPECT_THAT(BackendsOf(*split, "Conv"), testing::ElementsAre("cpu_blas"));
  EXPECT_THAT(BackendsOf(*split, "MaxPool"), testing::ElementsAre("reference"));
  EXPECT_THAT(BackendsOf(*split, "MatMul"), testing::ElementsAre("far"));
  EXPECT_FALSE(split->placement().transfers.empty());
  const std::vector<float> got = Logits(*split);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-4F);
  const SessionStats stats = split->stats();
  EXPECT_EQ(stats.transfers, split->placement().transfers.size());
  EXPECT_GT(stats.to_device_bytes, 0u);
  EXPECT_GT(stats.from_device_bytes, 0u);
  EXPECT_THAT(stats.ToJson(), HasSubstr("\"to_device_bytes\":"));
}

TEST_F(PlacementTest, RulesForNodesBeatThoseForTypesAndLongerPatternsShorterOnes) {
  auto session =
      Open({"placement.op.Conv.backend=cpu_blas", "placement.node.\"conv1/*\".backend=reference",
            "placement.node.\"*\".backend=far"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  size_t first = 0;
  for (const auto& node : session->placement().nodes) {
    const bool in_first = node.name.starts_with("conv1/");
    EXPECT_EQ(node.backend, in_first ? "reference" : "far") << node.name;
    EXPECT_EQ(node.rule, in_first ? "placement.node.\"conv1/*\"" : "placement.node.\"*\"");
    first += in_first ? 1 : 0;
  }
  EXPECT_GT(first, 0u);
}

TEST_F(PlacementTest, TakesADeviceByItsNumber) {
  auto session = Open({"placement.order=far:1,far,reference", "placement.op.Conv.backend=far:0"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  EXPECT_THAT(BackendsOf(*session, "MatMul"), testing::ElementsAre("far:1"));
  EXPECT_THAT(BackendsOf(*session, "Conv"), testing::ElementsAre("far"));
  EXPECT_FALSE(Logits(*session).empty());
  auto by_id = Open({"placement.order=far,reference", "device.id=1"});
  ASSERT_TRUE(by_id.ok()) << by_id.status().ToString();
  EXPECT_THAT(BackendsOf(*by_id, "MatMul"), testing::ElementsAre("far:1"));
}

TEST_F(PlacementTest, MistakesNameTheKeyAndWhatWasExpected) {
  EXPECT_THAT(Refusal({"placement.op.Conv.backend=npu"}),
              HasSubstr("--set: placement.op.Conv.backend: expected a backend of the placement "
                        "order (far, cpu_blas, reference), found \"npu\""));
  EXPECT_THAT(Refusal({"placement.op.Konv.backend=far"}),
              HasSubstr("placement.op.Konv.backend: no such type of operator; did you mean Conv?"));
  EXPECT_THAT(Refusal({"placement.node.\"conf1/*\".backend=far"}),
              HasSubstr("placement.node.\"conf1/*\".backend: the graph has no such node"));
  EXPECT_THAT(Refusal({"placement.order=far:x,reference"}), HasSubstr("NAME:DEVICE"));
  // Whatever the policy: the configuration is wrong everywhere.
  EXPECT_THAT(Refusal({"placement.order=far:7,reference"}), HasSubstr("2 devices, from 0; got 7"));
  EXPECT_THAT(Refusal({"placement.order=nobody,reference"}), HasSubstr("nobody"));
}

TEST_F(PlacementTest, ADeviceThatCannotBeUsedHereIsPassedOver) {
  auto warm = Open({});  // so that the plugin is loaded, to be told of the fault
  ASSERT_TRUE(warm.ok()) << warm.status().ToString();
  void* library = dlopen(MS_FAR_PLUGIN, RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(library, nullptr);
  const auto query = reinterpret_cast<const ms_plugin* (*)(uint16_t, uint16_t)>(
      dlsym(library, "midstream_backend_query"));
  auto* control = const_cast<far::FarControl*>(static_cast<const far::FarControl*>(
      query(MS_ABI_MAJOR, MS_ABI_MINOR)->get_extension(far::kFarControl)));
  const auto lose = [&] { control->set(&far::FarControl::open, 1, MS_UNAVAILABLE, "it is lost"); };

  lose();
  auto session = Open({"placement.op.Conv.backend=far"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  EXPECT_THAT(BackendsOf(*session, "Conv"), testing::ElementsAre("cpu_blas"));
  ASSERT_EQ(session->placement().missing.size(), 1u);
  EXPECT_EQ(session->placement().missing[0].backend, "far");
  EXPECT_THAT(session->placement().missing[0].reason, HasSubstr("it is lost"));

  lose();
  EXPECT_THAT(Refusal({"placement.fallback=error"}), HasSubstr("it is lost"));
  lose();
  EXPECT_THAT(Refusal({"placement.order=far"}),
              HasSubstr("no backend of the placement order can be used; 'far': "));
}

TEST_F(PlacementTest, ProfilesEachNodeByItsBackend) {
  auto session = Open({"placement.op.Conv.backend=cpu_blas"});
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  Logits(*session);
  EXPECT_TRUE(session->profile().empty());
  ASSERT_TRUE(session->EnableProfile(true).ok());
  for (int i = 0; i < 3; ++i) Logits(*session);
  ASSERT_TRUE(session->EnableProfile(false).ok());
  Logits(*session);
  const auto profile = session->profile();
  size_t transfers = 0;
  std::map<std::string, std::string> backends;
  for (const NodeProfile& row : profile) {
    EXPECT_EQ(row.count, 3u) << row.node;
    EXPECT_LE(row.min_ns, row.max_ns);
    EXPECT_LE(row.max_ns, row.total_ns);
    if (row.op == "Transfer") {
      EXPECT_EQ(row.backend, "far");
      ++transfers;
    } else {
      backends[row.node] = row.backend;
    }
  }
  EXPECT_EQ(transfers, session->placement().transfers.size());
  size_t timed = 0;  // a view takes no time, and is not there
  for (const auto& node : session->placement().nodes) {
    const auto it = backends.find(node.name);
    if (it == backends.end()) continue;
    EXPECT_EQ(it->second, node.backend) << node.name;
    ++timed;
  }
  EXPECT_EQ(timed, backends.size());
  EXPECT_GE(timed, 6u);
  EXPECT_EQ(profile.back().op, "Transfer");  // the logits come back last
  EXPECT_EQ(profile.back().node, "fc2/MatMul");
}

}  // namespace
}  // namespace midstream

// Values of a compiled graph, on the backend that it was compiled for and on another.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/engine/engine.h"

namespace midstream {
namespace {

const std::string kModel = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-4000";

class Probe : public ::testing::Test {
 protected:
  Probe() : fast_(Load("cpu_blas")), exact_(Load("reference")) {
    SessionOptions options;
    options.outputs = {"fc2/add", "accuracy/ArgMax"};
    session_ = *fast_.CreateSession(options);
    Tensor images = *Tensor::Allocate(DType::kF32, Shape{3, 784});
    std::ranges::fill(images.mutable_as<float>(), 0.5f);
    inputs_.push_back({"Placeholder", images});
  }
  static Model Load(const std::string& backend) {
    auto engine = Engine::Open("", {"backend=" + backend, "plugins.dir=" MS_PLUGIN_DIR});
    return *engine->Load(kModel);
  }
  static double Distance(const Tensor& a, const Tensor& b) {
    EXPECT_EQ(a.shape(), b.shape());
    double most = 0;
    for (size_t i = 0; i < a.as<float>().size(); ++i) {
      most = std::max<double>(most, std::abs(a.as<float>()[i] - b.as<float>()[i]));
    }
    return most;
  }
  Model fast_, exact_;
  Session session_;
  std::vector<NamedTensor> inputs_;
};

TEST_F(Probe, TheCompiledGraphIsDescribed) {
  const CompiledGraph graph = session_.compiled_graph();
  ASSERT_FALSE(graph.nodes.empty());
  EXPECT_EQ(graph.outputs.size(), session_.outputs().size());
  const auto conv = std::ranges::find(graph.nodes, "midstream.Conv", &CompiledNode::op);
  ASSERT_NE(conv, graph.nodes.end());
  EXPECT_EQ(conv->backend, "cpu_blas");
  EXPECT_EQ(conv->inputs.size(), 3u);  // data, filter, bias
  ASSERT_EQ(conv->outputs.size(), 1u);
  EXPECT_EQ(conv->outputs[0].shape, Shape({-1, 28, 28, 8}));  // as cpu_blas likes it
}

TEST_F(Probe, GivesTheSameValuesOnEitherBackend) {
  const CompiledGraph graph = session_.compiled_graph();
  std::vector<std::string> values;
  for (const CompiledNode& node : graph.nodes) values.push_back(node.outputs[0].name);
  std::erase(values, graph.outputs[1]);  // classes
  values.push_back("fc2/Variable");      // a weight that nodes read
  auto own = fast_.CreateProbe(session_, values);
  ASSERT_TRUE(own.ok()) << own.status().message();
  auto other = exact_.CreateProbe(session_, values);
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_EQ(other->compiled_graph().nodes[0].backend, "reference");
  const auto a = own->Run(inputs_), b = other->Run(inputs_);
  ASSERT_TRUE(a.ok() && b.ok());
  ASSERT_EQ(a->outputs.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(a->outputs[i].name, values[i]);
    EXPECT_LT(Distance(a->outputs[i].value, b->outputs[i].value), 1e-4) << values[i];
  }
  // The outputs are among the values, to the bit.
  const auto whole = session_.Run(inputs_);
  const auto fc2 = std::ranges::find(values, graph.outputs[0]) - values.begin();
  EXPECT_TRUE(BitEqual(whole->outputs[0].value, a->outputs[static_cast<size_t>(fc2)].value));
}

TEST_F(Probe, CompilesWhatItsValuesNeed) {
  const std::string first = session_.compiled_graph().nodes[1].outputs[0].name;
  const auto probe = fast_.CreateProbe(session_, {first});
  ASSERT_TRUE(probe.ok());
  EXPECT_EQ(probe->compiled_graph().nodes.size(), 2u);
}

TEST_F(Probe, SaysWhatItCannotCompute) {
  const auto unknown = fast_.CreateProbe(session_, {"nothing/like/it"});
  EXPECT_EQ(unknown.status().code(), Code::kNotFound);
  EXPECT_NE(unknown.status().message().find("nothing/like/it"), std::string::npos);
  ASSERT_TRUE(session_.Close().ok());
  EXPECT_TRUE(session_.compiled_graph().nodes.empty());
  EXPECT_EQ(fast_.CreateProbe(session_, {"fc2/add"}).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace midstream

// Opens models that tests write node by node.
#ifndef MIDSTREAM_TESTS_CORE_FORMATS_MODEL_TESTING_H_
#define MIDSTREAM_TESTS_CORE_FORMATS_MODEL_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/formats/model_source.h"
#include "core/graph/shape_inference.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/protos_testing.h"

namespace midstream::tensorflow {

class ModelTest : public testing::Test {
 protected:
  std::unique_ptr<formats::ModelSource> Open(const MetaWriter& meta) {
    auto model = formats::OpenModel(dir_.Write("m.meta", meta.Bytes()));
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    return model.ok() ? *std::move(model) : nullptr;
  }

  Result<formats::BuiltGraph> Build(const MetaWriter& meta, std::vector<std::string> outputs,
                                    std::vector<std::string> feeds = {},
                                    std::map<std::string, Tensor> bound = {}) {
    auto model = Open(meta);
    if (model == nullptr) return Internal("the model did not open");
    return model->BuildGraph({std::move(feeds), std::move(outputs), std::move(bound)});
  }

  // The graph, with shapes; it must be well formed.
  Graph MustBuild(const MetaWriter& meta, std::vector<std::string> outputs,
                  std::vector<std::string> feeds = {}) {
    auto built = Build(meta, std::move(outputs), std::move(feeds));
    EXPECT_TRUE(built.ok()) << built.status().ToString();
    if (!built.ok()) return {};
    Status status = InferShapes(built->graph, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    status = Verify(built->graph);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return std::move(built->graph);
  }

  formats::TempDir dir_;
};

// Operators in topological order.
inline std::vector<std::string> Ops(const Graph& graph) {
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes()) ops.push_back(node.op);
  return ops;
}

inline const Node* FindNode(const Graph& graph, std::string_view op) {
  for (const Node& node : graph.nodes()) {
    if (node.op == op) return &node;
  }
  ADD_FAILURE() << "no " << op << " in\n" << graph.ToString();
  return nullptr;
}

// The integers of a node's constant input.
inline std::vector<int64_t> InputInts(const Graph& graph, const Node& node, size_t input) {
  auto ints = graph.value(node.inputs[input]).constant.ToInts();
  return ints.ok() ? *ints : std::vector<int64_t>{};
}

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_TESTS_CORE_FORMATS_MODEL_TESTING_H_

// What a PythonModel node says: docs/operators.md. The core has checked it (names are distinct,
// lists are equally long); what is read here is copied.
#ifndef MIDSTREAM_PLUGINS_PYTHON_NODE_H_
#define MIDSTREAM_PLUGINS_PYTHON_NODE_H_

#include <string>
#include <vector>

#include "midstream/kernel.hpp"

namespace midstream::python {

struct NodeSpec {
  explicit NodeSpec(const sdk::GraphView& graph, uint32_t id);

  // The JSON that describes the model to interpreters; see mp_model. contents gets the bytes of its
  // files, which live as long as the graph.
  std::string Header(std::vector<std::string_view>* contents) const;

  std::string name;  // of the node
  std::string package;
  std::string entry;
  std::string python;
  std::vector<std::string> externs;
  std::vector<std::string> inputs, input_dtypes, input_shapes;
  std::vector<std::string> outputs, output_dtypes, output_shapes;
  std::vector<std::string> weights;
  std::vector<int64_t> weight_offsets;
  std::vector<std::string> files;
  std::vector<std::string_view> contents;  // valid while the graph is
};

// Whether the plugin takes the node. Cheap.
sdk::Claim ClaimNode(const sdk::GraphView& graph, const sdk::NodeView& node);

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_NODE_H_

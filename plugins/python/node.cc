#include "plugins/python/node.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "plugins/python/protocol.h"

namespace midstream::python {

namespace {

using Json = nlohmann::json;

std::vector<std::string_view> Strings(const sdk::GraphView& graph, uint32_t id,
                                      std::string_view name) {
  auto attr = sdk::Sized<ms_attr>();
  if (graph.host()->node_attr(graph.raw(), id, sdk::Str(name), &attr) != MS_OK ||
      attr.kind != MS_ATTR_STRINGS)
    return {};
  std::vector<std::string_view> texts;
  for (uint64_t i = 0; i < attr.count; ++i) texts.push_back(sdk::View(attr.strings[i]));
  return texts;
}

std::vector<std::string> Texts(const sdk::GraphView& graph, uint32_t id, std::string_view name) {
  const auto texts = Strings(graph, id, name);
  return {texts.begin(), texts.end()};
}

// "batch,4" as ["batch", 4].
Json Shape(std::string_view text) {
  Json dims = Json::array();
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view dim = text.substr(0, comma);
    int64_t size = 0;
    const auto [end, code] = std::from_chars(dim.data(), dim.data() + dim.size(), size);
    if (code == std::errc() && end == dim.data() + dim.size()) {
      dims.push_back(size);
    } else {
      dims.push_back(std::string(dim));
    }
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return dims;
}

Json Tensors(const std::vector<std::string>& names, const std::vector<std::string>& dtypes,
             const std::vector<std::string>& shapes) {
  Json tensors = Json::array();
  for (size_t i = 0; i < names.size(); ++i)
    tensors.push_back(
        {{"name", names[i]}, {"dtype", dtypes.at(i)}, {"shape", Shape(shapes.at(i))}});
  return tensors;
}

bool IsDtype(ms_dtype dtype) {
  const uint32_t bits = dtype.bits;
  if (dtype.lanes != 1) return false;
  switch (dtype.code) {
    case MS_DTYPE_INT:
    case MS_DTYPE_UINT:
      return bits == 8 || bits == 16 || bits == 32 || bits == 64;
    case MS_DTYPE_FLOAT:
      return bits == 16 || bits == 32 || bits == 64;
    case MS_DTYPE_BFLOAT:
      return bits == 16;
    case MS_DTYPE_BOOL:
      return bits == 8;
    default:
      return false;
  }
}

}  // namespace

NodeSpec::NodeSpec(const sdk::GraphView& graph, uint32_t id) {
  const sdk::NodeView node = graph.node(id);
  name = node.name();
  package = node.String("package", "");
  entry = node.String("entry", "");
  python = node.String("python", "");
  externs = Texts(graph, id, "extern");
  inputs = Texts(graph, id, "inputs");
  input_dtypes = Texts(graph, id, "input_dtypes");
  input_shapes = Texts(graph, id, "input_shapes");
  outputs = Texts(graph, id, "outputs");
  output_dtypes = Texts(graph, id, "output_dtypes");
  output_shapes = Texts(graph, id, "output_shapes");
  weights = Texts(graph, id, "weights");
  weight_offsets = node.Ints("weight_offsets");
  files = Texts(graph, id, "files");
  contents = Strings(graph, id, "contents");
  if (node.inputs().size() != inputs.size() + weights.size() ||
      node.outputs().size() != outputs.size() || contents.size() != files.size() ||
      input_dtypes.size() != inputs.size() || input_shapes.size() != inputs.size() ||
      output_dtypes.size() != outputs.size() || output_shapes.size() != outputs.size())
    throw sdk::Error(MS_INTERNAL, "the core sent a PythonModel node whose lists do not agree");
}

std::string NodeSpec::Header(std::vector<std::string_view>* bytes) const {
  Json entries = Json::array();
  uint64_t offset = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    entries.push_back({files[i], offset, contents[i].size()});
    bytes->push_back(contents[i]);
    offset += contents[i].size();
  }
  const Json header = {{"package", package},
                       {"entry", entry},
                       {"name", name},
                       {"extern", externs},
                       {"python", python},
                       {"inputs", Tensors(inputs, input_dtypes, input_shapes)},
                       {"outputs", Tensors(outputs, output_dtypes, output_shapes)},
                       {"weights", weights},
                       {"files", entries}};
  // A path may hold bytes that are no UTF-8; they are only shown.
  return header.dump(-1, ' ', false, Json::error_handler_t::replace);
}

sdk::Claim ClaimNode(const sdk::GraphView& graph, const sdk::NodeView& node) {
  if (node.domain() != "midstream" || node.op() != "PythonModel")
    return sdk::Claim::No(MS_REASON_OP);
  const size_t n_inputs = Strings(graph, node.id(), "inputs").size();
  if (n_inputs > MP_MAX_TENSORS || node.outputs().size() > MP_MAX_TENSORS ||
      n_inputs > node.inputs().size() || node.outputs().empty())
    return sdk::Claim::No(MS_REASON_ATTRIBUTE);
  const auto problem = [](const sdk::ValueView& value) -> uint32_t {
    if (!IsDtype(value.dtype())) return MS_REASON_DTYPE;
    return value.rank_known() && value.shape().size() > MP_MAX_RANK ? MS_REASON_SHAPE
                                                                    : MS_REASON_NONE;
  };
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) return sdk::Claim::No(MS_REASON_ATTRIBUTE);
    const sdk::ValueView value = node.input(i);
    if (problem(value) != MS_REASON_NONE) return sdk::Claim::No(problem(value));
    // What a version of the weights is made of must not come with a request.
    if (i >= n_inputs && !value.is_weight() && value.info().kind != MS_VALUE_CONSTANT)
      return sdk::Claim::No(MS_REASON_ATTRIBUTE);
  }
  for (size_t i = 0; i < node.outputs().size(); ++i) {
    const uint32_t reason = problem(node.output(i));
    if (reason != MS_REASON_NONE) return sdk::Claim::No(reason);
  }
  const ms_dtype dtype = node.output(0).dtype();
  return sdk::Claim::Yes(dtype, dtype);
}

}  // namespace midstream::python

// Shape inference of one node as text, so that a test reads like a table.
#ifndef MIDSTREAM_TESTS_CORE_GRAPH_INFER_TESTING_H_
#define MIDSTREAM_TESTS_CORE_GRAPH_INFER_TESTING_H_

#include <string>
#include <vector>

#include "core/graph/shape_inference.h"

namespace midstream {

// An input of the node under test.
struct In {
  DType dtype = DType::kInvalid;  // kInvalid: absent
  Shape shape;
  Tensor constant;
};

inline In F32(Shape shape) { return {DType::kF32, std::move(shape), {}}; }
inline In Of(DType dtype, Shape shape) { return {dtype, std::move(shape), {}}; }
inline In I64(Shape shape) { return {DType::kI64, std::move(shape), {}}; }
inline In Unknown(DType dtype = DType::kF32) { return {dtype, Shape::UnknownRank(), {}}; }
inline In Ints(const std::vector<int64_t>& values) {
  Tensor tensor = Tensor::FromInts(values);
  return {DType::kI64, tensor.shape(), tensor};
}
template <typename T>
In ScalarOf(DType dtype, T value) {
  return {dtype, Shape{}, Tensor::Scalar<T>(dtype, value)};
}
inline const In kAbsent{};

// "float32[2,3]" for each output, separated by spaces, with "=[1,2]" after a known value; or the
// error message.
inline std::string Infer(const std::string& op, const std::vector<In>& inputs,
                         Attributes attrs = {}, size_t n_outputs = 1, std::string domain = "") {
  Graph graph;
  std::vector<ValueId> ids;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string name = "in" + std::to_string(i);
    if (inputs[i].dtype == DType::kInvalid) {
      ids.push_back(kNoValue);
    } else if (!inputs[i].constant.empty()) {
      ids.push_back(graph.AddConstant(name, inputs[i].constant));
    } else {
      ids.push_back(graph.AddInput(name, inputs[i].dtype, inputs[i].shape));
    }
  }
  NodeId node = graph.AddNode(op, "n", ids, std::move(attrs), n_outputs, std::move(domain));
  Status status = InferShapes(graph, nullptr);
  if (!status.ok()) return std::string(status.message());
  std::string text;
  for (ValueId out : graph.node(node).outputs) {
    const Value& value = graph.value(out);
    if (!text.empty()) text += " ";
    text += std::string(DTypeName(value.dtype)) + value.shape.ToString();
    if (!value.constant.empty()) text += "=" + Shape(*value.constant.ToInts()).ToString();
  }
  return text;
}

inline std::string InferMs(const std::string& op, const std::vector<In>& inputs,
                           Attributes attrs = {}) {
  return Infer(op, inputs, std::move(attrs), 1, "midstream");
}

using IntList = std::vector<int64_t>;
inline AttrValue Int(int64_t value) { return value; }
inline AttrValue Text(std::string value) { return value; }

}  // namespace midstream

#endif  // MIDSTREAM_TESTS_CORE_GRAPH_INFER_TESTING_H_

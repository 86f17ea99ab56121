#include "core/plan/operator_forms.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/graph/shape_inference.h"

namespace midstream::plan {
namespace {

constexpr DType kOpen = DType::kInvalid;  // the dtype of the data
constexpr DType kIndex = DType::kI64;

struct Input {
  DType dtype;
  std::vector<int64_t> dims;
  bool constant = false;  // ones; for what says how, not what
};
using Form = std::vector<Input>;

Input Ones(std::vector<int64_t> dims = {1}) { return {kIndex, std::move(dims), true}; }

// Of operators without a form of their own. As many inputs are taken as the schema needs; those
// beyond the third are like the third.
std::vector<Form> CommonForms() {
  std::vector<Form> forms;
  for (const size_t rank : {4, 2, 1, 0}) {
    const Input data{kOpen, std::vector<int64_t>(rank, 1)};
    forms.push_back({data, data, data});
  }
  const Input vector{kOpen, {1}}, data{kOpen, {1, 1}};
  forms.push_back({vector, Ones(), Ones()});
  forms.push_back({data, Ones(), Ones()});
  forms.push_back({data, Ones(), data});
  forms.push_back({{DType::kBool, {1, 1}}, data, data});
  return forms;
}

// Of operators whose inputs have shapes or dtypes that differ more than that.
const std::map<std::string_view, Form>& OwnForms() {
  static const std::map<std::string_view, Form> kForms = [] {
    const Input matrix{kOpen, {1, 1}}, vector{kOpen, {1}}, scalar{kOpen, {}};
    const Form normalization = {{kOpen, {1, 1, 1, 1}}, vector, vector, vector, vector};
    return std::map<std::string_view, Form>{
        {"BatchNormalization", normalization},
        {"ConstantOfShape", {Ones()}},
        {"CumProd", {matrix, Ones({})}},  // along axis 1
        {"CumSum", {matrix, Ones({})}},
        {"OneHot", {{kIndex, {1}}, Ones({}), {kOpen, {2}}}},
        {"Pad", {vector, Ones({2})}},
        {"PythonModel", {vector}},
        {"RandomNormal", {Ones(), {kIndex, {2}}}},
        {"RandomUniform", {Ones(), {kIndex, {2}}}},
        {"RandomUniformInt", {Ones(), {kIndex, {2}}, scalar, scalar}},
        {"RotaryEmbedding", {{kOpen, {1, 1, 1, 2}}, {kOpen, {1, 1, 1}}, {kOpen, {1, 1, 1}}}},
        {"ScatterND", {vector, {kIndex, {1, 1}}, vector}}};
  }();
  return kForms;
}

// Attributes without which an operator has no meaning, or not this dtype.
Attributes Needed(const OpSchema& schema, DType dtype) {
  const std::string_view name = schema.name;
  if (name == "Cast") return {{"to", std::string("int64")}};
  if (name == "Concat" || name == "Gather") return {{"axis", int64_t{0}}};
  if (name == "Split") return {{"num_outputs", int64_t{1}}};
  if (name == "Mod" && IsFloat(dtype)) return {{"fmod", int64_t{1}}};
  if (name == "LRN") return {{"size", int64_t{1}}};
  if (name == "ConstantOfShape" || name == "RandomNormal" || name == "RandomUniform") {
    return {{"dtype", std::string(DTypeName(dtype))}};
  }
  if (name == "PythonModel") {
    const std::vector<std::string> dtypes = {std::string(DTypeName(dtype))};
    const auto names = [](const char* one) { return std::vector<std::string>{one}; };
    return {{"package", std::string("model.mspkg")},
            {"entry", std::string("model:run")},
            {"inputs", names("x")},
            {"outputs", names("y")},
            {"input_dtypes", dtypes},
            {"output_dtypes", dtypes},
            {"input_shapes", names("batch")},
            {"output_shapes", names("batch")}};
  }
  if (name.find("Pool") != std::string_view::npos && !name.starts_with("Global")) {
    return {{"kernel_shape", std::vector<int64_t>{1, 1}}};
  }
  return {};
}

Result<Tensor> MakeOnes(const std::vector<int64_t>& dims) {
  MS_ASSIGN_OR_RETURN(Tensor ones, Tensor::Allocate(kIndex, Shape(dims)));
  for (int64_t& one : ones.mutable_as<int64_t>()) one = 1;
  return ones;
}

// An error when the form is not legal for the operator.
Result<Graph> MakeGraph(const OpSchema& schema, const Form& form, DType dtype) {
  Graph graph;
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < static_cast<size_t>(std::max(schema.min_inputs, 1)); ++i) {
    const Input& input = form[std::min(i, form.size() - 1)];
    const std::string name = "x" + std::to_string(i);
    if (input.constant) {
      MS_ASSIGN_OR_RETURN(Tensor ones, MakeOnes(input.dims));
      inputs.push_back(graph.AddConstant(name, std::move(ones)));
    } else {
      inputs.push_back(
          graph.AddInput(name, input.dtype == kOpen ? dtype : input.dtype, Shape(input.dims)));
    }
  }
  const NodeId node = graph.AddNode(std::string(schema.name), "y", inputs, Needed(schema, dtype),
                                    static_cast<size_t>(std::max(schema.min_outputs, 1)),
                                    std::string(schema.domain));
  graph.AddOutput(graph.node(node).outputs.front(), "y");
  MS_RETURN_IF_ERROR(graph.Compact());
  MS_RETURN_IF_ERROR(InferShapes(graph, nullptr));
  return graph;
}

// Whether the dtype of the data is that of an input which the operator takes.
bool HasData(const OpSchema& schema, const Form& form) {
  for (size_t i = 0; i < form.size() && i < static_cast<size_t>(std::max(schema.min_inputs, 1));
       ++i) {
    if (form[i].dtype == kOpen) return true;
  }
  return false;
}

}  // namespace

const std::vector<DType>& DataDTypes() {
  static const std::vector<DType> kDTypes = {
      DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,  DType::kI16, DType::kI32,
      DType::kI64, DType::kU8,  DType::kU16, DType::kU32,  DType::kU64, DType::kBool};
  return kDTypes;
}

std::vector<Graph> MakeForms(const OpSchema& schema, DType dtype) {
  std::vector<Graph> graphs;
  const auto add = [&](const Form& form) {
    Result<Graph> graph = MakeGraph(schema, form, dtype);
    if (graph.ok()) graphs.push_back(*std::move(graph));
  };
  if (const auto own = OwnForms().find(schema.name); own != OwnForms().end()) {
    add(own->second);
    return graphs;
  }
  for (const Form& form : CommonForms()) {
    if (HasData(schema, form)) add(form);
  }
  return graphs;
}

}  // namespace midstream::plan

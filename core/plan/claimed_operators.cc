#include "core/plan/claimed_operators.h"

#include <algorithm>

#include "core/graph/op_schema.h"
#include "core/graph/shape_inference.h"

namespace midstream::plan {
namespace {

// The dtypes of the first three inputs (later ones are like the third) and the rank of all that are
// not lists of integers.
struct Form {
  DType inputs[3];
  int64_t rank;
};

constexpr DType kF = DType::kF32;
constexpr DType kI = DType::kI64;
constexpr DType kB = DType::kBool;
constexpr Form kForms[] = {
    {{kF, kF, kF}, 4}, {{kF, kF, kF}, 2}, {{kF, kF, kF}, 1}, {{kF, kF, kF}, 0}, {{kF, kI, kI}, 2},
    {{kF, kI, kF}, 2}, {{kB, kF, kF}, 2}, {{kB, kB, kB}, 2}, {{kI, kI, kI}, 1}, {{kI, kI, kF}, 1}};

// Attributes without which an operator has no meaning.
Attributes Needed(const OpSchema& schema) {
  if (schema.name == "Cast") return {{"to", std::string("int64")}};
  if (schema.name == "Concat" || schema.name == "Gather") return {{"axis", int64_t{0}}};
  if (schema.name == "Split") return {{"num_outputs", int64_t{1}}};
  if (schema.name == "LRN") return {{"size", int64_t{1}}};
  if (schema.name.find("Pool") != std::string_view::npos && !schema.name.starts_with("Global")) {
    return {{"kernel_shape", std::vector<int64_t>{1, 1}}};
  }
  return {};
}

// The operator in this form as a graph; an error when the form is not legal for it.
Result<Graph> MakeGraph(const OpSchema& schema, const Form& form) {
  Graph graph;
  std::vector<ValueId> inputs;
  for (int i = 0; i < std::max(schema.min_inputs, 1); ++i) {
    DType dtype = form.inputs[std::min(i, 2)];
    std::string name = "x" + std::to_string(i);
    if (dtype == DType::kI64 && i > 0) {
      inputs.push_back(graph.AddConstant(name, Tensor::FromInts({1})));
    } else {
      inputs.push_back(
          graph.AddInput(name, dtype, std::vector<int64_t>(static_cast<size_t>(form.rank), 1)));
    }
  }
  ValueId out =
      graph.Add(std::string(schema.name), "y", inputs, Needed(schema), std::string(schema.domain));
  graph.AddOutput(out, "y");
  MS_RETURN_IF_ERROR(graph.Compact());
  MS_RETURN_IF_ERROR(InferShapes(graph, nullptr));
  return graph;
}

bool Claims(const backend::Device& device, const OpSchema& schema) {
  for (const Form& form : kForms) {
    auto graph = MakeGraph(schema, form);
    if (!graph.ok()) continue;
    auto claims = device.Claim(*graph);
    if (claims.ok() && claims->front().mine) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> ClaimedOperators(const backend::Device& device) {
  std::vector<std::string> names;
  for (const OpSchema& schema : AllSchemas()) {
    if (!Claims(device, schema)) continue;
    names.push_back((schema.domain.empty() ? "" : std::string(schema.domain) + ".") +
                    std::string(schema.name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace midstream::plan

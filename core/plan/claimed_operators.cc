#include "core/plan/claimed_operators.h"

#include <algorithm>

#include "core/graph/op_schema.h"
#include "core/plan/operator_forms.h"

namespace midstream::plan {
namespace {

std::string NameOf(const OpSchema& schema) {
  return (schema.domain.empty() ? "" : std::string(schema.domain) + ".") + std::string(schema.name);
}

bool Claims(const backend::Device& device, const OpSchema& schema, DType dtype) {
  const std::vector<Graph> forms = MakeForms(schema, dtype);
  return std::any_of(forms.begin(), forms.end(), [&](const Graph& graph) {
    const auto claims = device.Claim(graph);
    return claims.ok() && claims->front().mine;
  });
}

}  // namespace

std::vector<OperatorDTypes> ClaimedDTypes(const backend::Device& device) {
  std::vector<OperatorDTypes> operators;
  for (const OpSchema& schema : AllSchemas()) {
    OperatorDTypes& one = operators.emplace_back(OperatorDTypes{NameOf(schema), {}});
    for (const DType dtype : DataDTypes()) {
      if (Claims(device, schema, dtype)) one.dtypes.push_back(dtype);
    }
  }
  std::sort(operators.begin(), operators.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return operators;
}

std::vector<std::string> ClaimedOperators(const backend::Device& device) {
  std::vector<std::string> names;
  for (const OpSchema& schema : AllSchemas()) {
    const bool claimed = std::any_of(DataDTypes().begin(), DataDTypes().end(),
                                     [&](DType dtype) { return Claims(device, schema, dtype); });
    if (claimed) names.push_back(NameOf(schema));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace midstream::plan

#include "core/graph/op_schema.h"

#include <algorithm>
#include <tuple>

#include "core/graph/ops/schemas.h"

namespace midstream {
namespace {

auto Key(const OpSchema& schema) { return std::tie(schema.domain, schema.name); }

std::vector<OpSchema> BuildTable() {
  std::vector<OpSchema> table;
  infer::AddElementwiseSchemas(&table);
  infer::AddMatMulSchemas(&table);
  infer::AddConvPoolSchemas(&table);
  infer::AddNormalizationSchemas(&table);
  infer::AddAttentionSchemas(&table);
  infer::AddReduceSchemas(&table);
  infer::AddShapeSchemas(&table);
  infer::AddDataMovementSchemas(&table);
  infer::AddGeneratorSchemas(&table);
  infer::AddRandomSchemas(&table);
  infer::AddIndexingSchemas(&table);
  infer::AddPythonSchemas(&table);
  std::sort(table.begin(), table.end(),
            [](const OpSchema& a, const OpSchema& b) { return Key(a) < Key(b); });
  return table;
}

}  // namespace

const Tensor* InferContext::constant(size_t i) const {
  if (!HasInput(i)) return nullptr;
  const Value& value = graph_.value(node_.inputs[i]);
  return value.constant.empty() ? nullptr : &value.constant;
}

Status InferContext::Error(std::string_view what) const {
  std::string text = node_.domain.empty() ? node_.op : node_.domain + "." + node_.op;
  return InvalidArgument(text + " '" + node_.name + "': " + std::string(what));
}

const std::vector<OpSchema>& AllSchemas() {
  static const std::vector<OpSchema> table = BuildTable();
  return table;
}

const OpSchema* FindSchema(std::string_view domain, std::string_view op) {
  const std::vector<OpSchema>& table = AllSchemas();
  auto key = std::tie(domain, op);
  auto it = std::lower_bound(table.begin(), table.end(), key,
                             [](const OpSchema& s, const auto& k) { return Key(s) < k; });
  return it != table.end() && Key(*it) == key ? &*it : nullptr;
}

}  // namespace midstream

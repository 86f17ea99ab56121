#include "core/cli/weights_difference.h"

#include <fmt/format.h>

#include <cmath>

#include "core/cli/table.h"
#include "core/cli/weight_set.h"

namespace midstream::cli {
namespace {

std::string KindOf(const formats::TensorInfo& info) {
  return std::string(DTypeName(info.dtype)) + info.shape.ToString();
}

Status Compare(const WeightSet& a, size_t in_a, const WeightSet& b, size_t in_b,
               WeightDifferences* found) {
  const formats::TensorInfo& left = a.tensors[in_a];
  const formats::TensorInfo& right = b.tensors[in_b];
  if (left.dtype != right.dtype || left.shape != right.shape) {
    found->kinds.push_back({left.name, KindOf(left), KindOf(right)});
    return OkStatus();
  }
  MS_ASSIGN_OR_RETURN(const Tensor x, a.read(in_a));
  MS_ASSIGN_OR_RETURN(const Tensor y, b.read(in_b));
  if (BitEqual(x, y)) {
    ++found->equal;
  } else {
    found->values.push_back({left.name, x.count(), DifferenceOf(x, y)});
  }
  return OkStatus();
}

// A pattern need match on one side only: what is missing on the other is a difference.
Status KeepOnlyOnEither(const std::vector<std::string>& patterns, WeightSet* a, WeightSet* b) {
  std::vector<std::string> in_a;
  std::vector<std::string> in_b;
  for (const std::string& pattern : patterns) {
    WeightSet of_a = *a;
    WeightSet of_b = *b;
    const Status matched = KeepOnly({pattern}, &of_a);
    if (matched.ok()) in_a.push_back(pattern);
    if (KeepOnly({pattern}, &of_b).ok()) {
      in_b.push_back(pattern);
    } else {
      MS_RETURN_IF_ERROR(matched);
    }
  }
  if (patterns.empty()) return OkStatus();
  for (auto [set, own] : {std::pair(a, &in_a), std::pair(b, &in_b)}) {
    if (own->empty()) set->tensors.clear();
    MS_RETURN_IF_ERROR(KeepOnly(*own, set));
  }
  return OkStatus();
}

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

Result<WeightDifferences> CompareWeights(const std::string& path_a, const std::string& path_b,
                                         const std::vector<std::string>& only) {
  MS_ASSIGN_OR_RETURN(WeightSet a, OpenWeightSet(path_a));
  MS_ASSIGN_OR_RETURN(WeightSet b, OpenWeightSet(path_b));
  MS_RETURN_IF_ERROR(KeepOnlyOnEither(only, &a, &b));
  WeightDifferences found{a.path, b.path, {}, {}, {}, {}, 0};
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    size_t other = 0;
    if (b.Find(a.tensors[i].name, &other) == nullptr) {
      found.only_in_a.push_back(a.tensors[i].name);
    } else {
      MS_RETURN_IF_ERROR(Compare(a, i, b, other, &found));
    }
  }
  for (const formats::TensorInfo& info : b.tensors) {
    size_t other = 0;
    if (a.Find(info.name, &other) == nullptr) found.only_in_b.push_back(info.name);
  }
  return found;
}

Json ToJson(const WeightDifferences& found) {
  Json kinds = Json::array();
  for (const KindRow& row : found.kinds) {
    kinds.push_back({{"name", row.name}, {"a", row.a}, {"b", row.b}});
  }
  Json values = Json::array();
  for (const ValueRow& row : found.values) {
    values.push_back({{"name", row.name},
                      {"elements", row.count},
                      {"different", row.difference.elements},
                      {"max_abs", Number(row.difference.largest_absolute)},
                      {"max_rel", Number(row.difference.largest_relative)}});
  }
  return {{"a", found.a},
          {"b", found.b},
          {"equal", found.equal},
          {"different", found.count()},
          {"only_in_a", found.only_in_a},
          {"only_in_b", found.only_in_b},
          {"kinds", kinds},
          {"values", values}};
}

std::string ToText(const WeightDifferences& found) {
  std::string text;
  for (const std::string& name : found.only_in_a) {
    text += fmt::format("only in {}: {}\n", found.a, name);
  }
  for (const std::string& name : found.only_in_b) {
    text += fmt::format("only in {}: {}\n", found.b, name);
  }
  for (const KindRow& row : found.kinds) {
    text += fmt::format("{}: {} in {}, {} in {}\n", row.name, row.a, found.a, row.b, found.b);
  }
  if (!found.values.empty()) {
    Table table("lrrr");
    table.Add({"name", "different", "max abs", "max rel"});
    for (const ValueRow& row : found.values) {
      table.Add({row.name, fmt::format("{} of {}", row.difference.elements, row.count),
                 fmt::format("{:.6g}", row.difference.largest_absolute),
                 fmt::format("{:.6g}", row.difference.largest_relative)});
    }
    text += table.ToString(0);
  }
  return text + fmt::format("{} tensors are equal, {} differ\n", found.equal, found.count());
}

}  // namespace midstream::cli

// midstream weights diff: how two sets of weights differ. Like diff(1), it ends with 0 for equal sets
// and 1 for different ones.
#include <fmt/format.h>

#include <cmath>

#include "core/cli/table.h"
#include "core/cli/tensor_statistics.h"
#include "core/cli/weight_set.h"
#include "core/cli/weights.h"

namespace midstream::cli {
namespace {

struct Args {
  std::string a;
  std::string b;
  std::vector<std::string> only;
  bool json = false;
};

struct ValueRow {
  std::string name;
  int64_t count = 0;
  TensorDifference difference;
};

struct KindRow {
  std::string name;
  std::string a;  // "float32[2,3]"
  std::string b;
};

struct Differences {
  std::string a;
  std::string b;
  std::vector<std::string> only_in_a;
  std::vector<std::string> only_in_b;
  std::vector<KindRow> kinds;    // dtype or shape
  std::vector<ValueRow> values;  // of the same dtype and shape
  size_t equal = 0;

  size_t count() const {
    return only_in_a.size() + only_in_b.size() + kinds.size() + values.size();
  }
};

std::string KindOf(const formats::TensorInfo& info) {
  return std::string(DTypeName(info.dtype)) + info.shape.ToString();
}

Status Compare(const WeightSet& a, size_t in_a, const WeightSet& b, size_t in_b,
               Differences* found) {
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

Result<Differences> Gather(const Args& args) {
  MS_ASSIGN_OR_RETURN(WeightSet a, OpenWeightSet(args.a));
  MS_ASSIGN_OR_RETURN(WeightSet b, OpenWeightSet(args.b));
  MS_RETURN_IF_ERROR(KeepOnlyOnEither(args.only, &a, &b));
  Differences found{a.path, b.path, {}, {}, {}, {}, 0};
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

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const Differences& found) {
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

std::string ToText(const Differences& found) {
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

Outcome Diff(const Args& args) {
  const Result<Differences> found = Gather(args);
  // Whatever went wrong, it is not 1: that says that the sets differ.
  if (!found.ok()) return {Exit::kData, found.status()};
  if (args.json) {
    PrintJson(ToJson(*found));
  } else {
    PrintText(ToText(*found));
  }
  if (found->count() == 0) return {};
  return {Exit::kFailed, fmt::format("{} and {} differ", args.a, args.b)};
}

}  // namespace

void AddWeightsDiff(CLI::App& weights, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      weights, "diff", "Compare two sets of weights bit by bit; exit code 0: equal, 1: different",
      "  midstream weights diff model.ckpt-0 model.ckpt-100\n"
      "  midstream weights diff policy.safetensors model.ckpt-100 --only 'fc*'\n",
      &args->json);
  command->add_option("A", args->a, ".safetensors, .npz, or a checkpoint, of Orbax too")
      ->required();
  command->add_option("B", args->b, "The same")->required();
  AddOnly(*command, &args->only);
  command->callback([=] { *action = [=] { return Diff(*args); }; });
}

}  // namespace midstream::cli

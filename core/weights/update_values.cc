#include "core/weights/update_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/graph/conversion.h"
#include "core/graph/element.h"
#include "core/graph/graph.h"
#include "core/graph/named_tensor.h"
#include "core/graph/tensor_digest.h"
#include "core/plan/evaluator.h"
#include "core/weights/finite.h"

namespace midstream::weights {
namespace {

std::string Quoted(const std::string& name) { return "'" + name + "'"; }

std::string Described(DType dtype, const Shape& shape) {
  return std::string(DTypeName(dtype)) + shape.ToString();
}

}  // namespace

UpdateValues::UpdateValues(const Declared* declared, const UpdateOptions& options)
    : declared_(declared), options_(options) {
  if (Status rules = CheckRenameRules(options_.rename); !rules.ok()) {
    problems_.push_back({Reason::kState, rules});
    options_.rename.clear();
  }
}

const NewValue* UpdateValues::Find(const std::string& name) const {
  auto it = values_.find(name);
  return it == values_.end() ? nullptr : &it->second;
}

const WeightDecl* UpdateValues::Resolve(std::string_view name, std::string* key) {
  *key = Renamed(WithoutPort(name), options_.rename);
  auto decl = declared_->find(*key);
  if (decl != declared_->end()) return &decl->second;
  if (options_.check == CheckMode::kSuperset) return nullptr;
  std::string text = Quoted(*key);
  if (*key != WithoutPort(name)) text += " (given as " + Quoted(std::string(name)) + ")";
  problems_.push_back({Reason::kUnknown, InvalidArgument(text + ": the model has no such weight")});
  return nullptr;
}

std::optional<Problem> UpdateValues::Misfit(const std::string& key, const WeightDecl& want,
                                            DType dtype, const Shape& shape) const {
  const std::string text = Quoted(key) + ": expected " + Described(want.dtype, want.shape) +
                           ", got " + Described(dtype, shape);
  if (dtype != want.dtype && !ConvertsTo(want.dtype, dtype, options_.accept_float64)) {
    const bool f64 = dtype == DType::kF64 && IsFloat(want.dtype);
    return Problem{Reason::kDType,
                   InvalidArgument(text + (f64 ? " (float64 is converted on request only)" : ""))};
  }
  if (shape != want.shape) return Problem{Reason::kShape, InvalidArgument(text)};
  return std::nullopt;
}

void UpdateValues::Add(std::string_view name, Tensor value, bool adopt) {
  std::string key;
  const WeightDecl* want = Resolve(name, &key);
  if (want == nullptr) return;
  mentioned_.insert(key);
  if (auto problem = Misfit(key, *want, value.dtype(), value.shape())) {
    problems_.push_back(*std::move(problem));
    return;
  }
  if (NewValue* entry = Fresh(key)) {
    entry->value = std::move(value);
    entry->adopt = adopt;
  }
}

NewValue* UpdateValues::Fresh(const std::string& key) {
  NewValue& entry = values_[key];
  if (!entry.whole()) return &entry;
  problems_.push_back({Reason::kDuplicate, InvalidArgument(Quoted(key) + ": given twice")});
  return nullptr;
}

void UpdateValues::AddReader(std::string_view name, std::function<Result<Tensor>()> read) {
  std::string key;
  if (Resolve(name, &key) == nullptr) return;
  mentioned_.insert(key);
  if (NewValue* entry = Fresh(key)) {
    entry->read = std::move(read);
    entry->adopt = true;  // what was read is nobody else's
  }
}

void UpdateValues::AddRows(std::string_view name, int64_t begin, Tensor rows) {
  std::string key;
  const WeightDecl* want = Resolve(name, &key);
  if (want == nullptr) return;
  const Shape& shape = rows.shape();
  const Shape& whole = want->shape;
  const bool fits =
      whole.rank() > 0 && shape.rank() == whole.rank() &&
      std::equal(whole.dims().begin() + 1, whole.dims().end(), shape.dims().begin() + 1) &&
      begin >= 0 && begin <= whole[0] && shape[0] <= whole[0] - begin;
  if (!fits) {
    problems_.push_back(
        {Reason::kRows,
         InvalidArgument(Quoted(key) + ": rows " + shape.ToString() + " from row " +
                         std::to_string(begin) + " do not fit " + Described(want->dtype, whole))});
    return;
  }
  if (rows.dtype() != want->dtype &&
      !ConvertsTo(want->dtype, rows.dtype(), options_.accept_float64)) {
    problems_.push_back(
        {Reason::kDType,
         InvalidArgument(Quoted(key) + ": expected rows of " + std::string(DTypeName(want->dtype)) +
                         ", got " + std::string(DTypeName(rows.dtype())))});
    return;
  }
  values_[key].rows.push_back({begin, std::move(rows)});
}

Result<Tensor> UpdateValues::Read(const std::string& name, const NewValue& value) const {
  if (!value.value.empty()) return value.value;
  MS_ASSIGN_OR_RETURN(Tensor read, value.read());
  if (auto problem = Misfit(name, declared_->at(name), read.dtype(), read.shape())) {
    return problem->status;
  }
  return read;
}

Result<Tensor> UpdateValues::Convert(const std::string& name, Tensor value,
                                     Evaluator& evaluator) const {
  const DType want = declared_->at(name).dtype;
  if (value.dtype() == want) return value;
  Graph cast;
  ValueId from = cast.AddInput("from", value.dtype(), value.shape());
  ValueId to = cast.Add("Cast", "to", {from}, {{"to", std::string(DTypeName(want))}});
  cast.AddOutput(to, "to");
  auto result = plan::EvaluateGraph(cast, {std::move(value)}, evaluator);
  if (!result.ok()) return result.status().WithContext("converting " + Quoted(name));
  return std::move((*result)[0]);
}

Result<Tensor> UpdateValues::Fetch(const std::string& name,
                                   const std::function<Result<Tensor>()>& base,
                                   Evaluator& evaluator) const {
  const NewValue& entry = values_.at(name);
  Tensor value;
  if (entry.whole()) {
    MS_ASSIGN_OR_RETURN(Tensor given, Read(name, entry));
    MS_ASSIGN_OR_RETURN(value, Convert(name, std::move(given), evaluator));
  } else {
    MS_ASSIGN_OR_RETURN(value, base());
  }
  if (entry.rows.empty()) return value;
  MS_ASSIGN_OR_RETURN(Tensor patched, Tensor::Copy(value.dtype(), value.shape(), value.bytes()));
  for (const RowPatch& patch : entry.rows) {
    if (patch.rows.byte_size() == 0) continue;
    const size_t row_bytes = patch.rows.byte_size() / static_cast<size_t>(patch.rows.shape()[0]);
    std::memcpy(static_cast<std::byte*>(patched.mutable_data()) +
                    static_cast<size_t>(patch.begin) * row_bytes,
                patch.rows.data(), patch.rows.byte_size());
  }
  return patched;
}

void UpdateValues::Prepare(Evaluator& evaluator) {
  for (auto& [name, entry] : values_) {
    for (RowPatch& patch : entry.rows) {
      auto rows = Convert(name, std::move(patch.rows), evaluator);
      if (!rows.ok()) return AddProblem({Reason::kBackend, rows.status()});
      patch.rows = *std::move(rows);
      if (options_.finite) InspectFinite(name, patch.rows, patch.begin);
    }
  }
  if (options_.finite || !options_.digest.empty()) InspectWhole(evaluator);
}

void UpdateValues::InspectWhole(Evaluator& evaluator) {
  SetDigest digest;
  const bool wanted = !options_.digest.empty();
  Status digested = OkStatus();
  for (const auto& [name, entry] : values_) {
    if (wanted && !entry.rows.empty()) {
      AddProblem({Reason::kDigest, InvalidArgument(Quoted(name) + ": rows have no digest")});
    }
    if (!entry.whole()) continue;
    auto value = Read(name, entry);
    if (!value.ok()) {
      AddProblem({Reason::kSource, value.status()});
      continue;
    }
    if (wanted && digested.ok()) digested = digest.Add(name, *value).status();
    if (!options_.finite) continue;
    // What is stored must be finite: narrowing may make an infinity.
    auto stored = Convert(name, *std::move(value), evaluator);
    if (stored.ok()) {
      InspectFinite(name, *stored, 0);
    } else {
      AddProblem({Reason::kBackend, stored.status()});
    }
  }
  if (!wanted || !problems_.empty()) return;
  auto whole = digest.Finish();
  if (!digested.ok() || !whole.ok()) {
    AddProblem({Reason::kDigest, digested.ok() ? whole.status() : digested});
  } else if (Hex(*whole) != options_.digest) {
    AddProblem({Reason::kDigest, DataLoss("the values have the digest " + Hex(*whole) +
                                          ", expected " + options_.digest)});
  }
}

void UpdateValues::InspectFinite(const std::string& name, const Tensor& tensor, int64_t first_row) {
  const auto bad = FirstNotFinite(tensor);
  if (!bad) return;
  int64_t index = *bad;
  if (first_row > 0) index += first_row * (tensor.count() / tensor.shape()[0]);
  const double value = ElementAsDouble(tensor, *bad);
  const std::string text = std::isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity";
  AddProblem({Reason::kNotFinite, InvalidArgument(Quoted(name) + ": element " +
                                                  std::to_string(index) + " is " + text)});
}

std::vector<Problem> UpdateValues::Unreadable() const {
  std::vector<Problem> unreadable;
  for (const auto& [name, entry] : values_) {
    if (entry.read == nullptr) continue;
    auto value = Read(name, entry);
    if (!value.ok()) unreadable.push_back({Reason::kSource, value.status()});
  }
  return unreadable;
}

}  // namespace midstream::weights

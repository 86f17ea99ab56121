#include "core/models/openpi/canonical_file.h"

#include <set>
#include <utility>

#include "core/formats/file.h"
#include "core/models/openpi/lora.h"

namespace midstream::openpi {
namespace {

Status Refusal(const std::string& path, const std::vector<std::string>& problems) {
  constexpr size_t kMostListed = 50;
  std::string text = path + " is no complete checkpoint of the model, " +
                     std::to_string(problems.size()) +
                     (problems.size() == 1 ? " problem:" : " problems:");
  for (size_t i = 0; i < problems.size() && i < kMostListed; ++i) text += "\n  " + problems[i];
  if (problems.size() > kMostListed) text += "\n  ...";
  return InvalidArgument(text);
}

// The part `part` of axis 0, sharing the bytes.
Tensor PartOf(const Tensor& whole, int64_t part) {
  std::vector<int64_t> dims(whole.shape().dims().begin() + 1, whole.shape().dims().end());
  const size_t bytes = whole.byte_size() / static_cast<size_t>(whole.shape()[0]);
  const std::byte* from = whole.bytes().data() + bytes * static_cast<size_t>(part);
  return Tensor::Wrap(whole.dtype(), Shape(std::move(dims)), from,
                      std::make_shared<const Tensor>(whole));
}

Result<Tensor> Arranged(const Tensor& value, const std::vector<size_t>& order, const Shape& shape) {
  if (order.empty()) return value.Reshaped(shape);
  MS_ASSIGN_OR_RETURN(Tensor result, Tensor::Allocate(value.dtype(), shape));
  PermuteAxes(value.bytes().data(), value.shape(), order, DTypeSize(value.dtype()),
              static_cast<std::byte*>(result.mutable_data()));
  return result;
}

// The dimensions of `shape` after `axes` of them.
Shape Without(const Shape& shape, std::ptrdiff_t axes) {
  return std::vector<int64_t>(shape.dims().begin() + axes, shape.dims().end());
}

}  // namespace

Result<std::unique_ptr<CanonicalFile>> CanonicalFile::Open(
    std::unique_ptr<formats::TensorFile> file, const Sizes& sizes) {
  const std::vector<formats::TensorInfo>& tensors = file->tensors();
  const StoredTensors stored(tensors, sizes.naming);
  std::unique_ptr<CanonicalFile> canonical(new CanonicalFile());
  canonical->weights_ = CanonicalWeights(sizes);
  std::vector<std::string> problems;
  std::set<size_t> merged;     // factors
  std::set<std::string> told;  // a stack with a problem is told once
  for (const CanonicalWeight& weight : canonical->weights_) {
    const StoredPart& part = weight.stored;
    const auto index = stored.Find(part.tensor);
    const formats::TensorInfo* info = index ? &tensors[*index] : nullptr;
    if (info != nullptr && info->shape == part.shape && IsFloat(info->dtype)) {
      Source source = {.tensor = *index};
      const std::string problem = FindLora(stored, tensors, part, &source);
      if (!problem.empty() && told.insert(problem).second) problems.push_back(problem);
      if (source.has_lora) merged.insert({source.lora_a, source.lora_b});
      canonical->sources_.push_back(source);
      canonical->tensors_.push_back({weight.name, info->dtype, weight.shape});
      continue;
    }
    if (!told.insert(part.tensor).second) continue;
    problems.push_back(formats::Quoted(part.tensor) + ": " +
                       (info == nullptr
                            ? "missing"
                            : "expected floats of " + part.shape.ToString() + ", got " +
                                  std::string(DTypeName(info->dtype)) + info->shape.ToString()));
  }
  if (!problems.empty()) return Refusal(file->path(), problems);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name.find("lora_") == std::string::npos || merged.count(i) != 0) continue;
    return Unimplemented(file->path() + ": tensor " + formats::Quoted(tensors[i].name) +
                         " is a LoRA factor of no weight that takes one");
  }
  canonical->file_ = std::move(file);
  return canonical;
}

// Factors stand beside stacked weights: the first has the rank as its last axis, the second as its last
// but one.
std::string CanonicalFile::FindLora(const StoredTensors& stored,
                                    const std::vector<formats::TensorInfo>& tensors,
                                    const StoredPart& part, Source* source) {
  if (part.row < 0 || part.shape.rank() < 3) return "";
  const auto a = stored.Find(LoraName(part.tensor, "a"));
  const auto b = stored.Find(LoraName(part.tensor, "b"));
  if (!a && !b) return "";
  if (!a || !b) {
    return formats::Quoted(LoraName(part.tensor, a ? "b" : "a")) +
           ": missing, the other LoRA factor is there";
  }
  const Shape& shape_a = tensors[*a].shape;
  const Shape& shape_b = tensors[*b].shape;
  Shape want_a = part.shape;
  Shape want_b = part.shape;
  const size_t last = part.shape.rank() - 1;
  const int64_t rank = shape_a.rank() == last + 1 ? shape_a[last] : 0;
  want_a.mutable_dims()[last] = rank;
  want_b.mutable_dims()[last - 1] = rank;
  const bool floats = IsFloat(tensors[*a].dtype) && IsFloat(tensors[*b].dtype);
  if (rank <= 0 || !floats || shape_a != want_a || shape_b != want_b) {
    return formats::Quoted(tensors[*a].name) + " and " + formats::Quoted(tensors[*b].name) + ": " +
           std::string(DTypeName(tensors[*a].dtype)) + shape_a.ToString() + " and " +
           std::string(DTypeName(tensors[*b].dtype)) + shape_b.ToString() +
           " are no LoRA factors of " + part.shape.ToString();
  }
  *source = {source->tensor, true, *a, *b};
  return "";
}

Result<Tensor> CanonicalFile::Read(size_t index) const {
  const CanonicalWeight& weight = weights_[index];
  const Source& source = sources_[index];
  MS_ASSIGN_OR_RETURN(Tensor value, ReadPart(source.tensor, weight.stored));
  if (source.has_lora) {
    MS_ASSIGN_OR_RETURN(const Tensor a, ReadPart(source.lora_a, weight.stored));
    MS_ASSIGN_OR_RETURN(const Tensor b, ReadPart(source.lora_b, weight.stored));
    MS_ASSIGN_OR_RETURN(value, MergeLora(value, a, b, SumsHeads(weight.stored.tensor)));
  }
  return Arranged(value, weight.stored.order, weight.shape);
}

Result<Tensor> CanonicalFile::ReadPart(size_t tensor, const StoredPart& stored) const {
  if (stored.row < 0) return file_->Read(tensor);
  if (stored.part >= 0) {
    MS_ASSIGN_OR_RETURN(const Tensor row, ReadSharedRow(tensor, stored.row));
    return PartOf(row, stored.part);
  }
  MS_ASSIGN_OR_RETURN(const Tensor row, file_->ReadRows(tensor, stored.row, 1));
  return row.Reshaped(Without(row.shape(), 1));
}

Result<Tensor> CanonicalFile::ReadSharedRow(size_t tensor, int64_t row) const {
  std::lock_guard lock(mutex_);
  const auto kept = rows_.find(tensor);
  if (kept != rows_.end() && kept->second.row == row) {
    Tensor value = std::move(kept->second.value);
    rows_.erase(kept);
    return value;
  }
  MS_ASSIGN_OR_RETURN(const Tensor rows, file_->ReadRows(tensor, row, 1));
  MS_ASSIGN_OR_RETURN(Tensor value, rows.Reshaped(Without(rows.shape(), 1)));
  rows_[tensor] = {row, value};
  return value;
}

}  // namespace midstream::openpi

#include "core/models/openpi/canonical_file.h"

#include <set>
#include <utility>

#include "core/formats/file.h"
#include "core/models/openpi/names.h"

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

Result<Tensor> Arranged(Tensor value, const StoredPart& stored, const Shape& shape) {
  if (stored.part >= 0) value = PartOf(value, stored.part);
  if (stored.order.empty()) return value.Reshaped(shape);
  MS_ASSIGN_OR_RETURN(Tensor result, Tensor::Allocate(value.dtype(), shape));
  PermuteAxes(value.bytes().data(), value.shape(), stored.order, DTypeSize(value.dtype()),
              static_cast<std::byte*>(result.mutable_data()));
  return result;
}

}  // namespace

Result<std::unique_ptr<CanonicalFile>> CanonicalFile::Open(
    std::unique_ptr<formats::TensorFile> file, const Sizes& sizes) {
  const std::vector<formats::TensorInfo>& tensors = file->tensors();
  const StoredTensors stored(tensors, sizes.naming);
  std::unique_ptr<CanonicalFile> canonical(new CanonicalFile());
  canonical->weights_ = CanonicalWeights(sizes);
  std::vector<std::string> problems;
  std::set<std::string> told;  // a stack with a problem is told once
  for (const CanonicalWeight& weight : canonical->weights_) {
    const StoredPart& part = weight.stored;
    const auto index = stored.Find(part.tensor);
    const formats::TensorInfo* info = index ? &tensors[*index] : nullptr;
    if (info != nullptr && info->shape == part.shape && IsFloat(info->dtype)) {
      canonical->indices_.push_back(*index);
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
  for (const formats::TensorInfo& tensor : tensors) {
    if (tensor.name.find("lora_") == std::string::npos) continue;
    return Unimplemented(file->path() + ": tensor " + formats::Quoted(tensor.name) +
                         " is a LoRA factor, which is not merged into its weight");
  }
  canonical->file_ = std::move(file);
  return canonical;
}

Result<Tensor> CanonicalFile::Read(size_t index) const {
  const CanonicalWeight& weight = weights_[index];
  auto value = ReadView(index);
  if (!value.ok()) return value.status();
  return Arranged(*std::move(value), weight.stored, weight.shape);
}

Result<Tensor> CanonicalFile::ReadView(size_t index) const {
  const StoredPart& stored = weights_[index].stored;
  if (stored.row < 0) return file_->Read(indices_[index]);
  if (stored.part >= 0) return ReadSharedRow(index);
  MS_ASSIGN_OR_RETURN(const Tensor row, file_->ReadRows(indices_[index], stored.row, 1));
  return row.Reshaped(stored.view);
}

Result<Tensor> CanonicalFile::ReadSharedRow(size_t index) const {
  const StoredPart& stored = weights_[index].stored;
  const size_t tensor = indices_[index];
  std::lock_guard lock(mutex_);
  const auto kept = rows_.find(tensor);
  if (kept != rows_.end() && kept->second.row == stored.row) {
    Tensor value = std::move(kept->second.value);
    rows_.erase(kept);
    return value;
  }
  MS_ASSIGN_OR_RETURN(const Tensor row, file_->ReadRows(tensor, stored.row, 1));
  MS_ASSIGN_OR_RETURN(Tensor value, row.Reshaped(stored.view));
  rows_[tensor] = {stored.row, value};
  return value;
}

}  // namespace midstream::openpi

#include "core/formats/tensor_file.h"

#include <string_view>

#include "core/formats/file.h"
#include "core/formats/npy/npz_file.h"
#include "core/formats/safetensors/reader.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kNpz = ".npz";

}  // namespace

Result<Tensor> ReadAsTold(const TensorInfo& info, const TensorProvider& read, size_t index) {
  auto tensor = read(index);
  if (!tensor.ok()) return tensor.status().WithContext("tensor " + Quoted(info.name));
  if (tensor->dtype() == info.dtype && tensor->shape() == info.shape) return tensor;
  return Internal("tensor " + Quoted(info.name) + " was declared as " +
                  std::string(DTypeName(info.dtype)) + info.shape.ToString() + " and is " +
                  std::string(DTypeName(tensor->dtype())) + tensor->shape().ToString());
}

bool IsTensorFileName(const std::string& path) {
  return path.ends_with(kSafetensors) || path.ends_with(kNpz);
}

Result<std::unique_ptr<TensorFile>> OpenTensorFile(const std::string& path) {
  if (path.ends_with(kSafetensors)) return OpenTensorFile(path, TensorFormat::kSafetensors, path);
  if (path.ends_with(kNpz)) return OpenTensorFile(path, TensorFormat::kNpz, path);
  return InvalidArgument(path + " is no .safetensors or .npz file");
}

Result<std::unique_ptr<TensorFile>> OpenTensorFile(const std::string& path, TensorFormat format,
                                                   const std::string& name) {
  return format == TensorFormat::kNpz ? NpzFile::Open(path, name)
                                      : safetensors::Reader::Open(path, name);
}

}  // namespace midstream::formats

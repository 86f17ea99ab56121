#include "core/formats/tensor_file.h"

#include <string_view>

#include "core/formats/file.h"
#include "core/formats/npy/npz_file.h"
#include "core/formats/orbax/checkpoint.h"
#include "core/formats/package/package_file.h"
#include "core/formats/safetensors/reader.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kNpz = ".npz";

}  // namespace

Result<Shape> RowsShape(const TensorInfo& info, int64_t begin, int64_t count) {
  Shape shape = info.shape;
  if (shape.rank() == 0) {
    return InvalidArgument("tensor " + Quoted(info.name) + " is a scalar and has no rows");
  }
  if (begin < 0 || count < 0 || begin > shape[0] || count > shape[0] - begin) {
    return InvalidArgument("tensor " + Quoted(info.name) + " has " + std::to_string(shape[0]) +
                           " rows; " + std::to_string(count) + " from row " +
                           std::to_string(begin) + " on were asked for");
  }
  shape.mutable_dims()[0] = count;
  return shape;
}

Result<Tensor> TensorFile::ReadRows(size_t index, int64_t begin, int64_t count) const {
  MS_ASSIGN_OR_RETURN(Shape shape, RowsShape(tensors()[index], begin, count));
  MS_ASSIGN_OR_RETURN(Tensor all, Read(index));
  if (count == all.shape()[0]) return all;
  MS_ASSIGN_OR_RETURN(const size_t size, ByteSize(all.dtype(), shape));
  const size_t row = all.byte_size() / static_cast<size_t>(all.shape()[0]);
  return Tensor::Copy(all.dtype(), std::move(shape),
                      all.bytes().subspan(static_cast<size_t>(begin) * row, size));
}

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

bool IsTensorFile(const std::string& path) {
  return IsTensorFileName(path) || package::IsPackageName(path) || !orbax::FindParams(path).empty();
}

Result<std::unique_ptr<TensorFile>> OpenTensorFile(const std::string& path) {
  if (!orbax::FindParams(path).empty()) return orbax::Checkpoint::Open(path);
  if (package::IsPackageName(path)) return package::PackageFile::Open(path);
  if (path.ends_with(kSafetensors)) return OpenTensorFile(path, TensorFormat::kSafetensors, path);
  if (path.ends_with(kNpz)) return OpenTensorFile(path, TensorFormat::kNpz, path);
  return InvalidArgument(path + " is no .safetensors, .npz or .mspkg file and no Orbax checkpoint");
}

Result<std::unique_ptr<TensorFile>> OpenTensorFile(const std::string& path, TensorFormat format,
                                                   const std::string& name) {
  return format == TensorFormat::kNpz ? NpzFile::Open(path, name)
                                      : safetensors::Reader::Open(path, name);
}

}  // namespace midstream::formats

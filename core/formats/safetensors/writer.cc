#include "core/formats/safetensors/writer.h"

#include <algorithm>
#include <numeric>

#include "core/base/file_replacement.h"
#include "core/formats/file.h"

namespace midstream::safetensors {
namespace {

using formats::Quoted;
using formats::TensorInfo;

// Positions in `tensors`, in the order of the file.
std::vector<size_t> FileOrder(const std::vector<TensorInfo>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const TensorInfo& left = tensors[a];
    const TensorInfo& right = tensors[b];
    return left.dtype != right.dtype ? ComesBefore(left.dtype, right.dtype)
                                     : left.name < right.name;
  });
  return order;
}

Result<Header> MakeHeader(const std::vector<TensorInfo>& tensors, const std::vector<size_t>& order,
                          const Metadata& metadata) {
  Header header{{}, metadata};
  std::vector<std::string_view> names;
  uint64_t at = 0;
  for (size_t index : order) {
    const TensorInfo& info = tensors[index];
    auto size = ByteSize(info.dtype, info.shape);
    if (!size.ok()) return size.status().WithContext("tensor " + Quoted(info.name));
    header.entries.push_back({info.name, info.dtype, info.shape, at, at + *size});
    at += *size;
    names.push_back(info.name);
  }
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return InvalidArgument("two tensors are named " + Quoted(*twice));
  return header;
}

}  // namespace

Status Write(const std::string& path, const std::vector<TensorInfo>& tensors,
             const formats::TensorProvider& read, const Metadata& metadata) {
  const std::vector<size_t> order = FileOrder(tensors);
  auto header = MakeHeader(tensors, order, metadata);
  if (!header.ok()) return header.status().WithContext(path);
  auto bytes = FormatHeader(*header);
  if (!bytes.ok()) return bytes.status().WithContext(path);
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  MS_RETURN_IF_ERROR(file.Append(*bytes));
  for (size_t index : order) {
    auto tensor = formats::ReadAsTold(tensors[index], read, index);
    if (!tensor.ok()) return tensor.status().WithContext(path);
    MS_RETURN_IF_ERROR(file.Append(tensor->data(), tensor->byte_size()));
  }
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

}  // namespace midstream::safetensors

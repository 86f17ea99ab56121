#include "core/formats/safetensors/writer.h"

#include <algorithm>
#include <numeric>
#include <optional>

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

Status WriteTo(const Append& append, const std::vector<TensorInfo>& tensors,
               const formats::TensorProvider& read, const Metadata& metadata) {
  const std::vector<size_t> order = FileOrder(tensors);
  MS_ASSIGN_OR_RETURN(const Header header, MakeHeader(tensors, order, metadata));
  MS_ASSIGN_OR_RETURN(const std::string bytes, FormatHeader(header));
  MS_RETURN_IF_ERROR(append(bytes.data(), bytes.size()));
  for (size_t index : order) {
    MS_ASSIGN_OR_RETURN(const Tensor tensor, formats::ReadAsTold(tensors[index], read, index));
    MS_RETURN_IF_ERROR(append(tensor.data(), tensor.byte_size()));
  }
  return OkStatus();
}

Status Write(const std::string& path, const std::vector<TensorInfo>& tensors,
             const formats::TensorProvider& read, const Metadata& metadata) {
  std::optional<FileReplacement> file;  // made when there is something to write
  Status of_file;                       // names the path already
  const auto append = [&](const void* data, size_t size) -> Status {
    if (!file) {
      auto begun = FileReplacement::Begin(path);
      if (!begun.ok()) return of_file = begun.status();
      file = *std::move(begun);
    }
    return of_file = file->Append(data, size);
  };
  const Status written = WriteTo(append, tensors, read, metadata);
  if (!written.ok()) return of_file.ok() ? written.WithContext(path) : of_file;
  MS_RETURN_IF_ERROR(file->Sync());
  return file->Publish();
}

}  // namespace midstream::safetensors

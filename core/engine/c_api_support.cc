#include "core/engine/c_api_support.h"

#include <algorithm>
#include <cstring>

namespace midstream::capi {

midstream_code Fail(const Status& status, midstream_error* error) {
  const auto code = static_cast<midstream_code>(status.code());
  if (error == nullptr) return code;
  error->code = code;
  const std::string_view message = status.message();
  const size_t size = std::min(message.size(), sizeof(error->message) - 1);
  std::memcpy(error->message, message.data(), size);
  error->message[size] = '\0';
  return code;
}

Status NotNull(const void* pointer, const char* what) {
  if (pointer != nullptr) return OkStatus();
  return InvalidArgument(std::string(what) + " is NULL");
}

Result<std::vector<std::string>> Texts(const char* const* texts, size_t count, const char* what) {
  std::vector<std::string> result;
  if (count > 0) MS_RETURN_IF_ERROR(NotNull(texts, what));
  for (size_t i = 0; i < count; ++i) {
    MS_RETURN_IF_ERROR(NotNull(texts[i], what));
    result.emplace_back(texts[i]);
  }
  return result;
}

midstream_dtype ToC(DType dtype) {
  const ms_dtype abi = ToAbi(dtype);
  return abi.code << 8 | abi.bits;
}

static DType FromC(midstream_dtype dtype) {
  if (dtype < 0 || dtype > 0xffff) return DType::kInvalid;
  return FromAbi({static_cast<uint8_t>(dtype >> 8), static_cast<uint8_t>(dtype & 0xff), 1});
}

Result<NamedTensor> Borrow(const midstream_tensor& tensor) {
  MS_RETURN_IF_ERROR(NotNull(tensor.name, "the name of a tensor"));
  const std::string prefix = "tensor '" + std::string(tensor.name) + "': ";
  const DType dtype = FromC(tensor.dtype);
  if (dtype == DType::kInvalid) {
    return InvalidArgument(prefix + "unknown dtype " + std::to_string(tensor.dtype));
  }
  if (tensor.rank > 0) MS_RETURN_IF_ERROR(NotNull(tensor.shape, "the shape of a tensor"));
  Shape shape(std::vector<int64_t>(tensor.shape, tensor.shape + tensor.rank));
  MS_ASSIGN_OR_RETURN(const size_t bytes, ByteSize(dtype, shape));
  if (tensor.byte_size != bytes) {
    return InvalidArgument(prefix + "byte_size is " + std::to_string(tensor.byte_size) + ", but " +
                           std::string(DTypeName(dtype)) + shape.ToString() + " has " +
                           std::to_string(bytes));
  }
  if (bytes > 0) MS_RETURN_IF_ERROR(NotNull(tensor.data, "the data of a tensor"));
  return NamedTensor{tensor.name, Tensor::Wrap(dtype, std::move(shape), tensor.data, nullptr)};
}

Result<std::vector<NamedTensor>> BorrowAll(const midstream_tensor* tensors, size_t count) {
  if (count > 0) MS_RETURN_IF_ERROR(NotNull(tensors, "inputs"));
  std::vector<NamedTensor> named;
  for (size_t i = 0; i < count; ++i) {
    MS_ASSIGN_OR_RETURN(NamedTensor tensor, Borrow(tensors[i]));
    named.push_back(std::move(tensor));
  }
  return named;
}

Status CopyText(const std::string& text, char* buffer, size_t capacity, size_t* size) {
  MS_RETURN_IF_ERROR(NotNull(size, "size"));
  if (capacity > 0) MS_RETURN_IF_ERROR(NotNull(buffer, "buffer"));
  *size = text.size() + 1;
  if (capacity < *size) {
    return ResourceExhausted("the text has " + std::to_string(*size) + " bytes, the buffer " +
                             std::to_string(capacity));
  }
  std::memcpy(buffer, text.c_str(), *size);
  return OkStatus();
}

Status SpecAt(const std::vector<TensorSpec>& specs, size_t index, midstream_spec* out) {
  MS_RETURN_IF_ERROR(NotNull(out, "out"));
  if (index >= specs.size()) {
    return OutOfRange("index " + std::to_string(index) + " of " + std::to_string(specs.size()));
  }
  const TensorSpec& spec = specs[index];
  const bool known = spec.shape.rank_known();
  *out = {spec.name.c_str(), known ? spec.shape.dims().data() : nullptr,
          known ? static_cast<int32_t>(spec.shape.rank()) : -1, ToC(spec.dtype)};
  return OkStatus();
}

}  // namespace midstream::capi

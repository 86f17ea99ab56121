#include "core/engine/dlpack.h"

#include <vector>

namespace midstream {
namespace {

bool IsContiguous(const DLTensor& tensor) {
  if (tensor.strides == nullptr) return true;
  int64_t expected = 1;
  for (int axis = tensor.ndim - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

}  // namespace

Result<Tensor> FromDLPack(DLManagedTensor* managed) {
  const DLTensor& tensor = managed->dl_tensor;
  if (tensor.device.device_type != kDLCPU) {
    return InvalidArgument("the DLPack tensor is on a device of type " +
                           std::to_string(tensor.device.device_type) +
                           ", expected host memory (1)");
  }
  const DType dtype = FromAbi({tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes});
  if (dtype == DType::kInvalid) {
    return InvalidArgument("the DLPack tensor has a dtype that there is not: code " +
                           std::to_string(tensor.dtype.code) + ", " +
                           std::to_string(tensor.dtype.bits) + " bits, " +
                           std::to_string(tensor.dtype.lanes) + " lanes");
  }
  if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    return InvalidArgument("the DLPack tensor has no shape");
  }
  Shape shape(std::vector<int64_t>(tensor.shape, tensor.shape + tensor.ndim));
  MS_ASSIGN_OR_RETURN(const size_t bytes, ByteSize(dtype, shape));
  if (!IsContiguous(tensor)) return InvalidArgument("the DLPack tensor is not contiguous");
  if (bytes > 0 && tensor.data == nullptr) return InvalidArgument("the DLPack tensor has no data");
  const std::shared_ptr<const void> owner(managed, [](DLManagedTensor* taken) {
    if (taken->deleter != nullptr) taken->deleter(taken);
  });
  const auto* data = static_cast<const std::byte*>(tensor.data);
  return Tensor::Wrap(dtype, std::move(shape), data == nullptr ? data : data + tensor.byte_offset,
                      owner);
}

}  // namespace midstream

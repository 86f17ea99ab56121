// The tensors of an object that torch.package pickled: a torch.nn.Module or a dict of tensors, under
// the names of its state_dict().
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_TORCH_TENSORS_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_TORCH_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/package/pickle.h"
#include "core/graph/tensor.h"

namespace midstream::package {

// A view of a storage: elements, not bytes.
struct TorchTensor {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
  std::vector<int64_t> stride;  // one a dimension, none negative
  std::string storage;          // key
  int64_t storage_count = 0;    // elements of the storage
  int64_t offset = 0;
};

// In the order of state_dict(). What the tensors say is consistent: every element lies in the storage,
// and there are no more of them than it has. Empty: the object holds no tensors in this way. Errors:
// DATA_LOSS or UNIMPLEMENTED naming the tensor, as for one of a dtype that the engine does not have.
Result<std::vector<TorchTensor>> FindTorchTensors(const Pickle& pickle);

// The tensor in row-major order. Errors: DATA_LOSS when the storage has another size.
Result<Tensor> GatherTorchTensor(const TorchTensor& tensor, std::string_view storage);

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_TORCH_TENSORS_H_

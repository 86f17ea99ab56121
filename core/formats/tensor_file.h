// TensorFile: a file of named tensors, or a folder that stands for one, whatever its format, read one
// tensor at a time.
//
// Opening one validates all that it says about its tensors against the bytes that are there; memory
// is taken for the tensors that are read. Files are read in place: one that is written to meanwhile
// is reported, since its tensors would be of two versions. One that is replaced is not noticed: the
// old file is read to its end.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_TENSOR_FILE_H_
#define MIDSTREAM_CORE_FORMATS_TENSOR_FILE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

class TensorFile {
 public:
  virtual ~TensorFile() = default;
  virtual const std::string& path() const = 0;
  // Each name once.
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // The value of tensors()[index]. Errors: DATA_LOSS; UNIMPLEMENTED; RESOURCE_EXHAUSTED.
  virtual Result<Tensor> Read(size_t index) const = 0;
  // Rows [begin, begin + count) of axis 0 of tensors()[index], for tensors that are too large to hold
  // whole. Whoever reads them in increasing order reads no byte of the file twice; memory is taken
  // for the rows, unless the format has no other way than to read all of them. Errors: as Read;
  // INVALID_ARGUMENT for a scalar and for rows that the tensor does not have.
  virtual Result<Tensor> ReadRows(size_t index, int64_t begin, int64_t count) const;
};

// The shape of `count` rows of `info` from `begin` on. Errors: INVALID_ARGUMENT as ReadRows, naming
// the tensor.
Result<Shape> RowsShape(const TensorInfo& info, int64_t begin, int64_t count);

// What a format that is written one tensor at a time asks for: the value of the tensor `index` of a
// list, with the dtype and shape that the list gives.
using TensorProvider = std::function<Result<Tensor>(size_t index)>;

// Asks `read` and holds it to `info`. Errors: those of `read`, naming the tensor; INTERNAL.
Result<Tensor> ReadAsTold(const TensorInfo& info, const TensorProvider& read, size_t index);

// Whether the name of `path` is that of a .safetensors or .npz file.
bool IsTensorFileName(const std::string& path);

// Whether `path` has such a name or that of a package, or is the folder of an Orbax checkpoint.
bool IsTensorFile(const std::string& path);

// Opens an Orbax checkpoint, or a file by the end of its name: .safetensors, .npz or .mspkg. Errors: NOT_FOUND; INVALID_ARGUMENT
// for another name; DATA_LOSS; UNIMPLEMENTED naming a tensor whose dtype the engine does not have.
Result<std::unique_ptr<TensorFile>> OpenTensorFile(const std::string& path);

enum class TensorFormat { kSafetensors, kNpz };

// The same for a file whose name does not say what it is; messages call it `name`.
Result<std::unique_ptr<TensorFile>> OpenTensorFile(const std::string& path, TensorFormat format,
                                                   const std::string& name);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_TENSOR_FILE_H_

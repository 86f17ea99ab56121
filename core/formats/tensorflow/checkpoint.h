// Checkpoint: named tensors on the disk, in either format that TensorFlow's Savers wrote.
//
// A tensor may be stored whole or as slices (the parts of a partitioned variable), and may be read
// whole or in parts, whatever the way it is stored. Opening a checkpoint validates all that its
// index says: shapes, types, positions, and that the slices of a tensor cover it exactly.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/slice_key.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

struct StoredSlice {
  Box box;
  std::string key;  // of the row that holds it
};

struct StoredTensor {
  int64_t type = 0;  // tensorflow.DataType; the engine may not know it
  Shape shape;
  std::vector<StoredSlice> slices;  // empty: stored whole, under its name
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  // Opens what `path` names: a prefix of either format, one of the files behind it, or a pattern
  // "P-?????-of-00002". Errors: NOT_FOUND saying what was looked for; DATA_LOSS naming file and
  // tensor; UNIMPLEMENTED for a version or byte order that cannot be read.
  static Result<std::unique_ptr<Checkpoint>> Open(const std::string& path);

  // The file, or one of the files, that lists the tensors; for messages.
  virtual const std::string& path() const = 0;
  // nullptr when the checkpoint has no such tensor.
  virtual const StoredTensor* Find(std::string_view key) const = 0;
  virtual std::vector<std::string_view> keys() const = 0;  // sorted

  // For reading from now on; call it before other threads do.
  void set_services(formats::ReadServices services) { services_ = std::move(services); }

  // The tensor, or the elements of it that lie in `box`. Errors: NOT_FOUND for an unknown key;
  // DATA_LOSS for a checksum that does not match; UNIMPLEMENTED for a type that the engine does not
  // have; INVALID_ARGUMENT for a box that is not inside the tensor.
  Result<Tensor> Read(std::string_view key, bool verify_checksum = true) const;
  Result<Tensor> ReadPart(std::string_view key, const Box& box, bool verify_checksum = true) const;

 protected:
  // What one row holds. `key` is the name of a tensor that is stored whole, or that of a slice, of
  // which dtype and shape are given. Requires: a type that the engine has.
  virtual Result<Tensor> ReadRow(std::string_view key, DType dtype, const Shape& shape,
                                 bool verify_checksum) const = 0;
  const formats::ReadServices& services() const { return services_; }

 private:
  formats::ReadServices services_;
};

// Checks a VersionDef. Errors: DATA_LOSS; UNIMPLEMENTED when this reader is too old.
Status CheckFormatVersion(std::string_view bytes);

// Checks that the boxes of `tensor` cover it, each element once. Errors: DATA_LOSS.
Status CheckSlices(const StoredTensor& tensor);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_H_

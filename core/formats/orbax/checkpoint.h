// Orbax checkpoints as openpi writes them: a folder with a tree of named arrays.
//
// Names of tensors are their paths in the tree, joined by "/", without the root "params" and without
// the ending "value" of training checkpoints. Opening reads the index and checks where every chunk
// lies; values are decoded when they are read. Chunks have no checksums, unless their zstd frames do,
// so damage within them is not always noticed: openpi does not notice it either.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_CHECKPOINT_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "core/formats/orbax/array.h"
#include "core/formats/tensor_file.h"

namespace midstream::orbax {

// The folder below `path` that holds the arrays: `path` itself, its `params`, or `params/params`
// (hand copies). Empty: there is none.
std::string FindParams(const std::string& path);

class Checkpoint : public formats::TensorFile {
 public:
  // Of a folder in which FindParams finds one. Errors: NOT_FOUND, DATA_LOSS, UNIMPLEMENTED, naming
  // file and key.
  static Result<std::unique_ptr<formats::TensorFile>> Open(const std::string& path);

  const std::string& path() const override { return shared_->path; }
  const std::vector<formats::TensorInfo>& tensors() const override { return tensors_; }
  Result<Tensor> Read(size_t index) const override { return arrays_[index]->Read(); }
  Result<Tensor> ReadRows(size_t index, int64_t begin, int64_t count) const override;

 private:
  Checkpoint() = default;

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::vector<formats::TensorInfo> tensors_;
  std::vector<std::unique_ptr<Array>> arrays_;  // parallel to tensors_
};

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_CHECKPOINT_H_

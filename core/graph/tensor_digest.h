// The digest of a set of named tensors: equal for equal names, dtypes, shapes and bytes, whatever
// file, format or process holds them.
//
// A tensor's digest is the SHA-256 of its bytes, row-major and little endian. The digest of a set is
// the SHA-256 of, for each tensor in the order of its name's bytes:
//
//   length of the name, the name, length of the dtype's name, that name ("float32"),
//   number of dimensions, each dimension, the tensor's digest (32 bytes)
//
// where every number is eight bytes, the least significant first (docs/weights.md).
#ifndef MIDSTREAM_CORE_GRAPH_TENSOR_DIGEST_H_
#define MIDSTREAM_CORE_GRAPH_TENSOR_DIGEST_H_

#include <map>
#include <string>

#include "core/base/sha256.h"
#include "core/graph/tensor.h"

namespace midstream {

class SetDigest {
 public:
  // Returns the tensor's own digest. In any order. Requires: each name once, without ":0". Errors:
  // as Sha256::Finish.
  Result<Sha256Digest> Add(const std::string& name, const Tensor& tensor);
  Result<Sha256Digest> Finish() const;

 private:
  struct Row {
    DType dtype;
    Shape shape;
    Sha256Digest digest;
  };
  std::map<std::string, Row> rows_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_TENSOR_DIGEST_H_

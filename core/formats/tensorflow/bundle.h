// Bundle: a checkpoint in TensorFlow's V2 format, `P.index` and its `P.data-SSSSS-of-NNNNN`.
//
// Every entry of the index is validated when the bundle is opened, so that reading a tensor can
// trust shape, size and position; the bytes are checked against their checksum each time they are
// read. Only the tensors that are asked for are read: optimizer state stays on the disk.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/checkpoint.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

// The entry of a sliced tensor only lists the slices, which are entries of their own.
struct BundleEntry : StoredTensor {
  size_t shard = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t masked_crc = 0;
};

class Bundle : public Checkpoint {
 public:
  // Errors: NOT_FOUND for a missing index or shard; DATA_LOSS naming file and tensor;
  // UNIMPLEMENTED for a version or byte order that cannot be read.
  static Result<Bundle> Open(const std::string& prefix);

  const std::string& path() const override { return index_path_; }
  const std::map<std::string, BundleEntry, std::less<>>& entries() const { return entries_; }
  const BundleEntry* Find(std::string_view key) const override;
  std::vector<std::string_view> keys() const override;

 protected:
  Result<Tensor> ReadRow(std::string_view key, DType dtype, const Shape& shape,
                         bool verify_checksum) const override;

 private:
  Status ReadHeader(std::string_view bytes, int64_t* shard_count) const;
  Status OpenShards(const std::string& prefix, int64_t count);
  // Slices are rows of their own, so their keys are no longer than `*slice_keys_room`, all rows'.
  Status AddEntry(const std::string& key, std::string_view bytes, size_t* slice_keys_room);
  Status CheckEntry(const BundleEntry& entry) const;
  Status CheckSlicedTensor(const BundleEntry& entry) const;
  Status CheckSizes() const;

  std::string index_path_;
  std::vector<formats::File> shards_;
  std::map<std::string, BundleEntry, std::less<>> entries_;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_H_

// Bundle: a checkpoint in TensorFlow's V2 format, `P.index` and its `P.data-SSSSS-of-NNNNN`.
//
// Every entry of the index is validated when the bundle is opened, so that reading a tensor can
// trust shape, size and position; the bytes are checked against their checksum each time they are
// read. Only the tensors that are asked for are read: optimizer state stays on the disk.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/table.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

struct BundleEntry {
  int64_t type = 0;  // tensorflow.DataType; the engine may not know it
  Shape shape;
  size_t shard = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t masked_crc = 0;
  std::vector<std::string_view> slices;  // TensorSliceProto; not empty: the bytes are elsewhere
};

class Bundle {
 public:
  // Errors: NOT_FOUND for a missing index or shard; DATA_LOSS naming file and tensor;
  // UNIMPLEMENTED for a version or byte order that cannot be read.
  static Result<Bundle> Open(const std::string& prefix);

  const std::string& index_path() const { return index_path_; }
  const std::map<std::string, BundleEntry, std::less<>>& entries() const { return entries_; }
  // nullptr when the checkpoint has no such tensor.
  const BundleEntry* Find(std::string_view key) const;

  // Errors: NOT_FOUND for an unknown key; DATA_LOSS for a checksum that does not match;
  // UNIMPLEMENTED for a type that the engine does not have.
  Result<Tensor> Read(std::string_view key, bool verify_checksum = true) const;

 private:
  struct Header {
    int64_t shard_count = 0;
    int64_t endianness = 0;
    int64_t min_consumer = 0;
    int64_t producer = 0;
    std::vector<int64_t> bad_consumers;
  };

  Status ReadHeader(std::string_view bytes, Header* header) const;
  Status OpenShards(const std::string& prefix, int64_t count);
  Status AddEntry(const std::string& key, std::string_view bytes);
  Status CheckEntry(const std::string& key, const BundleEntry& entry) const;

  std::string index_path_;
  std::vector<formats::File> shards_;
  TableRows rows_;  // owns the bytes behind the views in entries_
  std::map<std::string, BundleEntry, std::less<>> entries_;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_H_

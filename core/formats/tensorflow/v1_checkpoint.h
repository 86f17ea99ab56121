// V1Checkpoint: a checkpoint in the format of Savers before TensorFlow 0.12 and of
// Saver(write_version=V1): tables whose rows are the values themselves, SavedTensorSlices messages.
//
// Each shard lists its own slices under the key ""; a tensor's slices may lie in several shards.
// Blocks are read when a tensor is, each against its checksum.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_V1_CHECKPOINT_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_V1_CHECKPOINT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/checkpoint.h"
#include "core/formats/tensorflow/table.h"

namespace midstream::tensorflow {

class V1Checkpoint : public Checkpoint {
 public:
  // `paths` are all shards. Errors: NOT_FOUND; DATA_LOSS naming file and tensor; UNIMPLEMENTED.
  static Result<V1Checkpoint> Open(const std::vector<std::string>& paths);

  const std::string& path() const override { return tables_[0].path(); }
  const StoredTensor* Find(std::string_view key) const override;
  std::vector<std::string_view> keys() const override;

 protected:
  Result<Tensor> ReadRow(std::string_view key, DType dtype, const Shape& shape,
                         bool verify_checksum) const override;

 private:
  Status AddShard(size_t shard);
  // Each slice is a row whose key holds the name again: `*slice_keys_room` bytes at most.
  Status AddTensor(size_t shard, std::string_view meta, uint64_t* slice_keys_room);
  Status CheckTensors() const;

  std::vector<Table> tables_;
  std::map<std::string, StoredTensor, std::less<>> tensors_;
  std::map<std::string, size_t, std::less<>> shard_of_row_;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_V1_CHECKPOINT_H_

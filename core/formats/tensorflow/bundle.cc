#include "core/formats/tensorflow/bundle.h"

#include <cstdio>

#include "core/base/crc32c.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/table.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr int64_t kMostShards = 1024;  // each is an open file

std::string ShardPath(const std::string& prefix, int64_t shard, int64_t count) {
  char suffix[64];
  std::snprintf(suffix, sizeof(suffix), ".data-%05lld-of-%05lld", static_cast<long long>(shard),
                static_cast<long long>(count));
  return prefix + suffix;
}

struct RawEntry {
  BundleEntry entry;
  std::string_view shape;
  int64_t shard = 0;
  int64_t offset = 0;
  int64_t size = 0;
  std::vector<std::string_view> slices;  // TensorSliceProto
};

bool DecodeEntry(std::string_view bytes, RawEntry* raw) {
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        raw->entry.type = reader.signed_number();
        break;
      case 2:
        raw->shape = reader.bytes();
        break;
      case 3:
        raw->shard = reader.signed_number();
        break;
      case 4:
        raw->offset = reader.signed_number();
        break;
      case 5:
        raw->size = reader.signed_number();
        break;
      case 6:
        raw->entry.masked_crc = reader.fixed32();
        break;
      case 7:
        raw->slices.push_back(reader.bytes());
        break;
    }
  }
  return reader.ok();
}

Result<Tensor> AllocateTensor(DType dtype, const Shape& shape,
                              const formats::ReadServices& services) {
  if (!services.allocate) return Tensor::Allocate(dtype, shape);
  MS_ASSIGN_OR_RETURN(size_t size, ByteSize(dtype, shape));
  std::shared_ptr<void> memory = services.allocate(size);
  if (memory == nullptr) {
    return ResourceExhausted("out of memory: " + std::to_string(size) + " bytes for a tensor " +
                             shape.ToString());
  }
  const void* bytes = memory.get();
  return Tensor::Wrap(dtype, shape, bytes, std::move(memory));
}

}  // namespace

Result<Bundle> Bundle::Open(const std::string& prefix) {
  Bundle bundle;
  bundle.index_path_ = prefix + ".index";
  MS_ASSIGN_OR_RETURN(TableRows rows, ReadTable(bundle.index_path_));
  if (rows.empty() || !rows.front().first.empty()) {
    return DataLoss(bundle.index_path_ + " is not a checkpoint index: it has no header");
  }
  int64_t shard_count = 0;
  Status header = bundle.ReadHeader(rows.front().second, &shard_count);
  if (!header.ok()) return header.WithContext(bundle.index_path_);
  MS_RETURN_IF_ERROR(bundle.OpenShards(prefix, shard_count));
  size_t room = 0;
  for (const auto& [key, value] : rows) room += key.size();
  for (size_t i = 1; i < rows.size(); ++i) {
    Status status = bundle.AddEntry(rows[i].first, rows[i].second, &room);
    if (!status.ok()) {
      return status.WithContext(bundle.index_path_ + ": tensor " + Quoted(rows[i].first));
    }
  }
  for (const auto& [key, entry] : bundle.entries_) {
    Status status = bundle.CheckSlicedTensor(entry);
    if (!status.ok()) return status.WithContext(bundle.index_path_ + ": tensor " + Quoted(key));
  }
  MS_RETURN_IF_ERROR(bundle.CheckSizes());
  return bundle;
}

Status Bundle::ReadHeader(std::string_view bytes, int64_t* shard_count) const {
  int64_t endianness = 0;
  std::string_view version;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) *shard_count = reader.signed_number();
    if (reader.field() == 2) endianness = reader.signed_number();
    if (reader.field() == 3) version = reader.bytes();
  }
  if (!reader.ok()) return DataLoss("its header is malformed");
  MS_RETURN_IF_ERROR(CheckFormatVersion(version));
  if (endianness != 0) return Unimplemented("its data is big endian, which is not read");
  if (*shard_count < 1 || *shard_count > kMostShards) {
    return DataLoss("it names " + std::to_string(*shard_count) + " data files; expected 1 to " +
                    std::to_string(kMostShards));
  }
  return OkStatus();
}

Status Bundle::OpenShards(const std::string& prefix, int64_t count) {
  for (int64_t shard = 0; shard < count; ++shard) {
    auto file = formats::File::Open(ShardPath(prefix, shard, count));
    if (!file.ok()) return file.status().WithContext("a data file that " + index_path_ + " names");
    shards_.push_back(*std::move(file));
  }
  return OkStatus();
}

Status Bundle::AddEntry(const std::string& key, std::string_view bytes, size_t* slice_keys_room) {
  RawEntry raw;
  if (!DecodeEntry(bytes, &raw)) return DataLoss("it has a malformed entry");
  MS_ASSIGN_OR_RETURN(raw.entry.shape, DecodeShape(raw.shape));
  if (auto count = ElementCount(raw.entry.shape); !count.ok()) {
    return DataLoss(std::string(count.status().message()));
  }
  for (std::string_view slice : raw.slices) {
    MS_ASSIGN_OR_RETURN(std::vector<SliceExtent> extents, DecodeSlice(slice));
    MS_ASSIGN_OR_RETURN(Box box, ResolveSlice(extents, raw.entry.shape));
    std::string slice_key = SliceKey(key, extents);
    if (slice_key.size() > *slice_keys_room) return DataLoss("one of its slices is missing");
    *slice_keys_room -= slice_key.size();
    raw.entry.slices.push_back({std::move(box), std::move(slice_key)});
  }
  if (raw.entry.slices.empty()) {
    if (raw.shard < 0 || raw.shard >= static_cast<int64_t>(shards_.size())) {
      return DataLoss("it is said to be in data file " + std::to_string(raw.shard) + " of " +
                      std::to_string(shards_.size()));
    }
    if (raw.offset < 0 || raw.size < 0) return DataLoss("it has a negative position or size");
    raw.entry.shard = static_cast<size_t>(raw.shard);
    raw.entry.offset = static_cast<uint64_t>(raw.offset);
    raw.entry.size = static_cast<uint64_t>(raw.size);
    MS_RETURN_IF_ERROR(CheckEntry(raw.entry));
  }
  entries_.emplace(key, std::move(raw.entry));
  return OkStatus();
}

Status Bundle::CheckEntry(const BundleEntry& entry) const {
  const formats::File& shard = shards_[entry.shard];
  if (entry.offset > shard.size() || entry.size > shard.size() - entry.offset) {
    return DataLoss("its " + std::to_string(entry.size) + " bytes at " +
                    std::to_string(entry.offset) + " are not inside " + shard.path() +
                    ", which has " + std::to_string(shard.size()));
  }
  DType dtype = DTypeFromProto(entry.type);
  if (DTypeSize(dtype) == 0) return OkStatus();  // strings and such: refused when they are read
  auto expected = ByteSize(dtype, entry.shape);
  if (!expected.ok()) return DataLoss(std::string(expected.status().message()));
  if (*expected != entry.size) {
    return DataLoss("a " + std::string(DTypeName(dtype)) + " tensor " + entry.shape.ToString() +
                    " has " + std::to_string(*expected) + " bytes; its entry says " +
                    std::to_string(entry.size));
  }
  return OkStatus();
}

// Slices exist and are what the entry of the whole tensor says.
Status Bundle::CheckSlicedTensor(const BundleEntry& entry) const {
  if (entry.slices.empty()) return OkStatus();
  for (const StoredSlice& slice : entry.slices) {
    const BundleEntry* row = Find(slice.key);
    if (row == nullptr || !row->slices.empty()) return DataLoss("one of its slices is missing");
    if (row->type != entry.type || row->shape != BoxShape(slice.box)) {
      return DataLoss("one of its slices has another type or shape than it says");
    }
  }
  return CheckSlices(entry);
}

// No two tensors share bytes, so that reading all of them takes no more memory than the files.
Status Bundle::CheckSizes() const {
  std::vector<uint64_t> room;
  for (const formats::File& shard : shards_) room.push_back(shard.size());
  for (const auto& [key, entry] : entries_) {
    if (!entry.slices.empty()) continue;
    if (entry.size > room[entry.shard]) {
      return DataLoss(index_path_ + " lists tensors of more bytes than " +
                      shards_[entry.shard].path() + " has");
    }
    room[entry.shard] -= entry.size;
  }
  return OkStatus();
}

std::vector<std::string_view> Bundle::keys() const {
  std::vector<std::string_view> keys;
  keys.reserve(entries_.size());
  for (const auto& [key, unused] : entries_) keys.push_back(key);
  return keys;
}

const BundleEntry* Bundle::Find(std::string_view key) const {
  auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

Result<Tensor> Bundle::ReadRow(std::string_view key, DType dtype, const Shape& shape,
                               bool verify_checksum) const {
  const BundleEntry& entry = *Find(key);
  const formats::File& shard = shards_[entry.shard];
  MS_ASSIGN_OR_RETURN(Tensor tensor, AllocateTensor(dtype, shape, services()));
  MS_ASSIGN_OR_RETURN(uint32_t crc,
                      formats::ReadWithChecksum(shard, entry.offset, tensor.mutable_data(),
                                                tensor.byte_size(), verify_checksum, services()));
  if (verify_checksum && crc != UnmaskCrc32c(entry.masked_crc)) {
    return DataLoss(shard.path() + ": its bytes do not match their checksum");
  }
  return tensor;
}

}  // namespace midstream::tensorflow

#include "core/formats/tensorflow/bundle.h"

#include <algorithm>
#include <cstdio>

#include "core/base/crc32c.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr int64_t kReaderVersion = 1;
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
        raw->entry.slices.push_back(reader.bytes());
        break;
    }
  }
  return reader.ok();
}

}  // namespace

Result<Bundle> Bundle::Open(const std::string& prefix) {
  Bundle bundle;
  bundle.index_path_ = prefix + ".index";
  MS_ASSIGN_OR_RETURN(bundle.rows_, ReadTable(bundle.index_path_));
  if (bundle.rows_.empty() || !bundle.rows_.front().first.empty()) {
    return DataLoss(bundle.index_path_ + " is not a checkpoint index: it has no header");
  }
  Header header;
  MS_RETURN_IF_ERROR(bundle.ReadHeader(bundle.rows_.front().second, &header));
  MS_RETURN_IF_ERROR(bundle.OpenShards(prefix, header.shard_count));
  for (size_t i = 1; i < bundle.rows_.size(); ++i) {
    MS_RETURN_IF_ERROR(bundle.AddEntry(bundle.rows_[i].first, bundle.rows_[i].second));
  }
  return bundle;
}

Status Bundle::ReadHeader(std::string_view bytes, Header* header) const {
  std::string_view version;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) header->shard_count = reader.signed_number();
    if (reader.field() == 2) header->endianness = reader.signed_number();
    if (reader.field() == 3) version = reader.bytes();
  }
  WireReader fields(version);
  while (fields.Next()) {
    if (fields.field() == 1) header->producer = fields.enum_number();
    if (fields.field() == 2) header->min_consumer = fields.enum_number();
    if (fields.field() == 3) fields.AppendNumbers(&header->bad_consumers);
  }
  if (!reader.ok() || !fields.ok()) return DataLoss(index_path_ + ": its header is malformed");
  bool refused =
      std::count(header->bad_consumers.begin(), header->bad_consumers.end(), kReaderVersion) > 0;
  if (header->producer < 0 || header->min_consumer > kReaderVersion || refused) {
    return Unimplemented(index_path_ + " asks for a reader of version " +
                         std::to_string(header->min_consumer) + "; this one has version " +
                         std::to_string(kReaderVersion));
  }
  if (header->endianness != 0) {
    return Unimplemented(index_path_ + " says that its data is big endian, which is not read");
  }
  if (header->shard_count < 1 || header->shard_count > kMostShards) {
    return DataLoss(index_path_ + " names " + std::to_string(header->shard_count) +
                    " data files; expected 1 to " + std::to_string(kMostShards));
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

Status Bundle::AddEntry(const std::string& key, std::string_view bytes) {
  std::string where = index_path_ + ": tensor " + Quoted(key);
  RawEntry raw;
  if (!DecodeEntry(bytes, &raw)) return DataLoss(where + " has a malformed entry");
  auto shape = DecodeShape(raw.shape);
  if (!shape.ok()) return shape.status().WithContext(where);
  raw.entry.shape = *std::move(shape);
  if (auto count = ElementCount(raw.entry.shape); !count.ok()) {
    return DataLoss(where + ": " + std::string(count.status().message()));
  }
  if (!raw.entry.slices.empty()) {  // only describes the slices, which are entries of their own
    entries_.emplace(key, std::move(raw.entry));
    return OkStatus();
  }
  if (raw.shard < 0 || raw.shard >= static_cast<int64_t>(shards_.size())) {
    return DataLoss(where + " is said to be in data file " + std::to_string(raw.shard) + " of " +
                    std::to_string(shards_.size()));
  }
  if (raw.offset < 0 || raw.size < 0) {
    return DataLoss(where + " has a negative position or size");
  }
  raw.entry.shard = static_cast<size_t>(raw.shard);
  raw.entry.offset = static_cast<uint64_t>(raw.offset);
  raw.entry.size = static_cast<uint64_t>(raw.size);
  Status status = CheckEntry(key, raw.entry);
  if (!status.ok()) return status.WithContext(where);
  entries_.emplace(key, std::move(raw.entry));
  return OkStatus();
}

Status Bundle::CheckEntry(const std::string& key, const BundleEntry& entry) const {
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
                    " has " + std::to_string(*expected) + " bytes; the entry for " + Quoted(key) +
                    " says " + std::to_string(entry.size));
  }
  return OkStatus();
}

const BundleEntry* Bundle::Find(std::string_view key) const {
  auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

Result<Tensor> Bundle::Read(std::string_view key, bool verify_checksum) const {
  const BundleEntry* entry = Find(key);
  if (entry == nullptr) return NotFound(index_path_ + " has no tensor " + Quoted(key));
  std::string where = index_path_ + ": tensor " + Quoted(key);
  DType dtype = DTypeFromProto(entry->type);
  if (DTypeSize(dtype) == 0) {
    return Unimplemented(where + " has the type " + ProtoTypeName(entry->type) +
                         ", which cannot be a weight");
  }
  if (!entry->slices.empty()) {
    return Unimplemented(where + " is stored in " + std::to_string(entry->slices.size()) +
                         " slices and cannot be read as one tensor");
  }
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, entry->shape));
  const formats::File& shard = shards_[entry->shard];
  MS_RETURN_IF_ERROR(shard.ReadAt(entry->offset, tensor.mutable_data(), tensor.byte_size()));
  if (verify_checksum &&
      Crc32c(tensor.data(), tensor.byte_size()) != UnmaskCrc32c(entry->masked_crc)) {
    return DataLoss(shard.path() + ": the bytes of tensor " + Quoted(key) +
                    " do not match their checksum");
  }
  return tensor;
}

}  // namespace midstream::tensorflow

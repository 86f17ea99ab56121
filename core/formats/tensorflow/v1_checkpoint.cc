#include "core/formats/tensorflow/v1_checkpoint.h"

#include "core/formats/file.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/tensor_proto.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

// Field `field` of a message that has nothing else of interest.
Result<std::string_view> OneField(std::string_view bytes, uint32_t field) {
  std::string_view found;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == field) found = reader.bytes();
  }
  if (!reader.ok()) return DataLoss("a row is not a valid protobuf message");
  return found;
}

// SavedSliceMeta.
struct SliceMeta {
  std::string_view name;
  std::string_view shape;
  int64_t type = 0;
  std::vector<std::string_view> slices;
};

bool DecodeSliceMeta(std::string_view bytes, SliceMeta* meta) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) meta->name = reader.bytes();
    if (reader.field() == 2) meta->shape = reader.bytes();
    if (reader.field() == 3) meta->type = reader.signed_number();
    if (reader.field() == 4) meta->slices.push_back(reader.bytes());
  }
  return reader.ok();
}

}  // namespace

Result<V1Checkpoint> V1Checkpoint::Open(const std::vector<std::string>& paths) {
  V1Checkpoint checkpoint;
  for (const std::string& path : paths) {
    MS_ASSIGN_OR_RETURN(Table table, Table::Open(path));
    checkpoint.tables_.push_back(std::move(table));
    Status status = checkpoint.AddShard(checkpoint.tables_.size() - 1);
    if (!status.ok()) return status.WithContext(path);
  }
  MS_RETURN_IF_ERROR(checkpoint.CheckTensors());
  return checkpoint;
}

Status V1Checkpoint::AddShard(size_t shard) {
  MS_ASSIGN_OR_RETURN(TableValue row, tables_[shard].Get(""));
  if (row.block == nullptr) return DataLoss("it is no V1 checkpoint: it has no list of tensors");
  MS_ASSIGN_OR_RETURN(std::string_view meta, OneField(row.value, 1));
  uint64_t room = tables_[shard].file_size() * kLargestGrowth;
  WireReader reader(meta);
  while (reader.Next()) {
    if (reader.field() == 1) MS_RETURN_IF_ERROR(AddTensor(shard, reader.bytes(), &room));
    if (reader.field() == 2) MS_RETURN_IF_ERROR(CheckFormatVersion(reader.bytes()));
  }
  return reader.ok() ? OkStatus() : DataLoss("its list of tensors is malformed");
}

Status V1Checkpoint::AddTensor(size_t shard, std::string_view bytes, uint64_t* slice_keys_room) {
  SliceMeta meta;
  if (!DecodeSliceMeta(bytes, &meta)) return DataLoss("its list of tensors is malformed");
  std::string where = "tensor " + Quoted(meta.name);
  auto shape = DecodeShape(meta.shape);
  if (!shape.ok()) return shape.status().WithContext(where);
  if (auto count = ElementCount(*shape); !count.ok()) {
    return DataLoss(where + ": " + std::string(count.status().message()));
  }
  auto [it, fresh] = tensors_.try_emplace(std::string(meta.name));
  StoredTensor& tensor = it->second;
  if (fresh) {
    tensor.type = meta.type;
    tensor.shape = *shape;
  } else if (tensor.type != meta.type || tensor.shape != *shape) {
    return DataLoss(where + " has another type or shape than in another shard");
  }
  for (std::string_view encoded : meta.slices) {
    auto extents = DecodeSlice(encoded);
    if (!extents.ok()) return extents.status().WithContext(where);
    auto box = ResolveSlice(*extents, tensor.shape);
    if (!box.ok()) return box.status().WithContext(where);
    std::string key = SliceKey(meta.name, *extents);
    if (key.size() > *slice_keys_room) {
      return DataLoss(where + " has more slices than the file can hold");
    }
    *slice_keys_room -= key.size();
    if (!shard_of_row_.emplace(key, shard).second) {
      return DataLoss(where + " has a slice that is listed twice");
    }
    tensor.slices.push_back({*std::move(box), std::move(key)});
  }
  return OkStatus();
}

// A value takes at least a byte, so what the files can hold bounds what is ever allocated.
Status V1Checkpoint::CheckTensors() const {
  uint64_t room = 0;
  for (const Table& table : tables_) room += table.file_size() * kLargestGrowth;
  for (const auto& [name, tensor] : tensors_) {
    std::string where = path() + ": tensor " + Quoted(name);
    if (tensor.slices.empty()) return DataLoss(where + " has no slices");
    MS_ASSIGN_OR_RETURN(int64_t count, ElementCount(tensor.shape));
    if (static_cast<uint64_t>(count) > room) {
      return DataLoss(where + " has the shape " + tensor.shape.ToString() +
                      ", more than the file can hold");
    }
    room -= static_cast<uint64_t>(count);
    Status status = CheckSlices(tensor);
    if (!status.ok()) return status.WithContext(where);
  }
  return OkStatus();
}

std::vector<std::string_view> V1Checkpoint::keys() const {
  std::vector<std::string_view> keys;
  keys.reserve(tensors_.size());
  for (const auto& [key, unused] : tensors_) keys.push_back(key);
  return keys;
}

const StoredTensor* V1Checkpoint::Find(std::string_view key) const {
  auto it = tensors_.find(key);
  return it == tensors_.end() ? nullptr : &it->second;
}

Result<Tensor> V1Checkpoint::ReadRow(std::string_view key, DType dtype, const Shape& shape,
                                     bool /*verify_checksum*/) const {
  const Table& table = tables_[shard_of_row_.find(key)->second];
  MS_ASSIGN_OR_RETURN(TableValue row, table.Get(key));
  if (row.block == nullptr) {
    return DataLoss(table.path() + " lists it and does not hold it");
  }
  auto data = OneField(row.value, 2);
  if (data.ok()) data = OneField(*data, 3);
  if (!data.ok()) return data.status().WithContext(table.path());
  auto tensor = DecodeTensorValues(*data, dtype, shape);
  if (!tensor.ok()) return tensor.status().WithContext(table.path());
  return tensor;
}

}  // namespace midstream::tensorflow

#include "core/formats/tensorflow/bundle_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/file_replacement.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/checkpoint_state.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/table.h"
#include "core/formats/tensorflow/table_writer.h"
#include "core/formats/tensorflow/wire.h"
#include "core/formats/tensorflow/wire_writer.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;
using formats::TensorInfo;

constexpr int64_t kHighestType = 23;   // of tensorflow.DataType, without references
constexpr int64_t kProducer = 1;       // version of the format
constexpr int64_t kMostShards = 1024;  // as the reader allows
constexpr uint64_t kLargestState = uint64_t{16} << 20;

std::string ShardPath(const std::string& prefix, int64_t shard, int64_t count) {
  char suffix[64];
  std::snprintf(suffix, sizeof(suffix), ".data-%05lld-of-%05lld", static_cast<long long>(shard),
                static_cast<long long>(count));
  return prefix + suffix;
}

// 0: a checkpoint cannot hold it.
int64_t ProtoType(DType dtype) {
  for (int64_t type = 1; type <= kHighestType; ++type) {
    if (DTypeSize(dtype) > 0 && DTypeFromProto(type) == dtype) return type;
  }
  return 0;
}

// Data files of the checkpoint that is there; 0 when there is none that can be read.
int64_t OldShardCount(const std::string& prefix) {
  auto rows = ReadTable(prefix + ".index");
  if (!rows.ok() || rows->empty() || !rows->front().first.empty()) return 0;
  int64_t count = 0;
  WireReader reader(rows->front().second);
  while (reader.Next()) {
    if (reader.field() == 1) count = reader.signed_number();
  }
  return reader.ok() && count > 0 && count <= kMostShards ? count : 0;
}

std::string HeaderRow(int64_t shard_count) {
  std::string version;
  PutNumber(1, kProducer, &version);
  std::string header;
  PutNumber(1, shard_count, &header);
  PutBytes(3, version, &header);
  return header;
}

std::string EntryRow(const Tensor& tensor, uint64_t offset) {
  std::string shape;
  for (int64_t dim : tensor.shape().dims()) {
    std::string size;
    PutNumber(1, dim, &size);
    PutBytes(2, size, &shape);
  }
  std::string entry;
  PutNumber(1, ProtoType(tensor.dtype()), &entry);
  PutBytes(2, shape, &entry);
  PutNumber(4, static_cast<int64_t>(offset), &entry);
  PutNumber(5, static_cast<int64_t>(tensor.byte_size()), &entry);
  PutFixed32(6, MaskCrc32c(Crc32c(tensor.data(), tensor.byte_size())), &entry);
  return entry;
}

Result<std::vector<size_t>> KeyOrder(const std::vector<TensorInfo>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 0; i < order.size(); ++i) {
    const TensorInfo& info = tensors[order[i]];
    if (info.name.empty()) return InvalidArgument("a tensor has no name");
    if (i > 0 && tensors[order[i - 1]].name == info.name) {
      return InvalidArgument("two tensors are named " + Quoted(info.name));
    }
    if (ProtoType(info.dtype) == 0) {
      return InvalidArgument("tensor " + Quoted(info.name) + " is " +
                             std::string(DTypeName(info.dtype)) +
                             ", which is not written to checkpoints");
    }
  }
  return order;
}

// Appends the tensors to `data` and their rows to `rows`.
Status WriteTensors(const std::vector<TensorInfo>& tensors, const formats::TensorProvider& read,
                    FileReplacement* data, TableRows* rows) {
  MS_ASSIGN_OR_RETURN(std::vector<size_t> order, KeyOrder(tensors));
  uint64_t offset = 0;
  for (size_t index : order) {
    MS_ASSIGN_OR_RETURN(Tensor tensor, formats::ReadAsTold(tensors[index], read, index));
    MS_RETURN_IF_ERROR(data->Append(tensor.data(), tensor.byte_size()));
    rows->emplace_back(tensors[index].name, EntryRow(tensor, offset));
    offset += tensor.byte_size();
  }
  return data->Sync();
}

std::string QuotedPath(const std::string& path) {
  std::string text = "\"";
  for (char c : path) {
    char escape[8];
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escape, sizeof(escape), "\\%03o", static_cast<unsigned>(c));
      text += escape;
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace

Status WriteBundle(const std::string& prefix, const std::vector<TensorInfo>& tensors,
                   const formats::TensorProvider& read) {
  const int64_t old_count = OldShardCount(prefix);
  const int64_t count = old_count == 1 ? 2 : 1;
  TableRows rows = {{"", HeaderRow(count)}};
  std::vector<FileReplacement> shards;
  for (int64_t shard = 0; shard < count; ++shard) {
    MS_ASSIGN_OR_RETURN(auto file, FileReplacement::Begin(ShardPath(prefix, shard, count)));
    shards.push_back(std::move(file));
  }
  Status written = WriteTensors(tensors, read, &shards.front(), &rows);
  if (!written.ok()) return written.WithContext(prefix);
  if (count > 1) MS_RETURN_IF_ERROR(shards.back().Sync());
  MS_ASSIGN_OR_RETURN(auto index, FileReplacement::Begin(prefix + ".index"));
  MS_RETURN_IF_ERROR(index.Append(FormatTable(rows)));
  MS_RETURN_IF_ERROR(index.Sync());

  for (FileReplacement& shard : shards) MS_RETURN_IF_ERROR(shard.Publish());
  MS_RETURN_IF_ERROR(index.Publish());
  for (int64_t shard = 0; shard < old_count; ++shard) {
    ::unlink(ShardPath(prefix, shard, old_count).c_str());  // what stays does no harm
  }
  return OkStatus();
}

Status UpdateCheckpointState(const std::string& prefix) {
  const std::filesystem::path path(prefix);
  const std::string file = (path.parent_path() / "checkpoint").string();
  const std::string name = path.filename().string();
  CheckpointState state;
  if (formats::IsFile(file)) {
    MS_ASSIGN_OR_RETURN(std::string text, ReadFile(file, kLargestState));
    auto parsed = ParseCheckpointState(text);
    if (!parsed.ok()) return parsed.status().WithContext(file);
    state = *std::move(parsed);
  }
  std::string text = "model_checkpoint_path: " + QuotedPath(name) + "\n";
  for (const std::string& other : state.all) {
    if (other == name || other == prefix) continue;
    text += "all_model_checkpoint_paths: " + QuotedPath(other) + "\n";
  }
  text += "all_model_checkpoint_paths: " + QuotedPath(name) + "\n";
  MS_ASSIGN_OR_RETURN(FileReplacement replacement, FileReplacement::Begin(file));
  MS_RETURN_IF_ERROR(replacement.Append(text));
  MS_RETURN_IF_ERROR(replacement.Sync());
  return replacement.Publish();
}

}  // namespace midstream::tensorflow

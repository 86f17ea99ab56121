#include "core/formats/tensorflow/checkpoint.h"

#include <algorithm>

#include "core/formats/file.h"
#include "core/formats/tensorflow/bundle.h"
#include "core/formats/tensorflow/checkpoint_files.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/v1_checkpoint.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr int64_t kReaderVersion = 1;
constexpr size_t kMostSlices = 4096;  // each is compared with each

template <typename Format>
Result<std::unique_ptr<Checkpoint>> Boxed(Result<Format> checkpoint) {
  if (!checkpoint.ok()) return checkpoint.status();
  return std::unique_ptr<Checkpoint>(std::make_unique<Format>(*std::move(checkpoint)));
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::string& path) {
  MS_ASSIGN_OR_RETURN(CheckpointFiles files, FindCheckpointFiles(path));
  if (files.v1.empty()) return Boxed(Bundle::Open(files.prefix));
  return Boxed(V1Checkpoint::Open(files.v1));
}

Result<Tensor> Checkpoint::Read(std::string_view key, bool verify_checksum) const {
  const StoredTensor* stored = Find(key);
  if (stored == nullptr) return NotFound(path() + " has no tensor " + Quoted(key));
  return ReadPart(key, WholeBox(stored->shape), verify_checksum);
}

Result<Tensor> Checkpoint::ReadPart(std::string_view key, const Box& box,
                                    bool verify_checksum) const {
  const StoredTensor* stored = Find(key);
  if (stored == nullptr) return NotFound(path() + " has no tensor " + Quoted(key));
  std::string where = path() + ": tensor " + Quoted(key);
  DType dtype = DTypeFromProto(stored->type);
  if (DTypeSize(dtype) == 0) {
    return Unimplemented(where + " has the type " + ProtoTypeName(stored->type) +
                         ", which cannot be a weight");
  }
  if (!ResolveSlice(box, stored->shape).ok()) {
    return InvalidArgument(where + " has the shape " + stored->shape.ToString() +
                           "; the part that is wanted does not lie inside");
  }
  std::vector<StoredSlice> whole;
  if (stored->slices.empty()) whole.push_back({WholeBox(stored->shape), std::string(key)});
  const std::vector<StoredSlice>& slices = stored->slices.empty() ? whole : stored->slices;
  auto read = [&](const StoredSlice& slice) -> Result<Tensor> {
    auto row = ReadRow(slice.key, dtype, BoxShape(slice.box), verify_checksum);
    return row.ok() ? std::move(row) : row.status().WithContext("tensor " + Quoted(key));
  };
  for (const StoredSlice& slice : slices) {
    if (slice.box == box) return read(slice);
  }
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, BoxShape(box)));
  for (const StoredSlice& slice : slices) {
    if (!Intersect(slice.box, box, nullptr)) continue;
    MS_ASSIGN_OR_RETURN(Tensor part, read(slice));
    CopyOverlap(part, slice.box, box, &tensor);
  }
  return tensor;
}

Status CheckFormatVersion(std::string_view bytes) {
  int64_t producer = 0;
  int64_t min_consumer = 0;
  std::vector<int64_t> bad_consumers;
  WireReader fields(bytes);
  while (fields.Next()) {
    if (fields.field() == 1) producer = fields.enum_number();
    if (fields.field() == 2) min_consumer = fields.enum_number();
    if (fields.field() == 3) fields.AppendNumbers(&bad_consumers);
  }
  if (!fields.ok()) return DataLoss("its version is malformed");
  bool refused = std::count(bad_consumers.begin(), bad_consumers.end(), kReaderVersion) > 0;
  if (producer < 0 || min_consumer > kReaderVersion || refused) {
    return Unimplemented("it asks for a reader of version " + std::to_string(min_consumer) +
                         "; this one has version " + std::to_string(kReaderVersion));
  }
  return OkStatus();
}

Status CheckSlices(const StoredTensor& tensor) {
  if (tensor.slices.size() > kMostSlices) {
    return DataLoss("it has " + std::to_string(tensor.slices.size()) + " slices; at most " +
                    std::to_string(kMostSlices) + " are read");
  }
  MS_ASSIGN_OR_RETURN(int64_t missing, ElementCount(tensor.shape));
  for (size_t i = 0; i < tensor.slices.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (Intersect(tensor.slices[i].box, tensor.slices[k].box, nullptr)) {
        return DataLoss("its slices overlap");
      }
    }
    MS_ASSIGN_OR_RETURN(int64_t count, ElementCount(BoxShape(tensor.slices[i].box)));
    missing -= count;
  }
  return missing == 0 ? OkStatus() : DataLoss("its slices do not cover it");
}

}  // namespace midstream::tensorflow

#include "core/formats/orbax/array.h"

#include <algorithm>
#include <cstring>

namespace midstream::orbax {
namespace {

using formats::Quoted;

constexpr size_t kMostLayoutBytes = size_t{64} << 10;
constexpr int64_t kMostChunks = int64_t{1} << 20;
// A block of zstd has 128 KiB at most and four bytes at least.
constexpr uint64_t kMostExpansion = 32768;
constexpr size_t kMostFilled = size_t{256} << 20;  // of an array whose chunks are not all there
constexpr size_t kMostHeld = size_t{512} << 20;    // of a checkpoint's decoders, between calls

std::vector<int64_t> Strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size() - 1; axis > 0; --axis) {
    strides[axis - 1] = strides[axis] * shape[axis];
  }
  return strides;
}

void SwapBytes(std::byte* data, int64_t count, int64_t item) {
  for (int64_t i = 0; i < count; ++i) std::reverse(data + i * item, data + (i + 1) * item);
}

}  // namespace

// A chunk and what of the array it holds.
struct Array::Chunk {
  size_t number = 0;
  const Value* value = nullptr;  // null: missing
  std::vector<int64_t> origin;
  std::vector<int64_t> extent;  // less than the chunk's shape at the array's edge
  std::string name;
};

// Rows of the array, and where they go.
struct Array::Target {
  std::byte* data = nullptr;
  int64_t begin = 0;
  int64_t count = 0;
};

Result<std::unique_ptr<Array>> Array::Open(std::shared_ptr<Shared> shared, const std::string& key) {
  const std::string where = shared->path + ": array " + Quoted(key);
  auto value = shared->store->Find(key + "/.zarray");
  if (value.status().code() == Code::kNotFound) {
    return DataLoss(where +
                    " is listed in _METADATA and is not there; the copy of the checkpoint "
                    "is incomplete");
  }
  if (!value.ok()) return value.status().WithContext(shared->path);
  auto json = ReadValue(*value, kMostLayoutBytes);
  if (!json.ok()) return json.status().WithContext(where + ": .zarray");
  auto layout = ParseArrayLayout(*json);
  if (!layout.ok()) return layout.status().WithContext(where + ": .zarray");
  std::unique_ptr<Array> array(new Array(std::move(shared), key));
  array->layout_ = *std::move(layout);
  Status found = array->FindChunks();
  if (!found.ok()) return found.WithContext(where);
  return array;
}

Array::~Array() {
  for (const auto& [number, cursor] : cursors_) shared_->held -= cursor.memory;
}

Status Array::FindChunks() {
  shape_ = layout_.shape.rank() == 0 ? std::vector<int64_t>{1} : layout_.shape.dims();
  chunk_ = layout_.shape.rank() == 0 ? std::vector<int64_t>{1} : layout_.chunk;
  shape_strides_ = Strides(shape_);
  chunk_strides_ = Strides(chunk_);
  item_ = static_cast<int64_t>(DTypeSize(layout_.dtype));
  chunk_bytes_ = static_cast<uint64_t>(chunk_strides_[0] * chunk_[0] * item_);
  whole_ = shape_.size();
  while (whole_ > 0 && chunk_[whole_ - 1] == shape_[whole_ - 1]) --whole_;

  int64_t count = 1;
  for (size_t axis = 0; axis < shape_.size(); ++axis) {
    grid_.push_back(shape_[axis] / chunk_[axis] + (shape_[axis] % chunk_[axis] != 0));
    if (grid_[axis] != 0 && count > kMostChunks / grid_[axis]) {
      return DataLoss("has more than " + std::to_string(kMostChunks) + " chunks");
    }
    count *= grid_[axis];
  }
  bool all = true;
  chunks_.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < chunks_.size(); ++i) {
    const std::string name = ChunkAt(i).name;
    auto value = shared_->store->Find(key_ + "/" + name);
    if (value.status().code() == Code::kNotFound && !shared_->every_chunk) {
      all = false;
      continue;
    }
    if (value.status().code() == Code::kNotFound) {
      return DataLoss("its chunk " + name +
                      " is missing; the copy of the checkpoint is incomplete");
    }
    if (!value.ok()) return value.status();
    MS_RETURN_IF_ERROR(CheckChunk(name, *value));
    chunks_[i] = std::make_unique<const Value>(*std::move(value));
  }
  MS_ASSIGN_OR_RETURN(const size_t bytes, ByteSize(layout_.dtype, layout_.shape));
  if (layout_.column_major && chunk_bytes_ > std::max(bytes, kMostFilled)) {
    return DataLoss("has column-major chunks that are larger than the array");
  }
  if (all || bytes <= kMostFilled) return OkStatus();
  return DataLoss("has " + std::to_string(bytes) + " bytes and chunks that are missing");
}

Status Array::CheckChunk(const std::string& name, const Value& value) const {
  if (layout_.compressed ? chunk_bytes_ / kMostExpansion <= value.size : value.size == chunk_bytes_)
    return OkStatus();
  return DataLoss("its chunk " + name + " has " + std::to_string(value.size) +
                  " bytes, from which the " + std::to_string(chunk_bytes_) +
                  " of its shape cannot be made");
}

Array::Chunk Array::ChunkAt(size_t number) const {
  Chunk chunk{number, chunks_[number].get(), shape_, shape_, ""};
  auto rest = static_cast<int64_t>(number);
  for (size_t axis = shape_.size(); axis-- > 0;) {
    const int64_t index = rest % grid_[axis];
    rest /= grid_[axis];
    chunk.origin[axis] = index * chunk_[axis];
    chunk.extent[axis] = std::min(chunk_[axis], shape_[axis] - chunk.origin[axis]);
    const std::string text = std::to_string(index);
    chunk.name = chunk.name.empty() ? text : text + layout_.separator + chunk.name;
  }
  return chunk;
}

Result<Tensor> Array::Read() const {
  Cursors cursors;
  return ReadBand(0, shape_[0], &cursors);
}

Result<Tensor> Array::ReadRows(int64_t begin, int64_t count) const {
  std::lock_guard lock(mutex_);
  return ReadBand(begin, count, &cursors_);
}

Result<Tensor> Array::ReadBand(int64_t begin, int64_t count, Cursors* cursors) const {
  Shape shape = layout_.shape;
  if (shape.rank() != 0) shape.mutable_dims()[0] = count;
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(layout_.dtype, std::move(shape)));
  if (tensor.count() == 0) return tensor;
  const auto row_of_chunks = static_cast<int64_t>(chunks_.size()) / grid_[0];
  const auto first = static_cast<size_t>(begin / chunk_[0] * row_of_chunks);
  const auto end = static_cast<size_t>(((begin + count - 1) / chunk_[0] + 1) * row_of_chunks);
  for (auto at = cursors->begin(); at != cursors->end();) {
    at = at->first < first || at->first >= end ? Drop(at, cursors) : std::next(at);
  }
  const Target target{static_cast<std::byte*>(tensor.mutable_data()), begin, count};
  for (size_t number = first; number < end; ++number) {
    const Chunk chunk = ChunkAt(number);
    const Status read = ReadChunk(chunk, target, cursors);
    if (read.ok()) continue;
    if (auto at = cursors->find(number); at != cursors->end()) Drop(at, cursors);
    return read.WithContext(shared_->path + ": chunk " + Quoted(key_ + "/" + chunk.name));
  }
  return tensor;
}

Status Array::ReadChunk(const Chunk& chunk, const Target& target, Cursors* cursors) const {
  if (chunk.value != nullptr) {
    return layout_.column_major ? ReadColumnMajor(chunk, target)
                                : ReadRowMajor(chunk, target, cursors);
  }
  Chunk part = chunk;
  const int64_t end = std::min(target.begin + target.count, chunk.origin[0] + chunk.extent[0]);
  part.origin[0] = std::max(target.begin, chunk.origin[0]);
  part.extent[0] = end - part.origin[0];
  Fill(part, 0, Place(part, target));
  return OkStatus();
}

// Where the first element of `chunk` that the target has goes.
std::byte* Array::Place(const Chunk& chunk, const Target& target) const {
  int64_t at = (std::max(target.begin, chunk.origin[0]) - target.begin) * shape_strides_[0];
  for (size_t axis = 1; axis < shape_.size(); ++axis) {
    at += chunk.origin[axis] * shape_strides_[axis];
  }
  return target.data + at * item_;
}

Status Array::ReadRowMajor(const Chunk& chunk, const Target& target, Cursors* cursors) const {
  const int64_t first = std::max(target.begin - chunk.origin[0], int64_t{0});
  const int64_t end = std::min(target.begin + target.count - chunk.origin[0], chunk.extent[0]);
  MS_ASSIGN_OR_RETURN(const Cursors::iterator at, CursorAt(chunk, first, cursors));
  Cursor& cursor = at->second;
  std::byte* to = Place(chunk, target);
  if (whole_ <= 1) {
    MS_RETURN_IF_ERROR(ReadElements(to, (end - first) * chunk_strides_[0], cursor.stream.get()));
  } else {
    for (int64_t row = first; row < end; ++row, to += shape_strides_[0] * item_) {
      MS_RETURN_IF_ERROR(ReadRow(chunk, 1, to, cursor.stream.get()));
    }
  }
  cursor.row = end;
  if (end < chunk.extent[0]) {
    Keep(at, cursors);
    return OkStatus();
  }
  MS_RETURN_IF_ERROR(cursor.stream->Finish());
  Drop(at, cursors);
  return OkStatus();
}

Result<Array::Cursors::iterator> Array::CursorAt(const Chunk& chunk, int64_t row,
                                                 Cursors* cursors) const {
  auto at = cursors->find(chunk.number);
  if (at != cursors->end() && at->second.row > row) {
    Drop(at, cursors);
    at = cursors->end();
  }
  if (at == cursors->end()) {
    MS_ASSIGN_OR_RETURN(auto stream,
                        ChunkStream::Open(*chunk.value, layout_.compressed, chunk_bytes_));
    at = cursors->emplace(chunk.number, Cursor{std::move(stream), 0, 0}).first;
  }
  const auto rows = static_cast<uint64_t>(row - at->second.row);
  MS_RETURN_IF_ERROR(
      at->second.stream->Skip(rows * static_cast<uint64_t>(chunk_strides_[0] * item_)));
  return at;
}

void Array::Keep(Cursors::iterator at, Cursors* cursors) const {
  const size_t memory = at->second.stream->memory();
  shared_->held += memory - at->second.memory;
  at->second.memory = memory;
  if (shared_->held > kMostHeld) Drop(at, cursors);
}

Array::Cursors::iterator Array::Drop(Cursors::iterator at, Cursors* cursors) const {
  shared_->held -= at->second.memory;
  return cursors->erase(at);
}

// What follows of a chunk from `axis` on, at one position of the axes before it.
Status Array::ReadRow(const Chunk& chunk, size_t axis, std::byte* to, ChunkStream* stream) const {
  if (axis + 1 >= whole_) {
    MS_RETURN_IF_ERROR(ReadElements(to, chunk.extent[axis] * chunk_strides_[axis], stream));
  } else {
    for (int64_t i = 0; i < chunk.extent[axis]; ++i, to += shape_strides_[axis] * item_) {
      MS_RETURN_IF_ERROR(ReadRow(chunk, axis + 1, to, stream));
    }
  }
  const int64_t padding = (chunk_[axis] - chunk.extent[axis]) * chunk_strides_[axis];
  return stream->Skip(static_cast<uint64_t>(padding * item_));
}

Status Array::ReadElements(std::byte* to, int64_t count, ChunkStream* stream) const {
  MS_RETURN_IF_ERROR(stream->Read(to, static_cast<uint64_t>(count * item_)));
  return Convert(to, count);
}

// Makes the engine's elements of stored ones. A bool is 0 or 1; others would behave as none.
Status Array::Convert(std::byte* data, int64_t count) const {
  if (layout_.big_endian) SwapBytes(data, count, item_);
  if (layout_.dtype != DType::kBool) return OkStatus();
  const bool fine = std::all_of(data, data + count, [](std::byte b) { return b <= std::byte{1}; });
  return fine ? OkStatus() : DataLoss("has a value that is neither true nor false");
}

Status Array::ReadColumnMajor(const Chunk& chunk, const Target& target) const {
  MS_ASSIGN_OR_RETURN(Tensor decoded, Tensor::Allocate(layout_.dtype, Shape(chunk_)));
  MS_ASSIGN_OR_RETURN(auto stream,
                      ChunkStream::Open(*chunk.value, layout_.compressed, chunk_bytes_));
  auto* data = static_cast<std::byte*>(decoded.mutable_data());
  MS_RETURN_IF_ERROR(ReadElements(data, decoded.count(), stream.get()));
  MS_RETURN_IF_ERROR(stream->Finish());
  Chunk part = chunk;
  const int64_t first = std::max(target.begin - chunk.origin[0], int64_t{0});
  const int64_t end = std::min(target.begin + target.count - chunk.origin[0], chunk.extent[0]);
  part.extent[0] = end - first;
  Scatter(part, 0, data + first * item_, Place(chunk, target));
  return OkStatus();
}

// Puts a part of a column-major chunk in its place.
void Array::Scatter(const Chunk& part, size_t axis, const std::byte* from, std::byte* to) const {
  int64_t stride = item_;  // in the chunk, whose first axis is the innermost
  for (size_t before = 0; before < axis; ++before) stride *= chunk_[before];
  for (int64_t i = 0; i < part.extent[axis]; ++i) {
    if (axis + 1 == shape_.size()) {
      std::memcpy(to, from, static_cast<size_t>(item_));
    } else {
      Scatter(part, axis + 1, from, to);
    }
    from += stride;
    to += shape_strides_[axis] * item_;
  }
}

void Array::Fill(const Chunk& part, size_t axis, std::byte* to) const {
  for (int64_t i = 0; i < part.extent[axis]; ++i, to += shape_strides_[axis] * item_) {
    if (axis + 1 == shape_.size()) {
      std::memcpy(to, layout_.fill.data(), layout_.fill.size());
    } else {
      Fill(part, axis + 1, to);
    }
  }
}

}  // namespace midstream::orbax

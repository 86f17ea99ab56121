#include "core/formats/orbax/chunk_stream.h"

#include <algorithm>
#include <cstring>

namespace midstream::orbax {
namespace {

constexpr size_t kInput = size_t{256} << 10;
constexpr size_t kScratch = size_t{64} << 10;

}  // namespace

Result<std::unique_ptr<ChunkStream>> ChunkStream::Open(const Value& value, bool compressed,
                                                       uint64_t size) {
  std::unique_ptr<ChunkStream> stream(new ChunkStream(&value, size));
  if (value.file != nullptr) {
    MS_ASSIGN_OR_RETURN(stream->file_, value.file->Use());
  }
  if (compressed) {
    MS_ASSIGN_OR_RETURN(stream->decoder_, ZstdDecoder::Make());
  } else if (value.size != size) {
    return DataLoss("has " + std::to_string(value.size) + " bytes where its shape has " +
                    std::to_string(size));
  }
  return stream;
}

Status ChunkStream::Read(void* to, uint64_t size) {
  MS_RETURN_IF_ERROR(decoder_ ? ReadCompressed(static_cast<char*>(to), size)
                              : ReadStored(to, size));
  position_ += size;
  return OkStatus();
}

Status ChunkStream::ReadStored(void* to, uint64_t size) {
  if (size > value_->size - taken_) return DataLoss("ends too early");
  if (file_ == nullptr) {
    std::memcpy(to, value_->bytes.data() + taken_, size);
  } else {
    MS_RETURN_IF_ERROR(file_->ReadAt(value_->offset + taken_, to, size));
  }
  taken_ += size;
  return OkStatus();
}

Status ChunkStream::Refill() {
  buffer_.resize(static_cast<size_t>(std::min<uint64_t>(kInput, value_->size - taken_)));
  MS_RETURN_IF_ERROR(ReadStored(buffer_.data(), buffer_.size()));
  input_ = buffer_;
  return OkStatus();
}

Status ChunkStream::ReadCompressed(char* to, uint64_t size) {
  while (size > 0) {
    if (input_.empty()) MS_RETURN_IF_ERROR(Refill());
    MS_ASSIGN_OR_RETURN(const ZstdDecoder::Step step, decoder_->Decode(input_, to, size));
    if (input_.empty() && step.produced == 0) {
      return DataLoss("ends too early: it decompresses to less than the " + std::to_string(size_) +
                      " bytes that its shape has");
    }
    input_.remove_prefix(step.consumed);
    to += step.produced;
    size -= step.produced;
  }
  return OkStatus();
}

Status ChunkStream::Skip(uint64_t size) {
  if (!decoder_) {
    if (size > value_->size - taken_) return DataLoss("ends too early");
    taken_ += size;
    position_ += size;
    return OkStatus();
  }
  std::string scratch(static_cast<size_t>(std::min<uint64_t>(size, kScratch)), '\0');
  while (size > 0) {
    const uint64_t piece = std::min<uint64_t>(size, scratch.size());
    MS_RETURN_IF_ERROR(Read(scratch.data(), piece));
    size -= piece;
  }
  return OkStatus();
}

Status ChunkStream::Finish() {
  MS_RETURN_IF_ERROR(Skip(size_ - position_));
  if (!decoder_) return OkStatus();
  // What is left of the frame is its end, perhaps with a checksum.
  for (;;) {
    if (input_.empty()) MS_RETURN_IF_ERROR(Refill());
    char more;
    MS_ASSIGN_OR_RETURN(const ZstdDecoder::Step step, decoder_->Decode(input_, &more, 1));
    if (step.produced > 0) {
      return DataLoss("decompresses to more than the " + std::to_string(size_) +
                      " bytes that its shape has");
    }
    if (step.consumed == 0) break;
    input_.remove_prefix(step.consumed);
  }
  return decoder_->at_frame_end() ? OkStatus() : DataLoss("ends within a frame");
}

size_t ChunkStream::memory() const {
  return buffer_.capacity() + (decoder_ ? decoder_->memory() : 0);
}

}  // namespace midstream::orbax

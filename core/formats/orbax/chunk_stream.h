// ChunkStream: the decoded bytes of one chunk from its first on, once. It holds what the
// decompressor needs and no chunk, so that arrays of gigabytes in few chunks are read by rows.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_CHUNK_STREAM_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_CHUNK_STREAM_H_

#include <memory>
#include <optional>
#include <string>

#include "core/formats/file.h"
#include "core/formats/orbax/store.h"
#include "core/formats/orbax/zstd.h"

namespace midstream::orbax {

class ChunkStream {
 public:
  // Of the stored `value`, which must outlive the stream and decodes to `size` bytes. Errors: those
  // of DataFile::Use; DATA_LOSS when an uncompressed value has another size.
  static Result<std::unique_ptr<ChunkStream>> Open(const Value& value, bool compressed,
                                                   uint64_t size);

  // The next bytes. Errors: DATA_LOSS without a name.
  Status Read(void* to, uint64_t size);
  Status Skip(uint64_t size);
  // Reads the rest and checks that the value ends there.
  Status Finish();
  size_t memory() const;  // that it holds, in bytes

 private:
  ChunkStream(const Value* value, uint64_t size) : value_(value), size_(size) {}

  Status ReadStored(void* to, uint64_t size);
  Status ReadCompressed(char* to, uint64_t size);
  Status Refill();

  const Value* value_;
  uint64_t size_;
  uint64_t position_ = 0;  // in the decoded bytes
  uint64_t taken_ = 0;     // of the stored bytes
  std::shared_ptr<const formats::File> file_;
  std::optional<ZstdDecoder> decoder_;
  std::string buffer_;
  std::string_view input_;  // of buffer_, not yet decoded
};

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_CHUNK_STREAM_H_

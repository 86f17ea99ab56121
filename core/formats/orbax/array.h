// Array: one array of a checkpoint, in chunks of a Store, read whole or by rows.
//
// Rows that are read in increasing order decode each chunk once: where a chunk's decoder stands is
// kept between calls. Rows before that start over. Arrays whose chunks are in column-major order are
// decoded chunk by chunk.
//
// Threads: const methods may be called by several threads at once; ReadRows takes turns.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_ARRAY_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_ARRAY_H_

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/orbax/chunk_stream.h"
#include "core/formats/orbax/store.h"
#include "core/formats/orbax/zarr.h"
#include "core/graph/tensor.h"

namespace midstream::orbax {

// What an array shares with the others of its checkpoint.
struct Shared {
  std::unique_ptr<const Store> store;
  std::string path;             // of the checkpoint, for messages
  bool every_chunk = false;     // a chunk that is missing is not one of fill values, but lost
  std::atomic<size_t> held{0};  // bytes of decoders kept between calls
};

class Array {
 public:
  // Its chunks are found, not read. `key` is that of the array in the store. Errors: DATA_LOSS,
  // UNIMPLEMENTED, naming checkpoint and key.
  static Result<std::unique_ptr<Array>> Open(std::shared_ptr<Shared> shared,
                                             const std::string& key);
  ~Array();

  DType dtype() const { return layout_.dtype; }
  const Shape& shape() const { return layout_.shape; }

  Result<Tensor> Read() const;
  // Requires: the array is no scalar and has these rows.
  Result<Tensor> ReadRows(int64_t begin, int64_t count) const;

 private:
  // Where the decoder of a chunk stands.
  struct Cursor {
    std::unique_ptr<ChunkStream> stream;
    int64_t row = 0;    // of the chunk, the next that it gives
    size_t memory = 0;  // counted in Shared::held
  };
  using Cursors = std::map<size_t, Cursor>;  // by the chunk's number
  struct Chunk;
  struct Target;

  Array(std::shared_ptr<Shared> shared, std::string key)
      : shared_(std::move(shared)), key_(std::move(key)) {}

  Status FindChunks();
  Status CheckChunk(const std::string& key, const Value& value) const;
  Chunk ChunkAt(size_t number) const;

  Result<Tensor> ReadBand(int64_t begin, int64_t count, Cursors* cursors) const;
  Status ReadChunk(const Chunk& chunk, const Target& target, Cursors* cursors) const;
  Status ReadRowMajor(const Chunk& chunk, const Target& target, Cursors* cursors) const;
  Status ReadColumnMajor(const Chunk& chunk, const Target& target) const;
  Result<Cursors::iterator> CursorAt(const Chunk& chunk, int64_t row, Cursors* cursors) const;
  void Keep(Cursors::iterator at, Cursors* cursors) const;
  Cursors::iterator Drop(Cursors::iterator at, Cursors* cursors) const;
  Status ReadRow(const Chunk& chunk, size_t axis, std::byte* to, ChunkStream* stream) const;
  std::byte* Place(const Chunk& chunk, const Target& target) const;
  Status ReadElements(std::byte* to, int64_t count, ChunkStream* stream) const;
  Status Convert(std::byte* data, int64_t count) const;
  void Scatter(const Chunk& part, size_t axis, const std::byte* from, std::byte* to) const;
  void Fill(const Chunk& part, size_t axis, std::byte* to) const;

  std::shared_ptr<Shared> shared_;
  std::string key_;
  ArrayLayout layout_;
  // A scalar is an array of one row, here and in what follows.
  std::vector<int64_t> shape_, chunk_, grid_;
  std::vector<int64_t> shape_strides_, chunk_strides_;  // in elements
  size_t whole_ = 0;  // from this axis on chunks are as wide as the array
  int64_t item_ = 0;  // bytes of an element
  uint64_t chunk_bytes_ = 0;
  std::vector<std::unique_ptr<const Value>> chunks_;  // null: missing
  mutable std::mutex mutex_;                          // guards cursors_
  mutable Cursors cursors_;
};

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_ARRAY_H_

// Zstandard, whole and as a stream. The library is seen by this file and its source only.
//
// Frames need not tell their decoded size, and often do not; every caller says how many bytes it
// takes at most. Several frames may follow each other.
//
// Threads: a ZstdDecoder belongs to one thread at a time.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_ZSTD_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_ZSTD_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"

struct ZSTD_DCtx_s;

namespace midstream::orbax {

class ZstdDecoder {
 public:
  // Errors: RESOURCE_EXHAUSTED.
  static Result<ZstdDecoder> Make();

  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
  };
  // Decodes from `input` to `to` until one of them is used up. Errors: DATA_LOSS with the library's
  // reason, without a name.
  Result<Step> Decode(std::string_view input, void* to, size_t size);
  // Whether what was given so far ends where a frame ends.
  bool at_frame_end() const { return at_frame_end_; }
  size_t memory() const;  // that it holds, in bytes

 private:
  using Context = std::unique_ptr<ZSTD_DCtx_s, void (*)(ZSTD_DCtx_s*)>;
  explicit ZstdDecoder(Context context) : context_(std::move(context)) {}

  Context context_;
  bool at_frame_end_ = true;
};

// All of `input` decoded. Errors: DATA_LOSS when it is no zstd data, ends within a frame, or has
// more than `most` bytes.
Result<std::string> ZstdDecompress(std::string_view input, size_t most);

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_ZSTD_H_

#include "core/formats/orbax/zstd.h"

#include <zstd.h>

#include <algorithm>

namespace midstream::orbax {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

void Free(ZSTD_DCtx_s* context) { ZSTD_freeDCtx(context); }

}  // namespace

Result<ZstdDecoder> ZstdDecoder::Make() {
  Context context(ZSTD_createDCtx(), Free);
  if (context == nullptr) return ResourceExhausted("no memory for a zstd decoder");
  return ZstdDecoder(std::move(context));
}

Result<ZstdDecoder::Step> ZstdDecoder::Decode(std::string_view input, void* to, size_t size) {
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  ZSTD_outBuffer out{to, size, 0};
  const size_t hint = ZSTD_decompressStream(context_.get(), &out, &in);
  if (ZSTD_isError(hint) != 0) {
    return DataLoss("cannot be decompressed: " + std::string(ZSTD_getErrorName(hint)));
  }
  if (in.pos > 0 || out.pos > 0) at_frame_end_ = hint == 0;
  return Step{in.pos, out.pos};
}

size_t ZstdDecoder::memory() const { return ZSTD_sizeof_DCtx(context_.get()); }

Result<std::string> ZstdDecompress(std::string_view input, size_t most) {
  MS_ASSIGN_OR_RETURN(ZstdDecoder decoder, ZstdDecoder::Make());
  std::string decoded;
  for (;;) {
    // One byte more than is allowed tells whether there is more.
    const size_t room = std::min(kPiece, most + 1 - decoded.size());
    const size_t at = decoded.size();
    decoded.resize(at + room);
    MS_ASSIGN_OR_RETURN(const ZstdDecoder::Step step,
                        decoder.Decode(input, decoded.data() + at, room));
    input.remove_prefix(step.consumed);
    decoded.resize(at + step.produced);
    if (decoded.size() > most) {
      return DataLoss("decompresses to more than " + std::to_string(most) + " bytes");
    }
    if (input.empty() && step.produced < room) break;
  }
  if (!decoder.at_frame_end()) return DataLoss("cannot be decompressed: it ends within a frame");
  return decoded;
}

}  // namespace midstream::orbax

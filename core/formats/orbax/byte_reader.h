// ByteReader: takes the numbers of OCDBT's records from bytes. What does not fit makes it fail once
// and for all: it then gives zeros, so that callers ask ok() where they stop rather than at each
// number. Nothing is allocated for more entries than there are bytes.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_BYTE_READER_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_BYTE_READER_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace midstream::orbax {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && bytes_.empty(); }
  size_t remaining() const { return bytes_.size(); }

  std::string_view Bytes(uint64_t count) {
    if (!ok_ || count > bytes_.size()) {
      Fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, static_cast<size_t>(count));
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  uint8_t U8() {
    const std::string_view byte = Bytes(1);
    return byte.empty() ? 0 : static_cast<uint8_t>(byte[0]);
  }
  // Little endian.
  uint64_t Fixed(size_t width) {
    uint64_t value = 0;
    size_t shift = 0;
    for (char byte : Bytes(width)) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(byte)) << shift;
      shift += 8;
    }
    return value;
  }
  // Unsigned LEB128.
  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = U8();
      if (shift == 63 && byte > 1) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    Fail();
    return 0;
  }
  // How many entries follow, each of which has a byte at least; at most `most`.
  size_t Count(size_t most) {
    const uint64_t count = Varint();
    if (count <= most && count <= bytes_.size()) return static_cast<size_t>(count);
    Fail();
    return 0;
  }
  // Requires: `count` is not more than what Count() gave.
  std::vector<uint64_t> Varints(size_t count) {
    std::vector<uint64_t> values(count);
    for (uint64_t& value : values) value = Varint();
    return values;
  }

  void Fail() {
    ok_ = false;
    bytes_ = {};
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_BYTE_READER_H_

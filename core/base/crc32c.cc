#include "core/base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#define MS_CRC32C_HARDWARE 1
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define MS_CRC32C_HARDWARE 1
#endif

namespace midstream {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;  // reflected

using Table = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: the register after byte b and then k zero bytes, from a zero register.
constexpr Table MakeTables() {
  Table tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      uint32_t previous = tables[k - 1][byte];
      tables[k][byte] = (previous >> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}

constexpr Table kTables = MakeTables();

uint64_t Load64(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

#ifdef MS_CRC32C_HARDWARE

#if defined(__SSE4_2__)
uint64_t Step64(uint64_t crc, uint64_t word) { return _mm_crc32_u64(crc, word); }
uint32_t Step8(uint32_t crc, uint8_t byte) { return _mm_crc32_u8(crc, byte); }
#else
uint64_t Step64(uint64_t crc, uint64_t word) { return __crc32cd(static_cast<uint32_t>(crc), word); }
uint32_t Step8(uint32_t crc, uint8_t byte) { return __crc32cb(crc, byte); }
#endif

// Bytes per stream: long enough that joining the streams costs little, short enough that a tensor
// of a few kilobytes gains too.
constexpr size_t kStream = 1024;

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

// shift[k][b]: the register that holds byte b at position k, after kStream zero bytes. The map is
// linear, so it is built from the images of the 32 single bits.
constexpr ShiftTable MakeShift() {
  std::array<uint32_t, 32> image{};
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kStream; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
    image[bit] = crc;
  }
  ShiftTable shift{};
  for (size_t position = 0; position < 4; ++position) {
    for (size_t byte = 0; byte < 256; ++byte) {
      for (size_t bit = 0; bit < 8; ++bit) {
        if (byte >> bit & 1) shift[position][byte] ^= image[position * 8 + bit];
      }
    }
  }
  return shift;
}

constexpr ShiftTable kShift = MakeShift();

uint32_t Shift(uint32_t crc) {
  return kShift[0][crc & 0xff] ^ kShift[1][crc >> 8 & 0xff] ^ kShift[2][crc >> 16 & 0xff] ^
         kShift[3][crc >> 24];
}

uint32_t ExtendHardware(uint32_t crc, const uint8_t* p, size_t size) {
  uint64_t a = ~crc;
  while (size >= 3 * kStream) {
    uint64_t b = 0;
    uint64_t c = 0;
    for (size_t i = 0; i < kStream; i += 8) {
      a = Step64(a, Load64(p + i));
      b = Step64(b, Load64(p + kStream + i));
      c = Step64(c, Load64(p + 2 * kStream + i));
    }
    a = Shift(Shift(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b)) ^ c;
    p += 3 * kStream;
    size -= 3 * kStream;
  }
  for (; size >= 8; p += 8, size -= 8) a = Step64(a, Load64(p));
  auto tail = static_cast<uint32_t>(a);
  for (; size > 0; ++p, --size) tail = Step8(tail, *p);
  return ~tail;
}

#endif  // MS_CRC32C_HARDWARE

}  // namespace

uint32_t CombineCrc32c(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  // What a zero byte does to the register is linear: a matrix over bits. Its powers of two take the
  // register of A over size_b bytes; the inversions at both ends cancel.
  std::array<uint32_t, 32> zeros;  // the images of single bits
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t image = uint32_t{1} << bit;
    zeros[bit] = (image >> 8) ^ kTables[0][image & 0xff];
  }
  auto apply = [](const std::array<uint32_t, 32>& matrix, uint32_t value) {
    uint32_t image = 0;
    for (size_t bit = 0; bit < 32; ++bit) {
      if (value >> bit & 1) image ^= matrix[bit];
    }
    return image;
  };
  for (uint64_t rest = size_b; rest > 0; rest >>= 1) {
    if (rest & 1) crc_a = apply(zeros, crc_a);
    std::array<uint32_t, 32> squared;
    for (size_t bit = 0; bit < 32; ++bit) squared[bit] = apply(zeros, zeros[bit]);
    zeros = squared;
  }
  return crc_a ^ crc_b;
}

uint32_t ExtendCrc32cPortable(uint32_t crc, const void* data, size_t size) {
  const auto* p = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (; size >= 8; p += 8, size -= 8) {
    uint32_t low = crc ^ (static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 |
                          static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24);
    crc = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][p[4]] ^ kTables[2][p[5]] ^ kTables[1][p[6]] ^
          kTables[0][p[7]];
  }
  for (; size > 0; ++p, --size) crc = (crc >> 8) ^ kTables[0][(crc ^ *p) & 0xff];
  return ~crc;
}

uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size) {
#ifdef MS_CRC32C_HARDWARE
  return ExtendHardware(crc, static_cast<const uint8_t*>(data), size);
#else
  return ExtendCrc32cPortable(crc, data, size);
#endif
}

}  // namespace midstream

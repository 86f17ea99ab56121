// CRC-32C (Castagnoli), the checksum that TensorFlow keeps beside every tensor of a checkpoint.
//
// Uses the processor's instruction where the build targets one that has it (x86-64-v2, ARMv8 with
// CRC), three streams at a time so that the instruction's latency is hidden, and tables elsewhere.
//
// Threads: pure functions.
#ifndef MIDSTREAM_CORE_BASE_CRC32C_H_
#define MIDSTREAM_CORE_BASE_CRC32C_H_

#include <cstddef>
#include <cstdint>

namespace midstream {

// The checksum of A followed by B, given `crc` = the checksum of A (0 when A is empty).
uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size);

inline uint32_t Crc32c(const void* data, size_t size) { return ExtendCrc32c(0, data, size); }

// The checksum of A followed by B, given those of A and of B, and how many bytes B has. So parts can
// be summed on several threads.
uint32_t CombineCrc32c(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);

// ExtendCrc32c by tables alone: what other processors run, and what tests compare with.
uint32_t ExtendCrc32cPortable(uint32_t crc, const void* data, size_t size);

// Files that hold checksums of data that holds checksums store them masked.
inline uint32_t MaskCrc32c(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }
inline uint32_t UnmaskCrc32c(uint32_t masked) {
  uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_CRC32C_H_

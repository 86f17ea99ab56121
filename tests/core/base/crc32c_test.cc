#include "core/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include <cstdint>
#include <string_view>
#include <vector>

namespace midstream {
namespace {

std::vector<uint8_t> Bytes(size_t size) {
  std::vector<uint8_t> bytes(size);
  uint32_t state = 12345;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((state = state * 1664525 + 7) >> 24);
  return bytes;
}

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(Crc32c("", 0), 0u);
  EXPECT_EQ(Crc32c("123456789", 9), 0xe3069283u);
  std::vector<uint8_t> zeros(32, 0);
  EXPECT_EQ(Crc32c(zeros.data(), zeros.size()), 0x8a9136aau);
  EXPECT_EQ(ExtendCrc32cPortable(0, "123456789", 9), 0xe3069283u);
}

TEST(Crc32c, MaskedValuesAsCheckpointsStoreThem) {
  const struct {
    float value;
    uint32_t masked;
  } rows[] = {{0.0f, 0x3a117ba6}, {0.5f, 0x1f273806}, {2.0f, 0x4f78fd10}, {3.0f, 0xc382d6ef}};
  for (const auto& row : rows) {
    EXPECT_EQ(MaskCrc32c(Crc32c(&row.value, 4)), row.masked) << row.value;
    EXPECT_EQ(UnmaskCrc32c(row.masked), Crc32c(&row.value, 4)) << row.value;
  }
}

TEST(Crc32c, TablesAndInstructionAgreeAtEverySizeAndAlignment) {
  std::vector<uint8_t> bytes = Bytes(16 * 1024 + 64);
  for (size_t size : {0u, 1u, 7u, 8u, 9u, 63u, 1023u, 3071u, 3072u, 3073u, 6144u, 9215u, 16384u}) {
    for (size_t start : {0u, 1u, 3u, 8u, 13u}) {
      EXPECT_EQ(ExtendCrc32c(0x1234567u, bytes.data() + start, size),
                ExtendCrc32cPortable(0x1234567u, bytes.data() + start, size))
          << size << " at " << start;
    }
  }
}

TEST(Crc32c, CombiningEqualsTheWhole) {
  std::string bytes(70000, 'x');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  uint32_t whole = Crc32c(bytes.data(), bytes.size());
  for (size_t cut :
       {size_t{0}, size_t{1}, size_t{4096}, size_t{65536}, size_t{69999}, size_t{70000}}) {
    uint32_t head = Crc32c(bytes.data(), cut);
    uint32_t tail = Crc32c(bytes.data() + cut, bytes.size() - cut);
    EXPECT_EQ(CombineCrc32c(head, tail, bytes.size() - cut), whole) << cut;
  }
}

TEST(Crc32c, ExtendingEqualsTheWhole) {
  std::vector<uint8_t> bytes = Bytes(10000);
  uint32_t whole = Crc32c(bytes.data(), bytes.size());
  for (size_t cut : {0u, 1u, 17u, 3072u, 9999u, 10000u}) {
    uint32_t head = Crc32c(bytes.data(), cut);
    EXPECT_EQ(ExtendCrc32c(head, bytes.data() + cut, bytes.size() - cut), whole) << cut;
  }
}

TEST(Crc32c, OneFlippedBitChangesIt) {
  std::vector<uint8_t> bytes = Bytes(5000);
  uint32_t before = Crc32c(bytes.data(), bytes.size());
  bytes[3333] ^= 0x10;
  EXPECT_NE(Crc32c(bytes.data(), bytes.size()), before);
}

}  // namespace
}  // namespace midstream

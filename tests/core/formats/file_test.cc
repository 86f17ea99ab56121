#include "core/formats/file.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/crc32c.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

// In reverse order, as no order is promised.
void Backwards(uint32_t n, const std::function<void(uint32_t)>& body) {
  while (n > 0) body(--n);
}

TEST(ReadWithChecksum, SharesAndPiecesMakeTheWhole) {
  TempDir dir;
  std::string bytes((20 << 20) + 12345, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  auto file = File::Open(dir.Write("data", bytes));
  ASSERT_TRUE(file.ok());
  for (size_t size : {size_t{0}, size_t{5}, size_t{300000}, size_t{8} << 20, bytes.size() - 7}) {
    for (const ReadServices& services : {ReadServices{}, ReadServices{Backwards, {}}}) {
      std::string got(size, 'x');
      auto crc = ReadWithChecksum(*file, 7, got.data(), size, true, services);
      ASSERT_TRUE(crc.ok()) << crc.status().ToString();
      EXPECT_EQ(*crc, Crc32c(bytes.data() + 7, size)) << size;
      EXPECT_TRUE(got == bytes.substr(7, size)) << size;
    }
  }
  std::string room(bytes.size(), 'x');
  auto past = ReadWithChecksum(*file, 7, room.data(), room.size(), true, {Backwards, {}});
  EXPECT_EQ(past.status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace midstream::formats

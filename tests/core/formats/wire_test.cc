#include "core/formats/tensorflow/wire.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/core/formats/protos_testing.h"

namespace midstream::tensorflow {
namespace {

TEST(Wire, ReadsEveryWireType) {
  std::string bytes = NumberField(1, 300) + BytesField(2, "abc") + FloatField(3, 1.5f);
  bytes += Varint(4 << 3 | 1) + std::string("\x01\0\0\0\0\0\0\x80", 8);
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field(), 1u);
  EXPECT_EQ(reader.number(), 300u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.bytes(), "abc");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.float_number(), 1.5f);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.fixed64(), 0x8000000000000001u);
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

TEST(Wire, NegativeNumbersTakeTenBytes) {
  std::string bytes = NumberField(1, static_cast<uint64_t>(int64_t{-5}));
  EXPECT_EQ(bytes.size(), 11u);
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.signed_number(), -5);
}

TEST(Wire, MalformedMessages) {
  const std::string rows[] = {
      std::string("\x08", 1),                         // a tag without a value
      std::string("\x08\x80", 2),                     // a varint that does not end
      std::string("\x08") + std::string(10, '\xff'),  // a varint past 64 bits
      std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11),
      std::string("\x0a\x05"
                  "abc",
                  5),                                                   // longer than the message
      std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),  // 2^64 - 1 bytes
      std::string("\x0d\x01\x02", 3),                                   // half a fixed32
      std::string("\x09\x01\x02\x03\x04", 5),                           // half a fixed64
      std::string("\x0b\x0c", 2),                                       // a group
      std::string("\x0e\x01", 2),                                       // wire type 6
      std::string("\x00\x01", 2),                                       // field 0
      std::string("\xf8\xff\xff\xff\xff\x01\x01", 7),                   // a field past 2^29
  };
  for (const std::string& row : rows) {
    WireReader reader(row);
    while (reader.Next()) {
    }
    EXPECT_FALSE(reader.ok()) << testing::PrintToString(row);
    EXPECT_FALSE(reader.Next());
  }
}

TEST(Wire, AnotherWireTypeIsMalformed) {
  std::string bytes = NumberField(1, 3) + BytesField(2, "x");
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.bytes(), "");
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(reader.Next());
}

TEST(Wire, RepeatedNumbersPackedOrNot) {
  std::string bytes = NumberField(1, 1) + BytesField(1, Varint(2) + Varint(300)) +
                      FloatField(2, 1.0f) + BytesField(2, std::string(8, '\0'));
  WireReader reader(bytes);
  std::vector<int64_t> numbers;
  std::vector<uint32_t> floats;
  while (reader.Next()) {
    if (reader.field() == 1) reader.AppendNumbers(&numbers);
    if (reader.field() == 2) reader.AppendFixed32(&floats);
  }
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, 2, 300}));
  EXPECT_EQ(floats, (std::vector<uint32_t>{0x3f800000u, 0, 0}));
}

TEST(Wire, MalformedPackedNumbers) {
  for (const std::string& packed : {std::string("\x80"), std::string("\x01\xff")}) {
    std::string bytes = BytesField(1, packed);
    WireReader reader(bytes);
    std::vector<int64_t> numbers;
    ASSERT_TRUE(reader.Next());
    reader.AppendNumbers(&numbers);
    EXPECT_FALSE(reader.ok());
  }
  std::string bytes = BytesField(1, "abcde");
  WireReader reader(bytes);
  std::vector<uint32_t> floats;
  ASSERT_TRUE(reader.Next());
  reader.AppendFixed32(&floats);
  EXPECT_FALSE(reader.ok());
  EXPECT_TRUE(floats.empty());
}

TEST(Wire, AnyBytesEnd) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % (round % 2 ? 256 : 20));
    WireReader reader(bytes);
    size_t fields = 0;
    while (reader.Next()) ++fields;
    EXPECT_LE(fields, bytes.size());
  }
}

}  // namespace
}  // namespace midstream::tensorflow

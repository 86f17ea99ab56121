#include "core/base/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace midstream {
namespace {

std::string HexOf(std::string_view text) {
  auto digest = Sha256Of(text.data(), text.size());
  return digest.ok() ? Hex(*digest) : digest.status().ToString();
}

// FIPS 180-4's examples.
TEST(Sha256, KnowsTheStandardsExamples) {
  EXPECT_EQ(HexOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, PiecesMakeTheWhole) {
  Sha256 hash;
  hash.Add("ab", 2);
  hash.Add("", 0);
  hash.Add("c", 1);
  auto digest = hash.Finish();
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(Hex(*digest), HexOf("abc"));
}

TEST(Sha256, NumbersAreEightBytesLittleEndian) {
  Sha256 hash;
  hash.AddNumber(0x0102030405060708u);
  auto digest = hash.Finish();
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(Hex(*digest), HexOf("\x08\x07\x06\x05\x04\x03\x02\x01"));
}

}  // namespace
}  // namespace midstream

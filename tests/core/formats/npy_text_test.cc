// Texts in .npy arrays: a str or bytes as numpy keeps them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "core/formats/npy/npy_codec.h"

namespace midstream::formats {
namespace {

using ::testing::HasSubstr;

std::string Header(const std::string& descr, const std::string& shape) {
  const std::string dict =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY\x01";
  bytes += '\0';
  bytes += static_cast<char>(dict.size());
  bytes += '\0';
  return bytes + dict;
}

Result<std::string> Decode(const std::string& bytes) {
  size_t at = 0;
  return DecodeNpyText(bytes.size(), [&](void* to, size_t size) -> Status {
    if (size > bytes.size() - at) return OutOfRange("reads past the end");
    std::memcpy(to, bytes.data() + at, size);
    at += size;
    return OkStatus();
  });
}

std::string Utf32(const std::u32string& text) {
  return {reinterpret_cast<const char*>(text.data()), text.size() * 4};
}

TEST(NpyText, ReadsStr) {
  const std::u32string text = U"go \u00fc\u0434\u62ff\U0001f642";
  EXPECT_EQ(*Decode(Header("<U7", "()") + Utf32(text)),
            "go \xc3\xbc\xd0\xb4\xe6\x8b\xbf\xf0\x9f\x99\x82");
  EXPECT_EQ(*Decode(Header("<U2", "(1,)") + Utf32(U"ok")), "ok");
  EXPECT_EQ(*Decode(Header("<U4", "()") + Utf32(std::u32string(U"ok\0\0", 4))), "ok");
  EXPECT_EQ(*Decode(Header("<U1", "()") + Utf32(std::u32string(1, U'\0'))), "");
}

TEST(NpyText, ReadsBytes) {
  EXPECT_EQ(*Decode(Header("|S4", "()") + std::string("go\xc3\xbc", 4)), "go\xc3\xbc");
  EXPECT_EQ(*Decode(Header("|S4", "()") + std::string("go\0\0", 4)), "go");
}

TEST(NpyText, RefusesWhatIsNoText) {
  const struct {
    std::string bytes;
    Code code;
    const char* message;
  } cases[] = {
      {Header("<f4", "()") + "abcd", Code::kUnimplemented, "expected one str"},
      {Header("<U2", "(3,)") + std::string(24, 'x'), Code::kUnimplemented, "expected one str"},
      {Header(">U1", "()") + std::string(4, '\0'), Code::kUnimplemented, "'>U1'"},
      {Header("<U", "()"), Code::kUnimplemented, "'<U'"},
      {Header("<U99999999999999999999", "()"), Code::kUnimplemented, "expected one str"},
      {Header("<U4000000000", "()"), Code::kUnimplemented, "expected one str"},
      {Header("<U2", "()") + "abcd", Code::kDataLoss, "8 bytes; there are 4"},
      {Header("<U1", "()") + Utf32({char32_t{0x110000}}), Code::kDataLoss, "none of Unicode"},
      {Header("<U1", "()") + Utf32({char32_t{0xd800}}), Code::kDataLoss, "none of Unicode"},
  };
  for (const auto& bad : cases) {
    const auto text = Decode(bad.bytes);
    ASSERT_FALSE(text.ok()) << bad.message;
    EXPECT_EQ(text.status().code(), bad.code) << text.status().message();
    EXPECT_THAT(text.status().message(), HasSubstr(bad.message));
  }
}

}  // namespace
}  // namespace midstream::formats

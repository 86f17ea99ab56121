#include "core/policy/text.h"

#include <gtest/gtest.h>

namespace midstream::policy {
namespace {

TEST(Text, StripsWhatPythonCallsWhite) {
  EXPECT_EQ(Strip(" \t\n\v\f\rpick up \n"), "pick up");
  EXPECT_EQ(Strip("\x1c\x1d\x1e\x1funit\x1f"), "unit");
  // U+0085, U+00A0, U+1680, U+2003, U+2028, U+202F, U+205F, U+3000.
  for (const char* white : {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x83", "\xe2\x80\xa8",
                            "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"}) {
    EXPECT_EQ(Strip(std::string(white) + "a b" + white), "a b");
  }
  EXPECT_EQ(Strip(" \xe3\x80\x80 "), "");
  EXPECT_EQ(Strip(""), "");
}

TEST(Text, StripsNothingElse) {
  // U+200B, U+FEFF, U+180E and NUL are not white in Python.
  for (const std::string text :
       {"\xe2\x80\x8b", "\xef\xbb\xbf", "\xe1\xa0\x8e", "a", "_", "\xc3\xa9"}) {
    EXPECT_EQ(Strip(text), text);
  }
  const std::string null(1, '\0');
  EXPECT_EQ(Strip(null), null);
}

TEST(Text, LowersAsUnicodeHasIt) {
  EXPECT_EQ(*Lower("Put The BOWL 7"), "put the bowl 7");
  EXPECT_EQ(*Lower("GR\xc3\x96\xc3\x9f"
                   "E \xd0\x92"),
            "gr\xc3\xb6\xc3\x9f"
            "e \xd0\xb2");
  EXPECT_EQ(*Lower("\xc4\xb0"), "i\xcc\x87");                 // U+0130
  EXPECT_EQ(*Lower("\xce\x9f\xce\xa3"), "\xce\xbf\xcf\x82");  // a sigma that ends a word
  EXPECT_EQ(*Lower("\xce\xa3\xce\x9f"), "\xcf\x83\xce\xbf");
  EXPECT_EQ(*Lower(""), "");
}

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("\xe6\x8b\xbf\xf0\x9f\x99\x82"));
  EXPECT_FALSE(IsUtf8("\xe6\x8b"));
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80"));  // a surrogate
  EXPECT_FALSE(IsUtf8("\xc0\x80"));      // longer than needed
}

}  // namespace
}  // namespace midstream::policy

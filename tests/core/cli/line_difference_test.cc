#include "core/cli/line_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

using testing::ElementsAre;

TEST(LineDifference, KeepsWhatIsCommon) {
  EXPECT_THAT(CompareLines("a\nb\nc\nd\n", "a\nx\nc\ny\nd\n").lines, ElementsAre("-b", "+x", "+y"));
  EXPECT_THAT(CompareLines("", "a\n").lines, ElementsAre("+a"));
  EXPECT_THAT(CompareLines("a\nb\n", "").lines, ElementsAre("-a", "-b"));
  EXPECT_THAT(CompareLines("a\n\n", "a\n\n").lines, ElementsAre());
  EXPECT_THAT(CompareLines("a\na\n", "a\na\na\n").lines, ElementsAre("+a"));
  const LineDifference difference = CompareLines("a\nb\n", "b\na\n");
  EXPECT_EQ(difference.removed, 1u);
  EXPECT_EQ(difference.added, 1u);
}

// Too long for a table of all pairs.
TEST(LineDifference, OfLongTextsIsEverythingBetween) {
  std::string a = "first\n", b = "first\n";
  for (int i = 0; i < 5000; ++i) {
    a += "a" + std::to_string(i) + "\n";
    b += "b" + std::to_string(i) + "\n";
  }
  const LineDifference difference = CompareLines(a + "last\n", b + "last\n");
  EXPECT_EQ(difference.removed, 5000u);
  EXPECT_EQ(difference.added, 5000u);
}

}  // namespace
}  // namespace midstream::cli

#include "core/config/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace midstream::config {
namespace {

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("fuse", "fuze"), 1u);
  EXPECT_EQ(EditDistance("fuse", "fse"), 1u);
  EXPECT_EQ(EditDistance("fuse", "fuuse"), 1u);
  EXPECT_EQ(EditDistance("fuse", "fues"), 1u) << "a swap of neighbours is one edit";
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(Nearest, FindsTheMisspeltName) {
  const std::array<std::string_view, 4> names = {"backend", "precision.mode", "execution.streams",
                                                 "execution.threads"};
  EXPECT_EQ(Nearest("bakcend", names), "backend");
  EXPECT_EQ(Nearest("precison.mode", names), "precision.mode");
  EXPECT_EQ(Nearest("execution.thread", names), "execution.threads");
  EXPECT_EQ(Nearest("streams", names), "execution.streams") << "right name, no section";
  EXPECT_EQ(Nearest("optimizer.threads", names), "execution.threads") << "wrong section";
  EXPECT_EQ(Nearest("something_else", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(100000, 'x'), names), "");
  EXPECT_EQ(Nearest("x", {}), "");
}

}  // namespace
}  // namespace midstream::config

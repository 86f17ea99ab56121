#include "core/cli/table.h"

#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

TEST(Table, AlignsColumnsAndLeavesNothingTrailing) {
  Table table("lrl");
  table.Add({"a", "1", "x"});
  table.Add({"long", "1000"});
  EXPECT_EQ(table.ToString(), "  a        1  x\n  long  1000\n");
}

TEST(Table, IsEmptyWithoutRows) { EXPECT_EQ(Table("ll").ToString(), ""); }

TEST(Grouped, SeparatesThousands) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(13098536), "13,098,536");
}

}  // namespace
}  // namespace midstream::cli

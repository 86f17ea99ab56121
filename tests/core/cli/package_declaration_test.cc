#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cli/package.h"

namespace midstream::cli {
namespace {

using testing::HasSubstr;

TEST(PackageDeclaration, IsReadAndWritten) {
  const auto text = [](const char* declaration) {
    const auto tensor = ParseDeclaration(declaration);
    return tensor.ok() ? ToText(*tensor) : std::string(tensor.status().message());
  };
  EXPECT_EQ(text("x:float32[batch,4]"), "x: float32[batch,4]");
  EXPECT_EQ(text(" x : bfloat16 [ batch , 4 ] "), "x: bfloat16[batch,4]");
  EXPECT_EQ(text("x:int64"), "x: int64[]");
  EXPECT_EQ(text("x:int64[]"), "x: int64[]");
  EXPECT_EQ(text("x"), "'x' is no declaration as 'x:float32[batch,4]': there is no ':'");
  EXPECT_THAT(text("x:float32[batch"), HasSubstr("']' is missing at its end"));
  EXPECT_THAT(text("x:float33[4]"), HasSubstr("'float33' is no dtype of fixed size"));
  EXPECT_THAT(text("x:float32[a-b]"), HasSubstr("got 'a-b'"));
  EXPECT_THAT(text("x:float32[4,]"), HasSubstr("expected a dimension"));
}

}  // namespace
}  // namespace midstream::cli

#include "core/formats/tensorflow/slice_key.h"

#include <gtest/gtest.h>

#include <string>

namespace midstream::tensorflow {
namespace {

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

TEST(SliceKey, AsTensorFlowWritesThem) {
  EXPECT_EQ(Hex(SliceKey("emb", {{500, 500}, {0, kWholeAxis}})), "00656d6200010102c1f4c1f4807f");
  EXPECT_EQ(Hex(SliceKey("a", {})),
            "006100010"
            "0");
  EXPECT_EQ(Hex(SliceKey("a", {{64, 0x424242}})),
            "0061000101"
            "01c040f0424242");
  EXPECT_EQ(Hex(SliceKey(std::string("\0\xff", 2), {})), "0000ffff00000100");
  EXPECT_EQ(Hex(SliceKey("a", {{0, INT64_MAX}})),
            "0061000101"
            "0180ffc07fffffffffffffff");
}

TEST(SliceKey, ReadsASaversDescription) {
  auto part = ParseSlice("10 22 5,5:-");
  ASSERT_TRUE(part.ok()) << part.status().ToString();
  EXPECT_EQ(part->whole, Shape({10, 22}));
  EXPECT_EQ(part->box, (Box{{5, 5}, {0, 22}}));
}

TEST(SliceKey, MalformedDescriptions) {
  for (const char* text : {"", "10", "10 22", "10 22 0,5", "10 22 0,5:", "10 22 0:5", "x y 0,1:0,1",
                           "10 22 0,5:0,5:0,5", "10 -22 0,5:0,5", "10 22 -1,5:0,5",
                           "10 99999999999999999999 -:-", "10 22 6,5:-"}) {
    EXPECT_EQ(ParseSlice(text).status().code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace midstream::tensorflow

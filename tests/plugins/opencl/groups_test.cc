// The variants for devices with local memory and those for devices with vector registers give the
// same bits.
#include "tests/plugins/opencl/opencl_testing.h"

namespace midstream::plugin_testing {
namespace {

void ExpectEqualBits(const std::shared_ptr<backend::Device>& a,
                     const std::shared_ptr<backend::Device>& b, const NodeCase& node) {
  auto one = RunNode(a, node), other = RunNode(b, node);
  ASSERT_TRUE(one.ok()) << one.status().ToString();
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  EXPECT_TRUE(BitEqual((*one)[0], (*other)[0]));
}

TEST_F(OpenCl, GroupsAndTilesGiveEqualBits) {
  auto tiles = Open(plugin_, {{"kernels", "tiles"}});
  auto groups = Open(plugin_, {{"kernels", "groups"}});
  ASSERT_TRUE(tiles.ok()) << tiles.status().ToString();
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  struct Size {
    int64_t m, k, n;
  };
  for (const Size& s : {Size{1, 1, 1}, {3, 17, 65}, {64, 16, 64}, {70, 9, 130}, {129, 5, 3}}) {
    SCOPED_TRACE(std::to_string(s.m) + " " + std::to_string(s.k) + " " + std::to_string(s.n));
    ExpectEqualBits(*tiles, *groups,
                    {"MatMul",
                     "midstream",
                     {{"activation", std::string("Relu")}},
                     {{Floats({s.m, s.k}, -1), Via::kInput},
                      {Floats({s.k, s.n}, -3), Via::kWeight},
                      {Floats({s.n}, 1), Via::kWeight}}});
  }
  ExpectEqualBits(*tiles, *groups,
                  {"Conv",
                   "midstream",
                   {{"data_layout", std::string("NHWC")},
                    {"weight_layout", std::string("HWIO")},
                    {"auto_pad", std::string("SAME_UPPER")},
                    {"dilations", std::vector<int64_t>{1, 2}}},
                   {{Floats({2, 7, 9, 5}, -1), Via::kInput},
                    {Floats({3, 3, 5, 11}, -3), Via::kWeight},
                    {Floats({11}, 1), Via::kWeight}}});
  ExpectEqualBits(*tiles, *groups,  // by transformed tiles
                  {"Conv",
                   "midstream",
                   {{"data_layout", std::string("NHWC")},
                    {"weight_layout", std::string("HWIO")},
                    {"pads", std::vector<int64_t>{1, 1, 1, 1}}},
                   {{Floats({1, 5, 4, 16}, -1), Via::kInput},
                    {Floats({3, 3, 16, 16}, -3), Via::kWeight},
                    {Floats({16}, 1), Via::kWeight}}});
}

}  // namespace
}  // namespace midstream::plugin_testing

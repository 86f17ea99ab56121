#include "core/formats/tensorflow/partitioned_lookup.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/core/formats/model_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::HasSubstr;

class PartitionedLookup : public ModelTest {
 protected:
  // Rows of two tables; `second` is what fills the places of the second one.
  static MetaWriter Lookup(const std::string& second = "places:1", int64_t start = 0) {
    MetaWriter meta;
    const std::pair<std::string, std::string> two = {"num_partitions", IntAttr(2)};
    meta.Variable("a", {3, 4}).Variable("b", {2, 4});
    meta.Placeholder("part", {5}, kInt32).Placeholder("row", {5}, kInt32);
    meta.Ints("start", {}, {start}).Ints("n", {}, {5}).Ints("one", {}, {1}).Ints("axis", {}, {0});
    meta.Node("range", "Range", {"start", "n", "one"});
    meta.Node("places", "DynamicPartition", {"range", "part"}, {two});
    meta.Node("rows", "DynamicPartition", {"row", "part"}, {two});
    meta.Node("ga", "GatherV2", {"a", "rows", "axis"})
        .Node("gb", "GatherV2", {"b", "rows:1", "axis"});
    meta.Node("y", "DynamicStitch", {"places", second, "ga", "gb"}, {{"N", IntAttr(2)}});
    return meta;
  }
};

TEST_F(PartitionedLookup, IsAGatherOverTheJoinedTables) {
  Graph graph = MustBuild(Lookup(), {"y"});
  const Node* join = FindNode(graph, "Concat");
  ASSERT_NE(join, nullptr);
  EXPECT_EQ(graph.value(join->outputs[0]).shape, Shape({5, 4}));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, Shape({5, 4}));
}

TEST_F(PartitionedLookup, OtherStitchesAreReported) {
  for (const MetaWriter& meta : {Lookup("places"), Lookup("rows:1"), Lookup("places:1", 1)}) {
    auto built = Build(meta, {"y"});
    EXPECT_EQ(built.status().code(), Code::kUnimplemented);
    EXPECT_THAT(std::string(built.status().message()), HasSubstr("'y' (DynamicStitch) is not the"));
  }
}

}  // namespace
}  // namespace midstream::tensorflow

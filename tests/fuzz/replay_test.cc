// Replays every input of corpus/ through its target: the seeds, and what the fuzzer once found. A
// crash, a hang or a broken promise ends this process with the name of the input on its last line.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

const std::string kCorpus = std::string(MS_SOURCE_DIR) + "/tests/fuzz/corpus";

class CorpusTest : public testing::TestWithParam<Target> {};

TEST_P(CorpusTest, EveryInputReturns) {
  int count = 0;
  const std::filesystem::path folder = kCorpus + "/" + std::string(GetParam().name);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    std::fprintf(stderr, "%s\n", entry.path().filename().c_str());
    GetParam().run(input);
    ++count;
  }
  EXPECT_GT(count, 0) << folder << " has no input";
}

INSTANTIATE_TEST_SUITE_P(Fuzz, CorpusTest,
                         testing::ValuesIn(AllTargets().begin(), AllTargets().end()),
                         [](const auto& info) { return std::string(info.param.name); });

// A folder that no target reads would be replayed by nobody.
TEST(Corpus, EveryFolderBelongsToATarget) {
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    bool found = false;
    for (const Target& target : AllTargets()) found |= entry.path().filename() == target.name;
    EXPECT_TRUE(found) << entry.path();
  }
}

}  // namespace
}  // namespace midstream::fuzz

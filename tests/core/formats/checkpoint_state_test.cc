#include "core/formats/tensorflow/checkpoint_state.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/core/formats/files_testing.h"

namespace midstream::tensorflow {
namespace {

using formats::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(CheckpointState, ReadsWhatASaverWrote) {
  auto state = ParseCheckpointState(
      "model_checkpoint_path: \"model.ckpt-20\"\n"
      "all_model_checkpoint_paths: \"model.ckpt-10\"\n"
      "all_model_checkpoint_paths: \"model.ckpt-20\"\n"
      "all_model_checkpoint_timestamps: 1511.25\nlast_preserved_timestamp: 1.5\n");
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(state->latest, "model.ckpt-20");
  EXPECT_THAT(state->all, ElementsAre("model.ckpt-10", "model.ckpt-20"));
}

TEST(CheckpointState, UndoesEscapes) {
  auto state = ParseCheckpointState(
      "# comment\n\n  model_checkpoint_path: 'E:\\\\wx\\\\\\345\\255\\227\\x41\\t\\\"m\\\"'  \r\n");
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(state->latest,
            "E:\\wx\\\xe5\xad\x97"
            "A\t\"m\"");
}

TEST(CheckpointState, Refusals) {
  EXPECT_FALSE(ParseCheckpointState("").ok());
  EXPECT_FALSE(ParseCheckpointState("all_model_checkpoint_paths: \"a\"").ok());
  for (const char* text : {"model_checkpoint_path", "model_checkpoint_path: x",
                           "model_checkpoint_path: \"x", "model_checkpoint_path: \"x\\"}) {
    auto state = ParseCheckpointState(text);
    EXPECT_EQ(state.status().code(), Code::kDataLoss) << text;
    EXPECT_THAT(std::string(state.status().message()), HasSubstr("line 1"));
  }
  EXPECT_FALSE(ParseCheckpointState(std::string("\0\0\0", 3)).ok());
}

class Latest : public testing::Test {
 protected:
  std::string Find(const std::string& path) {
    dir_.Write("checkpoint", "model_checkpoint_path: \"" + path + "\"\n");
    auto latest = LatestCheckpoint(dir_.Path("."));
    return latest.ok() ? std::filesystem::path(*latest).filename().string()
                       : latest.status().ToString();
  }

  TempDir dir_;
};

TEST_F(Latest, FindsRelativeAbsoluteAndStalePaths) {
  dir_.Write("m.ckpt.index", "");
  EXPECT_EQ(Find("m.ckpt"), "m.ckpt");
  EXPECT_EQ(Find(dir_.Path("m.ckpt")), "m.ckpt");
  EXPECT_EQ(Find("/gone/away/m.ckpt"), "m.ckpt");
  EXPECT_EQ(Find("gone/away/m.ckpt"), "m.ckpt");
  EXPECT_EQ(Find("E:\\\\wx\\\\2018\\344\\270\\\\m.ckpt"), "m.ckpt");
}

TEST_F(Latest, SaysWhatIsMissing) {
  EXPECT_THAT(Find("/gone/m.ckpt"), HasSubstr("'/gone/m.ckpt'"));
  EXPECT_EQ(LatestCheckpoint(dir_.Path("nowhere")).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace midstream::tensorflow

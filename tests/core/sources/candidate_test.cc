#include "core/sources/candidate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/temporary_folder.h"

namespace midstream::sources {
namespace {

namespace fs = std::filesystem;

class CandidateTest : public testing::Test {
 protected:
  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  void Put(const std::string& name, int64_t seconds, const std::string& text = "x") const {
    fs::create_directories(fs::path(At(name)).parent_path());
    std::ofstream(At(name)) << text;
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, At(name).c_str(), times, 0), 0);
  }
  std::vector<std::string> Names() const {
    auto listed = ListCandidates(folder_);
    EXPECT_TRUE(listed.ok()) << listed.status().ToString();
    std::vector<std::string> names;
    for (const Candidate& candidate : *listed) names.push_back(candidate.name);
    return names;
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
};

using Texts = std::vector<std::string>;

TEST_F(CandidateTest, AreFilesOfWeightsThatAreNotHidden) {
  Put("a.safetensors", 1);
  Put("b.npz", 2);
  Put(".c.npz", 3);
  Put("d.npz.tmp", 4);
  Put("e.npy", 5);
  fs::create_directory(At("f.npz"));
  ASSERT_EQ(mkfifo(At("g.npz").c_str(), 0600), 0);
  fs::create_symlink("nowhere", At("h.npz"));
  EXPECT_EQ(Names(), (Texts{"b.npz", "a.safetensors"}));
}

TEST_F(CandidateTest, ComeNewestFirst) {
  Put("new.npz", 30);
  Put("old.npz", 10);
  Put("mid.npz", 20);
  EXPECT_EQ(Names(), (Texts{"new.npz", "mid.npz", "old.npz"}));
}

TEST_F(CandidateTest, ALinkLeadsToTheBytesOfItsTarget) {
  Put("a.npz", 1);
  fs::create_symlink("a.npz", At("latest.npz"));
  const auto listed = *ListCandidates(folder_);
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_TRUE(SameBytes(listed[0], listed[1]));
}

TEST_F(CandidateTest, ACheckpointIsAllItsFiles) {
  Put("checkpoint", 1, "model_checkpoint_path: \"m-5\"\n");
  Put("m-5.index", 1);
  Put("m-5.data-00001-of-00002", 1);
  Put("m-5.data-00000-of-00002", 1);
  Put("m-55.data-00000-of-00001", 1);
  Put("m-5.meta", 1);
  const auto listed = *ListCandidates(folder_);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_TRUE(listed[0].problem.ok()) << listed[0].problem.ToString();
  EXPECT_EQ(listed[0].path, At("m-5"));
  Texts paths;
  for (const FileIdentity& file : listed[0].files) paths.push_back(file.path);
  EXPECT_EQ(paths,
            (Texts{At("m-5.index"), At("m-5.data-00000-of-00002"), At("m-5.data-00001-of-00002")}));
}

TEST_F(CandidateTest, ACheckpointMayLieElsewhere) {
  Put("elsewhere/m-5", 1);  // format V1
  Put("checkpoint", 1, "model_checkpoint_path: \"" + At("elsewhere/m-5") + "\"\n");
  const auto listed = *ListCandidates(folder_);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].path, At("elsewhere/m-5"));
  ASSERT_EQ(listed[0].files.size(), 1u);
  EXPECT_EQ(listed[0].files[0].path, At("elsewhere/m-5"));
}

TEST_F(CandidateTest, ACheckpointThatIsNotThereSaysWhy) {
  Put("checkpoint", 1, "model_checkpoint_path: \"m-5\"\n");
  auto listed = *ListCandidates(folder_);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].problem.code(), Code::kNotFound);
  EXPECT_NE(std::string(listed[0].problem.message()).find("'m-5'"), std::string::npos);
  Put("checkpoint", 1, "model_checkpoint_path \"m");
  listed = *ListCandidates(folder_);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].problem.code(), Code::kDataLoss);
}

TEST_F(CandidateTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(ListCandidates(At("none")).status().code(), Code::kNotFound);
  Put("file", 1);
  EXPECT_FALSE(ListCandidates(At("file")).ok());
}

}  // namespace
}  // namespace midstream::sources

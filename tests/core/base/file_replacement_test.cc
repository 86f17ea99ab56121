#include "core/base/file_replacement.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/temporary_folder.h"

namespace midstream {
namespace {

namespace fs = std::filesystem;

class FileReplacementTest : public testing::Test {
 protected:
  void Put(const std::string& text) const { std::ofstream(path_) << text; }
  std::string Text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t Files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  Status Replace(const std::string& text) const {
    MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path_));
    MS_RETURN_IF_ERROR(file.Append(text));
    MS_RETURN_IF_ERROR(file.Sync());
    return file.Publish();
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string path_ = folder_ + "/file";
};

TEST_F(FileReplacementTest, ShowsNothingBeforeItIsPublished) {
  Put("old");
  auto file = FileReplacement::Begin(path_);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_TRUE(file->Append("ne").ok());
  ASSERT_TRUE(file->Append("w").ok());
  EXPECT_EQ(Text(), "old");
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(Text(), "old");
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(Text(), "new");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(FileReplacementTest, DroppedItLeavesTheOldFileAlone) {
  Put("old");
  {
    auto file = FileReplacement::Begin(path_);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append("new").ok());
    EXPECT_EQ(Files(), 2u);
  }
  EXPECT_EQ(Text(), "old");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(FileReplacementTest, PublishesWhatAnotherWriterPutThere) {
  auto file = FileReplacement::Begin(path_);
  ASSERT_TRUE(file.ok());
  const std::string other = folder_ + "/other";
  std::ofstream(other) << "from a library";
  fs::rename(other, file->temporary_path());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(Text(), "from a library");
}

TEST_F(FileReplacementTest, KeepsPermissions) {
  Put("old");
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_EQ(fs::status(path_).permissions(),
            fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
}

TEST_F(FileReplacementTest, ANewFileHasThePermissionsOfAnyOther) {
  ASSERT_TRUE(Replace("new").ok());
  std::ofstream(folder_ + "/ordinary") << "x";
  EXPECT_EQ(fs::status(path_).permissions(), fs::status(folder_ + "/ordinary").permissions());
}

TEST_F(FileReplacementTest, FollowsALink) {
  const std::string target = folder_ + "/target";
  std::ofstream(target) << "old";
  fs::create_symlink("target", path_);
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_EQ(Text(), "new");
}

TEST_F(FileReplacementTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(FileReplacement::Begin(folder_).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FileReplacement::Begin("/dev/null").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FileReplacement::Begin(folder_ + "/no/file").status().code(), Code::kNotFound);
}

TEST_F(FileReplacementTest, TheLastOfTwoWins) {
  auto first = FileReplacement::Begin(path_);
  auto second = FileReplacement::Begin(path_);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(first->Append("first").ok() && second->Append("second").ok());
  ASSERT_TRUE(second->Sync().ok() && second->Publish().ok());
  ASSERT_TRUE(first->Sync().ok() && first->Publish().ok());
  EXPECT_EQ(Text(), "first");
  EXPECT_EQ(Files(), 1u);
}

}  // namespace
}  // namespace midstream

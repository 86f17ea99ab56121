#include "core/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace midstream {
namespace {

class File : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "ms_file_" + std::to_string(getpid());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::string dir_;
};

TEST_F(File, ReadsEveryByte) {
  const std::string text("a\0b\r\n\xff", 6);
  const std::string path = Write("bytes", text);
  const auto read = ReadFile(path, 6);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, text);
  const auto size = FileSize(path);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(*size, 6u);
}

TEST_F(File, ReadsAnEmptyFile) {
  const auto read = ReadFile(Write("empty", ""), 0);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, "");
}

TEST_F(File, RefusesMoreThanTheBound) {
  const auto read = ReadFile(Write("long", "1234567"), 6);
  EXPECT_EQ(read.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(read.status().message(), dir_ + "/long: has 7 bytes, at most 6 are allowed here");
}

TEST_F(File, NamesAMissingFile) {
  const auto read = ReadFile(dir_ + "/none", 10);
  EXPECT_EQ(read.status().code(), Code::kNotFound);
  EXPECT_EQ(read.status().message(), dir_ + "/none: No such file or directory");
  EXPECT_EQ(FileSize(dir_ + "/none").status().code(), Code::kNotFound);
}

TEST_F(File, RefusesWhatIsNotARegularFile) {
  EXPECT_EQ(ReadFile(dir_, 10).status().message(), dir_ + ": is a directory, not a file");
  EXPECT_EQ(FileSize(dir_).status().code(), Code::kInvalidArgument);
  const std::string pipe = dir_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(pipe, 10).status().message(), pipe + ": is not a regular file");
}

TEST(Path, IsAbsoluteAndNormal) {
  EXPECT_EQ(AbsolutePath("a/../b.toml", "/etc/midstream"), "/etc/midstream/b.toml");
  EXPECT_EQ(AbsolutePath("/x/./y", "/etc"), "/x/y");
  const auto here = AbsolutePath("z");
  ASSERT_TRUE(here.ok());
  EXPECT_EQ(*here, std::filesystem::current_path().string() + "/z");
}

}  // namespace
}  // namespace midstream

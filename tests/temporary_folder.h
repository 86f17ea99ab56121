// TemporaryFolder: a folder of a test's own, removed with all it holds when the test ends.
#ifndef MIDSTREAM_TESTS_TEMPORARY_FOLDER_H_
#define MIDSTREAM_TESTS_TEMPORARY_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace midstream {

class TemporaryFolder {
 public:
  // parent: ends in '/'.
  explicit TemporaryFolder(const std::string& parent = testing::TempDir())
      : path_(parent + "midstream-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace midstream

#endif  // MIDSTREAM_TESTS_TEMPORARY_FOLDER_H_

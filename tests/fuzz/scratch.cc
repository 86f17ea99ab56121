#include "tests/fuzz/scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

class Folder {
 public:
  Folder() {
    std::error_code ignored;
    bool in_memory = std::filesystem::is_directory("/dev/shm", ignored);
    std::string pattern = (in_memory ? "/dev/shm" : "/tmp") + std::string("/midstream-fuzz-XXXXXX");
    MS_FUZZ_CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

std::string ScratchPath(const std::string& name) {
  static const Folder folder;
  return folder.path() + "/" + name;
}

std::string WriteScratch(const std::string& name, std::string_view bytes) {
  std::string path = ScratchPath(name);
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  MS_FUZZ_CHECK(file >= 0);
  MS_FUZZ_CHECK(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  close(file);
  return path;
}

}  // namespace midstream::fuzz

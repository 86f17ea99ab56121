// Files for the tests of formats: in a folder that goes when the test ends, and copies of a checkpoint
// in it that tests may damage.
#ifndef MIDSTREAM_TESTS_CORE_FORMATS_FILES_TESTING_H_
#define MIDSTREAM_TESTS_CORE_FORMATS_FILES_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/temporary_folder.h"

namespace midstream::formats {

class TempDir : public TemporaryFolder {
 public:
  std::string Path(const std::string& name) const { return path() + "/" + name; }

  std::string Write(const std::string& name, std::string_view bytes) const {
    std::ofstream file(Path(name), std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return Path(name);
  }

  std::string Read(const std::string& name) const { return ReadBytes(Path(name)); }

  static std::string ReadBytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Copies step 4000 of the digits, graph included, to `model.ckpt`; returns the prefix.
  std::string CopyDigits() const {
    std::string from = std::string(MS_TEST_DATA) + "/digits/mnist_deep_model.ckpt-4000";
    for (const char* suffix : {".meta", ".index", ".data-00000-of-00001"}) {
      Write("model.ckpt" + std::string(suffix), ReadBytes(from + suffix));
    }
    return Path("model.ckpt");
  }
};

}  // namespace midstream::formats

#endif  // MIDSTREAM_TESTS_CORE_FORMATS_FILES_TESTING_H_

// Recordings of openpi itself: the few that lie with the tests, and all of them where the shared
// folder is there.
#ifndef MIDSTREAM_TESTS_CORE_POLICY_OPENPI_TESTING_H_
#define MIDSTREAM_TESTS_CORE_POLICY_OPENPI_TESTING_H_

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/graph/tensor.h"
#include "core/policy/tokenizer.h"

namespace midstream::policy {

// A file of the shared folder; the test has to skip where SharedDataIsThere() is false.
inline std::string SharedFile(const std::string& name) {
  return std::string(MS_SHARED_DATA) + "/openpi/" + name;
}
inline bool SharedDataIsThere() { return std::filesystem::exists(SharedFile("README.md")); }

// A file that lies with the tests.
inline std::string OwnFile(const std::string& name) {
  return std::string(MS_TEST_DATA) + "/openpi/" + name;
}

nlohmann::json ReadJson(const std::string& path);
std::map<std::string, Tensor> ReadArrays(const std::string& path);
Tokenizer TinyTokenizer();

Tensor Floats(Shape shape, const std::vector<float>& values);
Tensor Doubles(Shape shape, const std::vector<double>& values);
Tensor Bytes(Shape shape, uint8_t value);

}  // namespace midstream::policy

#endif  // MIDSTREAM_TESTS_CORE_POLICY_OPENPI_TESTING_H_

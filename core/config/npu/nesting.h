// How deep a JSON text nests, asked before the JSON library sees it: the library recurses when it
// copies, compares or frees a value, so depth that a file chooses would end the process.
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_NESTING_H_
#define MIDSTREAM_CORE_CONFIG_NPU_NESTING_H_

#include <string_view>

namespace midstream::config {

constexpr int kDeepestJson = 64;  // real files have four levels

// Whether brackets outside strings nest deeper than kDeepestJson.
inline bool NestsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestJson) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_NESTING_H_

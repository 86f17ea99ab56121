// The session options of the Ascend TensorFlow adapter (the parameter map of its NpuOptimizer), and
// what becomes of each here.
//
// `midstream config import-npu` and docs/npu_options.md both come from this table: one row per
// option. The options that come in open families (save_*) have one row per family.
// Threads: the table is immutable.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_OPTIONS_H_
#define MIDSTREAM_CORE_CONFIG_NPU_OPTIONS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace midstream::config {

using NpuValue = std::variant<bool, int64_t, std::string>;

enum class NpuType { kBool, kInteger, kText, kIntegerOrText };

enum class NpuFate {
  kMapped,   // becomes a key of the configuration
  kKept,     // stands as it is in [backends.ascend], for a plugin that knows it
  kIgnored,  // has nothing to do here
};

struct NpuOption {
  std::string_view name = {};  // a family ends with '*'
  NpuType type = NpuType::kText;
  // Legal: of an integer, from least to most; of a text, one of the words of `choices`, or any text
  // (which `form` then describes) when that is empty.
  int64_t least = 0;
  int64_t most = 0;
  std::string_view choices = {};
  std::string_view form = {};
  std::string_view example = {};  // JSON
  NpuFate fate = NpuFate::kIgnored;
  std::string_view key = {};     // kMapped: of the configuration
  std::string_view reason = {};  // what it does here, or why nothing
  // kMapped: the TOML value; "" when this value asks for nothing. Null: npu_import.cc translates it
  // together with others or from a file.
  std::string (*to_toml)(const NpuValue& value) = nullptr;
};

std::span<const NpuOption> NpuOptions();

// nullptr when there is no such option. A family is found by any name in it.
const NpuOption* FindNpuOption(std::string_view name);

// "an integer from 0 to 1", "\"O1\" or \"O3\"".
std::string Expected(const NpuOption& option);
bool Accepts(const NpuOption& option, const NpuValue& value);

// "mapped", "kept", "ignored".
std::string_view FateName(NpuFate fate);

// docs/npu_options.md.
std::string NpuMarkdown();

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_OPTIONS_H_

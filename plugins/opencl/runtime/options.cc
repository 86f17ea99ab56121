#include "runtime/options.h"

#include <charconv>

namespace midstream::opencl {

namespace {

sdk::Error BadValue(std::string_view key, std::string_view value, const char* known) {
  return {MS_INVALID_ARGUMENT, "option " + std::string(key) + " of opencl is '" +
                                   std::string(value) + "'; expected " + known};
}

Options::Kernels ParseKernels(std::string_view value) {
  if (value == "auto") return Options::Kernels::kAuto;
  if (value == "tiles") return Options::Kernels::kTiles;
  if (value == "groups") return Options::Kernels::kGroups;
  throw BadValue("kernels", value, "auto, tiles or groups");
}

std::chrono::milliseconds ParseTimeout(std::string_view value) {
  constexpr int64_t kMost = 86400000;
  int64_t number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code == std::errc() && end == value.data() + value.size() && number >= 1 && number <= kMost)
    return std::chrono::milliseconds(number);
  throw BadValue("timeout_ms", value, "an integer from 1 to 86400000");
}

}  // namespace

Options ParseOptions(std::span<const ms_kv> values) {
  Options options;
  for (const ms_kv& option : values) {
    const std::string_view key = sdk::View(option.key);
    if (key == "device") {
      options.device = sdk::View(option.value);
    } else if (key == "kernels") {
      options.kernels = ParseKernels(sdk::View(option.value));
    } else if (key == "tuning") {
      if (sdk::View(option.value) != "auto" && sdk::View(option.value) != "off")
        throw BadValue(key, sdk::View(option.value), "auto or off");
      options.tuning = sdk::View(option.value) == "auto";
    } else if (key == "cache_dir") {
      options.cache_dir = sdk::View(option.value);
      if (!options.cache_dir.empty() && !options.cache_dir.starts_with('/'))
        throw BadValue(key, options.cache_dir, "an absolute path, or nothing");
    } else if (key == "timeout_ms") {
      options.timeout = ParseTimeout(sdk::View(option.value));
    } else {
      throw sdk::Error(MS_INVALID_ARGUMENT,
                       "opencl has no option '" + std::string(key) +
                           "'; it knows device, kernels, tuning, cache_dir and timeout_ms");
    }
  }
  return options;
}

}  // namespace midstream::opencl

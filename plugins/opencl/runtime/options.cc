#include "runtime/options.h"

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
    } else {
      throw sdk::Error(MS_INVALID_ARGUMENT,
                       "opencl has no option '" + std::string(key) +
                           "'; it knows device, kernels, tuning and cache_dir");
    }
  }
  return options;
}

}  // namespace midstream::opencl

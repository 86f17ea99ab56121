#include "runtime/options.h"

namespace midstream::opencl {

Options ParseOptions(std::span<const ms_kv> values) {
  Options options;
  for (const ms_kv& option : values) {
    const std::string_view key = sdk::View(option.key);
    if (key == "device") {
      options.device = sdk::View(option.value);
    } else {
      throw sdk::Error(MS_INVALID_ARGUMENT,
                       "opencl has no option '" + std::string(key) + "'; it knows device");
    }
  }
  return options;
}

}  // namespace midstream::opencl

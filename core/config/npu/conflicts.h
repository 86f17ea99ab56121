// Which of the NPU's options exclude or need each other.
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_CONFLICTS_H_
#define MIDSTREAM_CORE_CONFIG_NPU_CONFLICTS_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/config/npu/options.h"

namespace midstream::config {

using NpuValues = std::map<std::string, NpuValue, std::less<>>;

// Calls add(option, message) for each conflict; the message names the other option.
void FindNpuConflicts(const NpuValues& values,
                      const std::function<void(std::string_view, std::string)>& add);

// Whether the map gives an option a value that asks for something: true, text, a number >= 0.
bool IsGiven(const NpuValues& values, std::string_view option);

// The mode of precision_mode or precision_mode_v2, or "".
std::string_view PrecisionModeOf(const NpuValues& values);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_CONFLICTS_H_

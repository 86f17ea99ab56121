// The options of [backends.opencl].
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_OPTIONS_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_OPTIONS_H_

#include <chrono>
#include <span>
#include <string>

#include "midstream/view.hpp"

namespace midstream::opencl {

struct Options {
  enum class Kernels { kAuto, kTiles, kGroups };

  std::string device;  // "" all, "gpu", "cpu", "accelerator", or a part of a name
  Kernels kernels = Kernels::kAuto;
  bool tuning = true;                         // time variants of kernels; else take a guess
  std::string cache_dir;                      // empty: nothing is kept between runs
  std::chrono::milliseconds timeout{600000};  // for work that no caller sets a time for
};

// Throws Error(MS_INVALID_ARGUMENT) for what it does not know.
Options ParseOptions(std::span<const ms_kv> values);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_OPTIONS_H_

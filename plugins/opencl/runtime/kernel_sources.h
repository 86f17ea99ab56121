// The files of kernels/, embedded at build time.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_KERNEL_SOURCES_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_KERNEL_SOURCES_H_

#include <string_view>

namespace midstream::opencl {

struct KernelSource {
  std::string_view name;  // of the file, without .cl
  std::string_view text;
};
extern const KernelSource kKernelSources[];
extern const unsigned kKernelSourceCount;

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_KERNEL_SOURCES_H_

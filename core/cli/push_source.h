// What `midstream push` sends: a file as it is, or a sealed file in memory made of something else.
#ifndef MIDSTREAM_CORE_CLI_PUSH_SOURCE_H_
#define MIDSTREAM_CORE_CLI_PUSH_SOURCE_H_

#include <string>

#include "core/formats/tensor_file.h"
#include "core/serve/descriptor.h"

namespace midstream::cli {

struct PushSource {
  formats::TensorFormat format = formats::TensorFormat::kSafetensors;
  serve::Descriptor file;
};

// A .safetensors or .npz file is opened. A package, a checkpoint, a SavedModel and a folder of .npy
// files are read, and become a safetensors file in memory. Errors: those of opening and reading.
Result<PushSource> OpenPushSource(const std::string& path);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_PUSH_SOURCE_H_

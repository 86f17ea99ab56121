// The manifest of a package: what the model is, and what the other entries hold. docs/package.md has
// the fields.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_MANIFEST_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_MANIFEST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/named_shape.h"
#include "core/graph/tensor.h"

namespace midstream::package {

constexpr std::string_view kManifestName = "manifest.json";
constexpr std::string_view kCodeFolder = "code/";
constexpr std::string_view kDataFolder = "data/";
constexpr int kFormatVersion = 1;

constexpr uint64_t kLargestManifest = uint64_t{16} << 20;
constexpr size_t kMostTensors = 32;  // inputs, and outputs
constexpr size_t kMostDimensions = 8;
constexpr size_t kLongestName = 1024;

struct DeclaredTensor {  // an input or output
  std::string name;
  DType dtype = DType::kInvalid;
  NamedShape shape;

  friend bool operator==(const DeclaredTensor&, const DeclaredTensor&) = default;
};

struct StoredTensor {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
  std::string file;    // "data/0.bin"; several tensors may share one
  std::string sha256;  // 64 lower-case digits
};

struct StoredFile {
  std::string file;  // "code/policy.py", "data/vocab.txt"
  std::string sha256;
};

struct Manifest {
  std::string name;
  std::string entry;   // "module:name", "module:name.name"
  std::string python;  // least version, "3.10"; empty: any
  std::vector<DeclaredTensor> inputs;
  std::vector<DeclaredTensor> outputs;
  bool batching = false;  // requests may be joined along axis 0
  std::vector<std::string> externs;
  std::vector<StoredTensor> tensors;
  std::vector<StoredFile> files;
};

// Errors: DATA_LOSS for what is no manifest, UNIMPLEMENTED for one of another version, naming the
// field; those of CheckManifest.
Result<Manifest> ParseManifest(std::string_view json);
// Indented, with a newline. Errors: INVALID_ARGUMENT for a text that is not UTF-8.
Result<std::string> FormatManifest(const Manifest& manifest);

// What must hold among the fields: names and limits, dimensions of outputs, batching, an entry whose
// module is there. Errors: INVALID_ARGUMENT.
Status CheckManifest(const Manifest& manifest);

// ASCII letters, digits and '_', and any letter beyond ASCII.
bool IsPythonName(std::string_view text);

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_MANIFEST_H_

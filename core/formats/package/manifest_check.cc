// What must hold among the fields of a manifest, whether it was read or is to be written.
#include <algorithm>
#include <set>

#include "core/formats/file.h"
#include "core/formats/package/manifest.h"

namespace midstream::package {
namespace {

using formats::Quoted;

// 3.N, N of up to three digits.
bool IsPythonVersion(std::string_view text) {
  if (!text.starts_with("3.") || text.size() < 3 || text.size() > 5) return false;
  return std::all_of(text.begin() + 2, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Names joined by dots.
bool IsDottedName(std::string_view text) {
  while (true) {
    const size_t dot = text.find('.');
    if (!IsPythonName(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

Status CheckEntry(const Manifest& manifest) {
  const std::string& entry = manifest.entry;
  const size_t colon = entry.find(':');
  const bool good = colon != std::string::npos && entry.size() <= kLongestName &&
                    IsDottedName(std::string_view(entry).substr(0, colon)) &&
                    IsDottedName(std::string_view(entry).substr(colon + 1));
  if (!good) {
    return InvalidArgument("expected an entry \"module:name\" or \"module:name.name\", got " +
                           Quoted(entry));
  }
  std::string path = std::string(kCodeFolder) + entry.substr(0, colon);
  std::replace(path.begin(), path.end(), '.', '/');
  for (const StoredFile& file : manifest.files) {
    if (file.file == path + ".py" || file.file == path + "/__init__.py") return OkStatus();
  }
  return InvalidArgument("the entry " + Quoted(entry) +
                         " is in a module that the package does not have: expected " + path +
                         ".py or " + path + "/__init__.py");
}

Status CheckSha256(const std::string& file, const std::string& sha256) {
  const bool good = sha256.size() == 64 && std::all_of(sha256.begin(), sha256.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  if (good) return OkStatus();
  return InvalidArgument("the sha256 of entry " + Quoted(file) + " is no 64 lower-case digits");
}

Status CheckFiles(const Manifest& manifest) {
  std::set<std::string_view> files;
  for (const StoredFile& file : manifest.files) {
    if (!file.file.starts_with(kCodeFolder) && !file.file.starts_with(kDataFolder)) {
      return InvalidArgument("entry " + Quoted(file.file) +
                             " lies neither below code/ nor below data/");
    }
    if (!files.insert(file.file).second) {
      return InvalidArgument("entry " + Quoted(file.file) + " is listed twice");
    }
    MS_RETURN_IF_ERROR(CheckSha256(file.file, file.sha256));
  }
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : manifest.tensors) {
    const std::string what = "tensor " + Quoted(tensor.name);
    if (tensor.name.empty() || tensor.name.size() > kLongestName ||
        tensor.name.find('\0') != std::string::npos || tensor.name.ends_with(":0")) {
      return InvalidArgument(what + " has no name that a weight can have (1 to " +
                             std::to_string(kLongestName) + " bytes, none of them 0, no \":0\")");
    }
    if (!names.insert(tensor.name).second) return InvalidArgument(what + " is listed twice");
    if (!tensor.file.starts_with(kDataFolder)) {
      return InvalidArgument(what + " is in entry " + Quoted(tensor.file) + ", not below data/");
    }
    if (files.contains(tensor.file)) {
      return InvalidArgument("entry " + Quoted(tensor.file) +
                             " is listed as a file and as a tensor");
    }
    MS_RETURN_IF_ERROR(CheckSha256(tensor.file, tensor.sha256));
    auto size = ByteSize(tensor.dtype, tensor.shape);
    if (!size.ok()) return size.status().WithContext(what);
  }
  return OkStatus();
}

Status CheckDeclared(const char* kind, const std::vector<DeclaredTensor>& tensors) {
  if (tensors.empty() || tensors.size() > kMostTensors) {
    return InvalidArgument("expected 1 to " + std::to_string(kMostTensors) + " " + kind +
                           "s, got " + std::to_string(tensors.size()));
  }
  std::set<std::string_view> names;
  for (const DeclaredTensor& tensor : tensors) {
    const std::string what = std::string(kind) + " " + Quoted(tensor.name);
    if (!IsPythonName(tensor.name) || tensor.name.size() > kLongestName) {
      return InvalidArgument(what + " is no name that a Python argument can have");
    }
    if (!names.insert(tensor.name).second) return InvalidArgument(what + " is declared twice");
    if (tensor.shape.size() > kMostDimensions) {
      return InvalidArgument(what + " has " + std::to_string(tensor.shape.size()) +
                             " dimensions; " + std::to_string(kMostDimensions) + " are allowed");
    }
  }
  return OkStatus();
}

Status CheckDimensions(const Manifest& manifest) {
  std::set<std::string_view> known;
  for (const DeclaredTensor& input : manifest.inputs) {
    for (const NamedDim& dim : input.shape) known.insert(dim.name);
  }
  for (const DeclaredTensor& output : manifest.outputs) {
    for (const NamedDim& dim : output.shape) {
      if (dim.name.empty() || known.contains(dim.name)) continue;
      return InvalidArgument("dimension '" + dim.name + "' of output " + Quoted(output.name) +
                             " is in no input");
    }
  }
  if (!manifest.batching) return OkStatus();
  const DeclaredTensor& first = manifest.inputs.front();
  for (const auto* tensors : {&manifest.inputs, &manifest.outputs}) {
    for (const DeclaredTensor& tensor : *tensors) {
      const bool joins = !tensor.shape.empty() && !tensor.shape[0].name.empty() &&
                         tensor.shape[0] == first.shape[0];
      if (joins) continue;
      return InvalidArgument("batching is true, and axis 0 of " + Quoted(tensor.name) +
                             " is not the named dimension that all inputs and outputs begin with");
    }
  }
  return OkStatus();
}

}  // namespace

bool IsPythonName(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<uint8_t>(c) >= 0x80;
  };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Status CheckManifest(const Manifest& manifest) {
  if (manifest.name.empty() || manifest.name.size() > kLongestName) {
    return InvalidArgument("the name of the package has " + std::to_string(manifest.name.size()) +
                           " bytes; 1 to " + std::to_string(kLongestName) + " are allowed");
  }
  if (!manifest.python.empty() && !IsPythonVersion(manifest.python)) {
    return InvalidArgument("expected a version of Python as \"3.10\", got " +
                           Quoted(manifest.python));
  }
  std::set<std::string_view> externs;
  for (const std::string& module : manifest.externs) {
    if (!IsPythonName(module)) {
      return InvalidArgument("extern names " + Quoted(module) + ", which is no top-level module");
    }
    if (!externs.insert(module).second) {
      return InvalidArgument("extern names " + Quoted(module) + " twice");
    }
  }
  MS_RETURN_IF_ERROR(CheckFiles(manifest));
  MS_RETURN_IF_ERROR(CheckEntry(manifest));
  MS_RETURN_IF_ERROR(CheckDeclared("input", manifest.inputs));
  MS_RETURN_IF_ERROR(CheckDeclared("output", manifest.outputs));
  for (const StoredTensor& tensor : manifest.tensors) {
    for (const DeclaredTensor& input : manifest.inputs) {
      if (tensor.name != input.name) continue;
      return InvalidArgument("an input and a tensor are both named " + Quoted(input.name));
    }
  }
  return CheckDimensions(manifest);
}

}  // namespace midstream::package

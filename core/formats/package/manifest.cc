#include "core/formats/package/manifest.h"

#include <algorithm>
#include <set>

#include "core/formats/file.h"
#include "core/formats/json.h"

namespace midstream::package {
namespace {

using formats::Quoted;
using Json = nlohmann::json;

constexpr const char* kFormat = "midstream.package";

// An object whose fields are all asked for.
class Fields {
 public:
  // Messages begin with `where`, empty for the whole.
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  // Errors: no object, a field that is missing or is none of these.
  Status CheckNames(const std::set<std::string_view>& names) const {
    if (!json_.is_object()) return Error("is no object");
    for (const auto& [name, value] : json_.items()) {
      if (!names.contains(name)) return Error("has the unknown field " + Quoted(name));
    }
    for (std::string_view name : names) {
      if (!json_.contains(name)) return Error("has no field '" + std::string(name) + "'");
    }
    return OkStatus();
  }

  Result<std::string> Text(const char* name) const {
    const Json& value = json_.at(name);
    if (value.is_string()) return value.get<std::string>();
    return Error("has '" + std::string(name) + "' that is no text");
  }
  Result<bool> Bool(const char* name) const {
    const Json& value = json_.at(name);
    if (value.is_boolean()) return value.get<bool>();
    return Error("has '" + std::string(name) + "' that is neither true nor false");
  }
  Result<const Json*> List(const char* name) const {
    const Json& value = json_.at(name);
    if (value.is_array()) return &value;
    return Error("has '" + std::string(name) + "' that is no list");
  }
  Result<DType> Kind(const char* name) const {
    MS_ASSIGN_OR_RETURN(const std::string text, Text(name));
    const DType dtype = DTypeFromName(text);
    if (DTypeSize(dtype) > 0) return dtype;
    return Error("has the dtype " + Quoted(text) + ", which the engine does not have");
  }

  Status Error(const std::string& what) const {
    return DataLoss(where_.empty() ? what : where_ + " " + what);
  }

 private:
  const Json& json_;
  const std::string where_;
};

std::string Where(const char* list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

Result<NamedDim> ParseDim(const Json& json, const Fields& fields) {
  if (json.is_number_unsigned() && json.get<uint64_t>() <= INT64_MAX) {
    return NamedDim{"", json.get<int64_t>()};
  }
  if (!json.is_string()) return fields.Error("has a dimension that is neither a size nor a name");
  auto dim = ParseNamedDim(json.get_ref<const std::string&>());
  if (!dim.ok()) return fields.Error("is malformed: " + std::string(dim.status().message()));
  if (dim->name.empty()) return fields.Error("has a size as a text");
  return dim;
}

Result<NamedShape> ParseShape(const Fields& fields) {
  MS_ASSIGN_OR_RETURN(const Json* list, fields.List("shape"));
  if (list->size() > kMostDimensions) {
    return fields.Error("has " + std::to_string(list->size()) + " dimensions; " +
                        std::to_string(kMostDimensions) + " are allowed");
  }
  NamedShape shape;
  for (const Json& one : *list) {
    MS_ASSIGN_OR_RETURN(NamedDim dim, ParseDim(one, fields));
    shape.push_back(std::move(dim));
  }
  return shape;
}

Result<DeclaredTensor> ParseDeclared(const Json& json, std::string where) {
  const Fields fields(json, std::move(where));
  MS_RETURN_IF_ERROR(fields.CheckNames({"name", "dtype", "shape"}));
  DeclaredTensor tensor;
  MS_ASSIGN_OR_RETURN(tensor.name, fields.Text("name"));
  MS_ASSIGN_OR_RETURN(tensor.dtype, fields.Kind("dtype"));
  MS_ASSIGN_OR_RETURN(tensor.shape, ParseShape(fields));
  return tensor;
}

Result<StoredTensor> ParseStored(const Json& json, std::string where) {
  const Fields fields(json, std::move(where));
  MS_RETURN_IF_ERROR(fields.CheckNames({"name", "dtype", "shape", "file", "sha256"}));
  StoredTensor tensor;
  MS_ASSIGN_OR_RETURN(tensor.name, fields.Text("name"));
  MS_ASSIGN_OR_RETURN(tensor.dtype, fields.Kind("dtype"));
  MS_ASSIGN_OR_RETURN(const NamedShape shape, ParseShape(fields));
  for (const NamedDim& dim : shape) {
    if (!dim.name.empty()) return fields.Error("has a dimension that is no size");
  }
  tensor.shape = ToShape(shape);
  MS_ASSIGN_OR_RETURN(tensor.file, fields.Text("file"));
  MS_ASSIGN_OR_RETURN(tensor.sha256, fields.Text("sha256"));
  return tensor;
}

Result<StoredFile> ParseFile(const Json& json, std::string where) {
  const Fields fields(json, std::move(where));
  MS_RETURN_IF_ERROR(fields.CheckNames({"file", "sha256"}));
  StoredFile file;
  MS_ASSIGN_OR_RETURN(file.file, fields.Text("file"));
  MS_ASSIGN_OR_RETURN(file.sha256, fields.Text("sha256"));
  return file;
}

template <typename T>
Status ParseList(const Fields& fields, const char* name,
                 Result<T> (*parse)(const Json&, std::string), std::vector<T>* list) {
  MS_ASSIGN_OR_RETURN(const Json* json, fields.List(name));
  for (size_t i = 0; i < json->size(); ++i) {
    MS_ASSIGN_OR_RETURN(T one, parse((*json)[i], Where(name, i)));
    list->push_back(std::move(one));
  }
  return OkStatus();
}

Result<std::string> ParseText(const Json& json, std::string where) {
  if (json.is_string()) return json.get<std::string>();
  return DataLoss(where + " is no text");
}

// Before anything else is looked at: a later version may have other fields.
Status CheckFormat(const Json& json) {
  if (!json.is_object()) return DataLoss("is no object");
  const auto format = json.find("format"), version = json.find("version");
  if (format == json.end() || *format != kFormat) {
    return DataLoss("has no \"format\": \"" + std::string(kFormat) + "\"");
  }
  if (version == json.end() || !version->is_number_integer()) {
    return DataLoss("has no field 'version' with a number");
  }
  if (*version == kFormatVersion) return OkStatus();
  return Unimplemented("is of format version " + version->dump() + "; version " +
                       std::to_string(kFormatVersion) + " is read");
}

// ---- What must hold among the fields

// 3.N, N of up to three digits.
bool IsPythonVersion(std::string_view text) {
  if (!text.starts_with("3.") || text.size() < 3 || text.size() > 5) return false;
  return std::all_of(text.begin() + 2, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsModuleName(std::string_view text) {
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
                    IsModuleName(std::string_view(entry).substr(0, colon)) &&
                    IsPythonName(std::string_view(entry).substr(colon + 1));
  if (!good) return InvalidArgument("expected an entry \"module:name\", got " + Quoted(entry));
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

nlohmann::ordered_json ToJson(const DeclaredTensor& tensor) {
  nlohmann::ordered_json shape = nlohmann::ordered_json::array();
  for (const NamedDim& dim : tensor.shape) {
    if (dim.name.empty()) {
      shape.push_back(dim.size);
    } else {
      shape.push_back(dim.name);
    }
  }
  return {{"name", tensor.name}, {"dtype", DTypeName(tensor.dtype)}, {"shape", shape}};
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

Result<Manifest> ParseManifest(std::string_view text) {
  std::string repeated;
  const Json json = formats::ParseJson(text, &repeated);
  if (!repeated.empty())
    return DataLoss("has an object with the field " + Quoted(repeated) + " twice");
  if (json.is_discarded()) return DataLoss("is no JSON, or nested too deep");
  MS_RETURN_IF_ERROR(CheckFormat(json));
  const Fields fields(json, "");
  MS_RETURN_IF_ERROR(fields.CheckNames({"format", "version", "name", "entry", "python", "inputs",
                                        "outputs", "batching", "extern", "tensors", "files"}));
  Manifest manifest;
  MS_ASSIGN_OR_RETURN(manifest.name, fields.Text("name"));
  MS_ASSIGN_OR_RETURN(manifest.entry, fields.Text("entry"));
  MS_ASSIGN_OR_RETURN(manifest.python, fields.Text("python"));
  MS_ASSIGN_OR_RETURN(manifest.batching, fields.Bool("batching"));
  MS_RETURN_IF_ERROR(ParseList(fields, "inputs", ParseDeclared, &manifest.inputs));
  MS_RETURN_IF_ERROR(ParseList(fields, "outputs", ParseDeclared, &manifest.outputs));
  MS_RETURN_IF_ERROR(ParseList(fields, "extern", ParseText, &manifest.externs));
  MS_RETURN_IF_ERROR(ParseList(fields, "tensors", ParseStored, &manifest.tensors));
  MS_RETURN_IF_ERROR(ParseList(fields, "files", ParseFile, &manifest.files));
  MS_RETURN_IF_ERROR(CheckManifest(manifest));
  return manifest;
}

Result<std::string> FormatManifest(const Manifest& manifest) {
  using Ordered = nlohmann::ordered_json;
  Ordered json = {
      {"format", kFormat},           {"version", kFormatVersion},     {"name", manifest.name},
      {"entry", manifest.entry},     {"python", manifest.python},     {"inputs", Ordered::array()},
      {"outputs", Ordered::array()}, {"batching", manifest.batching}, {"extern", manifest.externs},
      {"tensors", Ordered::array()}, {"files", Ordered::array()}};
  for (const DeclaredTensor& input : manifest.inputs) json["inputs"].push_back(ToJson(input));
  for (const DeclaredTensor& output : manifest.outputs) json["outputs"].push_back(ToJson(output));
  for (const StoredTensor& tensor : manifest.tensors) {
    json["tensors"].push_back({{"name", tensor.name},
                               {"dtype", DTypeName(tensor.dtype)},
                               {"shape", tensor.shape.dims()},
                               {"file", tensor.file},
                               {"sha256", tensor.sha256}});
  }
  for (const StoredFile& file : manifest.files) {
    json["files"].push_back({{"file", file.file}, {"sha256", file.sha256}});
  }
  try {
    return json.dump(1) + "\n";
  } catch (const nlohmann::json::exception&) {
    return InvalidArgument("the name of a file or tensor is not UTF-8");
  }
}

}  // namespace midstream::package

#include "core/formats/package/manifest.h"

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

// midstream package inspect: what a package declares and holds, without running any of it.
#include <fmt/format.h>

#include <algorithm>

#include "core/cli/package.h"
#include "core/cli/table.h"
#include "core/cli/tensor_text.h"
#include "core/formats/file.h"
#include "core/formats/package/package.h"

namespace midstream::cli {
namespace {

struct Args {
  std::string path;
  std::string code;
  bool json = false;
};

std::string Joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all.empty() ? "none" : all;
}

Json ToJson(const std::vector<package::DeclaredTensor>& tensors) {
  Json list = Json::array();
  for (const package::DeclaredTensor& tensor : tensors) {
    Json shape = Json::array();
    for (const NamedDim& dim : tensor.shape) {
      shape.push_back(dim.name.empty() ? Json(dim.size) : Json(dim.name));
    }
    list.push_back({{"name", tensor.name}, {"dtype", DTypeName(tensor.dtype)}, {"shape", shape}});
  }
  return list;
}

Json ToJson(const package::Package& package) {
  const package::Manifest& manifest = package.manifest();
  Json tensors = Json::array();
  for (size_t i = 0; i < manifest.tensors.size(); ++i) {
    const package::StoredTensor& tensor = manifest.tensors[i];
    tensors.push_back({{"name", tensor.name},
                       {"dtype", DTypeName(tensor.dtype)},
                       {"shape", ShapeJson(tensor.shape)},
                       {"file", tensor.file},
                       {"offset", package.tensor_offset(i)},
                       {"sha256", tensor.sha256}});
  }
  Json files = Json::array();
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    files.push_back({{"file", manifest.files[i].file},
                     {"bytes", package.contents(i).size()},
                     {"sha256", manifest.files[i].sha256}});
  }
  return {{"package", package.path()},
          {"bytes", package.size()},
          {"name", manifest.name},
          {"entry", manifest.entry},
          {"python", manifest.python},
          {"batching", manifest.batching},
          {"extern", manifest.externs},
          {"inputs", ToJson(manifest.inputs)},
          {"outputs", ToJson(manifest.outputs)},
          {"tensors", tensors},
          {"files", files}};
}

std::string ToText(const package::Package& package) {
  const package::Manifest& manifest = package.manifest();
  Table declared("ll");
  for (const auto& input : manifest.inputs) declared.Add({"input", cli::ToText(input)});
  for (const auto& output : manifest.outputs) declared.Add({"output", cli::ToText(output)});
  Table files("lr");
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    files.Add({manifest.files[i].file, Grouped(package.contents(i).size())});
  }
  Table tensors("llllr");
  for (size_t i = 0; i < manifest.tensors.size(); ++i) {
    const package::StoredTensor& tensor = manifest.tensors[i];
    tensors.Add({tensor.name, std::string(DTypeName(tensor.dtype)), tensor.shape.ToString(),
                 tensor.file, Grouped(package.tensor_offset(i))});
  }
  return fmt::format(
      "Package: {}, {} bytes\nModel: {}\nEntry: {}\nPython: {}\nExternal modules: {}\n"
      "Requests are joined: {}\n{}Files: {} (bytes)\n{}Tensors: {} (entry, offset)\n{}",
      package.path(), Grouped(package.size()), manifest.name, manifest.entry,
      manifest.python.empty() ? "any" : manifest.python + " or later", Joined(manifest.externs),
      manifest.batching ? "yes" : "no", declared.ToString(), manifest.files.size(),
      files.ToString(), manifest.tensors.size(), tensors.ToString());
}

// By the name of the entry, or of the module.
Outcome PrintCode(const package::Package& package, const std::string& name) {
  std::string module = std::string(package::kCodeFolder) + name;
  std::replace(module.begin() + package::kCodeFolder.size(), module.end(), '.', '/');
  const std::vector<package::StoredFile>& files = package.manifest().files;
  for (const std::string& wanted : {name, module + ".py", module + "/__init__.py"}) {
    for (size_t i = 0; i < files.size(); ++i) {
      if (files[i].file != wanted) continue;
      PrintText(package.contents(i));
      return {};
    }
  }
  return {Exit::kData,
          fmt::format("{} has no file or module {}", package.path(), formats::Quoted(name))};
}

Outcome Inspect(const Args& args) {
  const auto package = package::Package::Open(args.path);
  if (!package.ok()) return DataFailure(package.status());
  if (!args.code.empty()) return PrintCode(**package, args.code);
  if (args.json) {
    PrintJson(ToJson(**package));
  } else {
    PrintText(ToText(**package));
  }
  return {};
}

}  // namespace

void AddPackageInspect(CLI::App& package, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(package, "inspect", "Show what a package declares and holds",
                                 "  midstream package inspect policy.mspkg\n"
                                 "  midstream package inspect policy.mspkg --code policy\n",
                                 &args->json);
  command->add_option("FILE", args->path, "A package")->required();
  command
      ->add_option("--code", args->code,
                   "Print this file, by its name as code/nets/policy.py or its module as "
                   "nets.policy")
      ->type_name("NAME")
      ->check(NotEmpty());
  command->callback([=] { *action = [=] { return Inspect(*args); }; });
}

}  // namespace midstream::cli

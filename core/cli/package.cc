// midstream package: containers of models that are Python code. Nothing of a model is ever run here.
#include "core/cli/package.h"

#include <fmt/format.h>

#include "core/formats/file.h"

namespace midstream::cli {
namespace {

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

void AddPackage(CLI::App& app, Action* action) {
  CLI::App* package =
      app.add_subcommand("package", "Make, check, show and compare packages of Python models");
  package->footer(std::string(kExitCodesHelp));
  AddPackageCreate(*package, action);
  AddPackageVerify(*package, action);
  AddPackageInspect(*package, action);
  AddPackageDiff(*package, action);
}

Result<package::DeclaredTensor> ParseDeclaration(std::string_view text) {
  const auto malformed = [&](const std::string& why) {
    return InvalidArgument(fmt::format("{} is no declaration as 'x:float32[batch,4]': {}",
                                       formats::Quoted(text), why));
  };
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return malformed("there is no ':'");
  package::DeclaredTensor tensor;
  tensor.name = Trimmed(text.substr(0, colon));
  std::string_view kind = Trimmed(text.substr(colon + 1));
  std::string dims;
  if (const size_t open = kind.find('['); open != std::string_view::npos) {
    if (!kind.ends_with(']')) return malformed("']' is missing at its end");
    for (char c : kind.substr(open + 1, kind.size() - open - 2)) {
      if (c != ' ') dims += c;
    }
    kind = Trimmed(kind.substr(0, open));
  }
  tensor.dtype = DTypeFromName(kind);
  if (DTypeSize(tensor.dtype) == 0) {
    return malformed(fmt::format("{} is no dtype of fixed size", formats::Quoted(kind)));
  }
  auto shape = ParseNamedShape(dims);
  if (!shape.ok()) return malformed(std::string(shape.status().message()));
  tensor.shape = *std::move(shape);
  return tensor;
}

std::string ToText(const package::DeclaredTensor& tensor) {
  return fmt::format("{}: {}[{}]", tensor.name, DTypeName(tensor.dtype), ToString(tensor.shape));
}

}  // namespace midstream::cli

// `midstream package` and its parts, each in a file of its own.
#ifndef MIDSTREAM_CORE_CLI_PACKAGE_H_
#define MIDSTREAM_CORE_CLI_PACKAGE_H_

#include <string>
#include <string_view>

#include "core/cli/command.h"
#include "core/formats/package/manifest.h"

namespace midstream::cli {

void AddPackage(CLI::App& app, Action* action);

void AddPackageCreate(CLI::App& package, Action* action);
void AddPackageVerify(CLI::App& package, Action* action);
void AddPackageInspect(CLI::App& package, Action* action);
void AddPackageDiff(CLI::App& package, Action* action);

// "x:float32[batch,4]", spaces allowed around each part; without brackets a scalar. Errors:
// INVALID_ARGUMENT quoting the text.
Result<package::DeclaredTensor> ParseDeclaration(std::string_view text);
std::string ToText(const package::DeclaredTensor& tensor);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_PACKAGE_H_

// midstream package verify: whether packages are whole, and what is wrong with those that are not.
#include <fmt/format.h>

#include "core/cli/package.h"
#include "core/cli/table.h"
#include "core/formats/package/package.h"

namespace midstream::cli {
namespace {

struct Args {
  std::vector<std::string> files;
  bool json = false;
};

struct Verdict {
  std::string path;
  Status status;
  size_t files = 0;
  size_t tensors = 0;
  uint64_t bytes = 0;
};

Verdict Check(const std::string& path) {
  const auto package = package::Package::Open(path);
  if (!package.ok()) return {path, package.status()};
  return {path, (*package)->CheckCrcs(), (*package)->manifest().files.size(),
          (*package)->manifest().tensors.size(), (*package)->size()};
}

Outcome Verify(const Args& args) {
  std::string problems;
  Json list = Json::array();
  for (const std::string& path : args.files) {
    const Verdict verdict = Check(path);
    const bool good = verdict.status.ok();
    if (!good) problems += (problems.empty() ? "" : "\n") + std::string(verdict.status.message());
    Json json = {{"package", path}, {"good", good}};
    if (!good) json["problem"] = verdict.status.message();
    list.push_back(std::move(json));
    if (good && !args.json) {
      PrintText(fmt::format("{}: good: {} files, {} tensors, {} bytes\n", path, verdict.files,
                            verdict.tensors, Grouped(verdict.bytes)));
    }
  }
  if (args.json) PrintJson(list);
  if (problems.empty()) return {};
  return {Exit::kData, problems};
}

}  // namespace

void AddPackageVerify(CLI::App& package, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      package, "verify", "Check every byte of packages, as the engine does before it runs one",
      "  midstream package verify policy.mspkg\n", &args->json);
  command->add_option("FILE", args->files, "Packages")->required()->check(NotEmpty());
  command->callback([=] { *action = [=] { return Verify(*args); }; });
}

}  // namespace midstream::cli

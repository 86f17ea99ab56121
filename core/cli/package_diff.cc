// midstream package diff: how two packages differ: what they declare, their files line by line, their
// tensors bit by bit. Like diff(1), it ends with 0 for equal packages and 1 for different ones.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/cli/line_difference.h"
#include "core/cli/package.h"
#include "core/cli/weights_difference.h"
#include "core/formats/package/package.h"

namespace midstream::cli {
namespace {

constexpr size_t kShownLines = 40;  // of one file

struct Args {
  std::string a;
  std::string b;
  bool json = false;
};

struct FieldRow {
  std::string field;
  std::string a;
  std::string b;
};

struct FileRow {
  std::string file;
  bool in_a = false;
  bool in_b = false;
  bool text = false;  // both are
  LineDifference lines;
};

struct Found {
  std::vector<FieldRow> fields;
  std::vector<FileRow> files;
  WeightDifferences tensors;

  size_t count() const { return fields.size() + files.size() + tensors.count(); }
};

std::string Declared(const std::vector<package::DeclaredTensor>& tensors) {
  std::string text;
  for (const auto& tensor : tensors) text += (text.empty() ? "" : "; ") + ToText(tensor);
  return text;
}

std::vector<FieldRow> CompareFields(const package::Manifest& a, const package::Manifest& b) {
  const auto joined = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
    return text;
  };
  std::vector<FieldRow> rows = {
      {"name", a.name, b.name},
      {"entry", a.entry, b.entry},
      {"python", a.python, b.python},
      {"inputs", Declared(a.inputs), Declared(b.inputs)},
      {"outputs", Declared(a.outputs), Declared(b.outputs)},
      {"batching", a.batching ? "true" : "false", b.batching ? "true" : "false"},
      {"extern", joined(a.externs), joined(b.externs)}};
  std::erase_if(rows, [](const FieldRow& row) { return row.a == row.b; });
  return rows;
}

std::map<std::string, std::string> FilesOf(const package::Package& package) {
  std::map<std::string, std::string> files;
  for (size_t i = 0; i < package.manifest().files.size(); ++i) {
    files[package.manifest().files[i].file] = package.contents(i);
  }
  return files;
}

bool IsText(const std::string& bytes) { return bytes.find('\0') == std::string::npos; }

std::vector<FileRow> CompareFiles(const package::Package& a, const package::Package& b) {
  const auto left = FilesOf(a), right = FilesOf(b);
  std::vector<FileRow> rows;
  for (const auto& [file, bytes] : left) {
    const auto other = right.find(file);
    if (other == right.end()) {
      rows.push_back({file, true, false, false, {}});
    } else if (bytes != other->second) {
      const bool text = IsText(bytes) && IsText(other->second);
      rows.push_back(
          {file, true, true, text, text ? CompareLines(bytes, other->second) : LineDifference()});
    }
  }
  for (const auto& [file, bytes] : right) {
    if (!left.contains(file)) rows.push_back({file, false, true, false, {}});
  }
  return rows;
}

Result<Found> Gather(const Args& args) {
  MS_ASSIGN_OR_RETURN(const auto a, package::Package::Open(args.a));
  MS_ASSIGN_OR_RETURN(const auto b, package::Package::Open(args.b));
  Found found{CompareFields(a->manifest(), b->manifest()), CompareFiles(*a, *b), {}};
  MS_ASSIGN_OR_RETURN(found.tensors, CompareWeights(args.a, args.b, {}));
  return found;
}

Json ToJson(const Args& args, const Found& found) {
  Json fields = Json::array(), files = Json::array();
  for (const FieldRow& row : found.fields) {
    fields.push_back({{"field", row.field}, {"a", row.a}, {"b", row.b}});
  }
  for (const FileRow& row : found.files) {
    Json json = {{"file", row.file}, {"in_a", row.in_a}, {"in_b", row.in_b}};
    if (row.text) {
      json["removed"] = row.lines.removed;
      json["added"] = row.lines.added;
      json["lines"] = row.lines.lines;
    }
    files.push_back(std::move(json));
  }
  return {{"a", args.a},      {"b", args.b},    {"different", found.count()},
          {"fields", fields}, {"files", files}, {"tensors", cli::ToJson(found.tensors)}};
}

std::string FileText(const Args& args, const FileRow& row) {
  if (!row.in_b) return fmt::format("only in {}: {}\n", args.a, row.file);
  if (!row.in_a) return fmt::format("only in {}: {}\n", args.b, row.file);
  if (!row.text) return fmt::format("{}: differs\n", row.file);
  std::string text =
      fmt::format("{}: {} lines removed, {} added\n", row.file, row.lines.removed, row.lines.added);
  const size_t shown = std::min(row.lines.lines.size(), kShownLines);
  for (size_t i = 0; i < shown; ++i) text += "  " + row.lines.lines[i] + "\n";
  if (shown < row.lines.lines.size()) {
    text += fmt::format("  ... and {} more\n", row.lines.lines.size() - shown);
  }
  return text;
}

std::string ToText(const Args& args, const Found& found) {
  std::string text;
  for (const FieldRow& row : found.fields) {
    text += fmt::format("{}: '{}' in {}, '{}' in {}\n", row.field, row.a, args.a, row.b, args.b);
  }
  for (const FileRow& row : found.files) text += FileText(args, row);
  return text + cli::ToText(found.tensors);
}

Outcome Diff(const Args& args) {
  const Result<Found> found = Gather(args);
  // Whatever went wrong, it is not 1: that says that the packages differ.
  if (!found.ok()) return {Exit::kData, found.status()};
  if (args.json) {
    PrintJson(ToJson(args, *found));
  } else {
    PrintText(ToText(args, *found));
  }
  if (found->count() == 0) return {};
  return {Exit::kFailed, fmt::format("{} and {} differ", args.a, args.b)};
}

}  // namespace

void AddPackageDiff(CLI::App& package, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      package, "diff",
      "Compare two packages: declarations, files, tensors; exit code 0: equal, 1: different",
      "  midstream package diff policy-1.mspkg policy-2.mspkg\n", &args->json);
  command->add_option("A", args->a, "A package")->required();
  command->add_option("B", args->b, "A package")->required();
  command->callback([=] { *action = [=] { return Diff(*args); }; });
}

}  // namespace midstream::cli

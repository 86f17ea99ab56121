#include "core/policy/assets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/formats/file.h"

namespace midstream::policy {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "norm_stats.json";
constexpr int kDeepest = 4;         // parts of an id
constexpr size_t kMostFiles = 100;  // looked at, and listed

bool IsFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// In the folder of the weights, or up to two above it (params/params).
fs::path FindAssets(const std::string& checkpoint) {
  std::error_code error;
  fs::path folder = fs::absolute(checkpoint, error).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "step/"
  if (!IsFolder(folder)) folder = folder.parent_path();
  for (int i = 0; i < 3; ++i) {
    if (IsFolder(folder / "assets")) return folder / "assets";
    if (!folder.has_parent_path() || folder.parent_path() == folder) break;
    folder = folder.parent_path();
  }
  return {};
}

std::vector<std::string> IdsBelow(const fs::path& assets) {
  std::vector<std::string> ids;
  std::error_code error;
  fs::recursive_directory_iterator entry(assets, error);
  size_t seen = 0;
  while (!error && entry != fs::recursive_directory_iterator() && ++seen < kMostFiles) {
    if (entry.depth() >= kDeepest) entry.disable_recursion_pending();
    if (entry->path().filename() == kFile) {
      ids.push_back(entry->path().parent_path().lexically_relative(assets).string());
    }
    entry.increment(error);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

Result<std::string> FindNormStats(const std::string& checkpoint, const std::string& asset_id) {
  const fs::path assets = FindAssets(checkpoint);
  if (assets.empty()) {
    return NotFound(fmt::format(
        "{} has no assets/ with a {}: copy the one of its training, or name the file by "
        "policy.norm_stats",
        checkpoint, kFile));
  }
  const std::vector<std::string> ids = IdsBelow(assets);
  if (!asset_id.empty()) {
    std::error_code error;
    fs::path id = fs::path(asset_id).lexically_normal();
    if (!id.has_filename()) id = id.parent_path();  // "droid/"
    const bool below = id.is_relative() && *id.begin() != "..";
    if (below && fs::is_regular_file(assets / id / kFile, error)) {
      return (assets / id / kFile).string();
    }
    return NotFound(fmt::format("{} has no {} for policy.asset_id = {}; it has {}", assets.string(),
                                kFile, formats::Quoted(asset_id),
                                ids.empty() ? "none" : fmt::format("{}", fmt::join(ids, ", "))));
  }
  if (ids.size() == 1) return (assets / ids[0] / kFile).string();
  if (ids.empty()) return NotFound(fmt::format("{} has no {}", assets.string(), kFile));
  return InvalidArgument(
      fmt::format("{} has a {} for each of {}: expected policy.asset_id to name one",
                  assets.string(), kFile, fmt::join(ids, ", ")));
}

}  // namespace midstream::policy

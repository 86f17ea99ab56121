#include "core/formats/tensorflow/checkpoint_files.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "core/formats/file.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kMostShards = 1024;  // each is an open file
constexpr std::string_view kOf = "-of-";

// "P-00001-of-00002" or, as a pattern, "P-?????-of-00002".
struct ShardName {
  std::string prefix;
  int64_t count = 0;
};

bool IsShardNumber(std::string_view text) {
  return text.size() >= 5 &&
         (text.find_first_not_of("0123456789") == std::string_view::npos || text == "?????");
}

std::optional<ShardName> ParseShardName(std::string_view path) {
  size_t of = path.rfind(kOf);
  if (of == std::string_view::npos || of == 0) return std::nullopt;
  std::string_view total = path.substr(of + kOf.size());
  size_t dash = path.rfind('-', of - 1);
  if (dash == std::string_view::npos || !IsShardNumber(path.substr(dash + 1, of - dash - 1)) ||
      total.size() < 5) {
    return std::nullopt;
  }
  ShardName name{std::string(path.substr(0, dash)), 0};
  auto [end, error] = std::from_chars(total.data(), total.data() + total.size(), name.count);
  bool whole = error == std::errc() && end == total.data() + total.size();
  return whole ? std::optional(name) : std::nullopt;
}

std::string ShardPath(const std::string& prefix, int64_t shard, int64_t count) {
  char suffix[64];
  std::snprintf(suffix, sizeof(suffix), "-%05lld-of-%05lld", static_cast<long long>(shard),
                static_cast<long long>(count));
  return prefix + suffix;
}

Result<CheckpointFiles> AllShards(const ShardName& name) {
  if (name.count < 1 || name.count > kMostShards) {
    return InvalidArgument(name.prefix + " is said to have " + std::to_string(name.count) +
                           " shards; expected 1 to " + std::to_string(kMostShards));
  }
  CheckpointFiles files{name.prefix, {}};
  for (int64_t shard = 0; shard < name.count; ++shard) {
    std::string path = ShardPath(name.prefix, shard, name.count);
    if (!formats::IsFile(path)) {
      return NotFound(path + " is missing, one of the " + std::to_string(name.count) +
                      " shards of a V1 checkpoint");
    }
    files.v1.push_back(std::move(path));
  }
  return files;
}

// The numbers of shards in which checkpoints `prefix` lie there.
std::vector<int64_t> ShardCounts(const std::string& prefix) {
  std::filesystem::path path(prefix);
  std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::vector<int64_t> counts;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    auto name = ParseShardName(it->path().filename().string());
    if (!name || name->prefix != path.filename()) continue;
    if (std::count(counts.begin(), counts.end(), name->count) == 0) counts.push_back(name->count);
  }
  return counts;
}

}  // namespace

std::string CheckpointPrefix(const std::string& path) {
  for (std::string_view suffix : {".index", ".meta", ".pbtxt"}) {
    if (path.ends_with(suffix)) return path.substr(0, path.size() - suffix.size());
  }
  auto shard = ParseShardName(path);
  if (!shard) return path;
  constexpr std::string_view kData = ".data";
  if (!shard->prefix.ends_with(kData)) return shard->prefix;
  return shard->prefix.substr(0, shard->prefix.size() - kData.size());
}

Result<CheckpointFiles> FindCheckpointFiles(const std::string& path) {
  std::string prefix = CheckpointPrefix(path);
  auto named = ParseShardName(path);
  if (named && named->prefix == prefix) return AllShards(*named);
  if (formats::Exists(prefix + ".index")) return CheckpointFiles{prefix, {}};
  if (formats::IsFile(prefix)) return CheckpointFiles{prefix, {prefix}};
  std::vector<int64_t> counts = ShardCounts(prefix);
  if (counts.size() > 1) {
    return InvalidArgument(prefix + " has shards of " + std::to_string(counts.size()) +
                           " V1 checkpoints; name one as " +
                           formats::Quoted(ShardPath(prefix, 0, counts[0])));
  }
  if (counts.size() == 1) return AllShards({prefix, counts[0]});
  return NotFound("there is no checkpoint " + formats::Quoted(prefix) + ": neither " + prefix +
                  ".index (format V2) nor " + prefix + " or " + prefix +
                  "-00000-of-... (format V1)");
}

}  // namespace midstream::tensorflow

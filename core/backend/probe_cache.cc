#include "core/backend/probe_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "core/base/file.h"

namespace midstream::backend {
namespace {

constexpr uint64_t kMaxRecord = 64 << 10;

// FNV-1a: stable between runs and builds, unlike std::hash.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// "" when the file cannot be examined.
std::string FileState(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "";
  return fmt::format("{} {} {} {} {}.{:09}\n", path, info.st_dev, info.st_ino, info.st_size,
                     info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

struct Record {
  std::string path;  // "" when nothing can be remembered
  std::string text;
};

Record RecordFor(const std::string& plugin, const std::string& helper) {
  const std::string folder = UserCacheFolder();
  const std::string plugin_state = FileState(plugin);
  const std::string helper_state = FileState(helper);
  if (folder.empty() || plugin_state.empty() || helper_state.empty()) return {};
  return {fmt::format("{}/probe-{:016x}", folder, Hash(plugin)), plugin_state + helper_state};
}

}  // namespace

// secure_getenv: a privileged process takes no folder from its caller.
std::string UserCacheFolder() {
  const char* cache = secure_getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/midstream";
  const char* home = secure_getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/midstream";
  return "";
}

bool PassedProbeBefore(const std::string& plugin, const std::string& helper) {
  const Record record = RecordFor(plugin, helper);
  if (record.path.empty()) return false;
  const Result<std::string> text = ReadFile(record.path, kMaxRecord);
  return text.ok() && *text == record.text;
}

void RememberPassedProbe(const std::string& plugin, const std::string& helper) {
  const Record record = RecordFor(plugin, helper);
  if (record.path.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(record.path).parent_path(), error);
  // Written aside and renamed, so that no reader sees a part of it.
  const std::string aside = fmt::format("{}.{}", record.path, getpid());
  std::ofstream(aside, std::ios::binary) << record.text;
  std::filesystem::rename(aside, record.path, error);
  if (error) std::filesystem::remove(aside, error);
}

}  // namespace midstream::backend

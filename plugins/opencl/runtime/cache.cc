#include "runtime/cache.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace midstream::opencl {
namespace {

constexpr std::string_view kMagic = "midstream opencl cache 1\n";

// magic, then three numbers (bytes of the key, bytes of the value, hash of both), key, value.
struct Header {
  uint64_t key_bytes;
  uint64_t value_bytes;
  uint64_t hash;
};

std::string Encode(const std::string& key, const std::string& value) {
  const Header header{key.size(), value.size(), Hash(key + value)};
  std::string text(kMagic);
  text.append(reinterpret_cast<const char*>(&header), sizeof header);
  return text + key + value;
}

std::optional<std::string> Decode(const std::string& text, const std::string& key) {
  const size_t start = kMagic.size() + sizeof(Header);
  if (text.size() < start || !text.starts_with(kMagic)) return std::nullopt;
  Header header;
  std::memcpy(&header, text.data() + kMagic.size(), sizeof header);
  if (header.key_bytes != key.size() || text.size() - start < key.size() ||
      header.value_bytes != text.size() - start - key.size()) {
    return std::nullopt;
  }
  const std::string_view body = std::string_view(text).substr(start);
  if (!body.starts_with(key) || Hash(body) != header.hash) return std::nullopt;
  return std::string(body.substr(key.size()));
}

}  // namespace

uint64_t Hash(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string Cache::PathOf(const char* kind, const std::string& key) const {
  char name[64];
  std::snprintf(name, sizeof name, "%s-%016llx", kind, static_cast<unsigned long long>(Hash(key)));
  return folder_ + "/opencl/" + name;
}

std::optional<std::string> Cache::Read(const char* kind, const std::string& key) const {
  if (!enabled()) return std::nullopt;
  std::ifstream file(PathOf(kind, key), std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  std::optional<std::string> value = Decode(text.str(), key);
  if (!value) Distrust(kind, key, "it is damaged");
  return value;
}

void Cache::Distrust(const char* kind, const std::string& key, std::string_view why) const {
  sdk::Host(host_).Log(MS_LOG_WARNING, "opencl: the cached file " + PathOf(kind, key) +
                                           " is not used and made again: " + std::string(why));
}

void Cache::Write(const char* kind, const std::string& key, const std::string& value) const {
  if (!enabled()) return;
  const std::string path = PathOf(kind, key);
  std::error_code error;
  Store(path, Encode(key, value), &error);
  if (!error || complained_.exchange(true)) return;
  sdk::Host(host_).Log(MS_LOG_WARNING,
                       "opencl: the cache cannot be written, so kernels are compiled "
                       "again in every process: '" +
                           path + "': " + error.message());
}

void Cache::Store(const std::string& path, const std::string& text, std::error_code* error) {
  static std::atomic<uint64_t> counter{0};
  const std::string temporary =
      path + "." + std::to_string(getpid()) + "." + std::to_string(counter++);
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (std::filesystem::create_directories(folder, *error)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, *error);
  }
  if (*error) return;
  errno = 0;
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  if (file) {
    std::filesystem::rename(temporary, path, *error);
  } else {
    *error = {errno != 0 ? errno : EIO, std::generic_category()};
  }
  std::error_code ignored;
  if (*error) std::filesystem::remove(temporary, ignored);
}

}  // namespace midstream::opencl

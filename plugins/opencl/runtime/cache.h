// Files that outlive the process: compiled programs and what tuning found.
//
// An entry is found by the text of its key, which names everything that it depends on (device,
// driver, source, flags); a hash of it is only the file's name. Entries are written to a temporary
// file and renamed, so a reader sees a whole one or none. What does not carry its key and its
// checksum is not used: it is logged, and written again. Nothing here fails: without a folder, or on
// a full disk, entries are just not there; that a folder cannot be written is logged once. Threads: any; also several processes.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CACHE_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CACHE_H_

#include <atomic>
#include <optional>
#include <string>
#include <system_error>

#include "midstream/view.hpp"

namespace midstream::opencl {

class Cache {
 public:
  // An empty folder: no cache.
  Cache(const ms_host* host, std::string folder) : host_(host), folder_(std::move(folder)) {}

  bool enabled() const { return !folder_.empty(); }
  // kind: "program" or "tuning"; part of the file's name.
  std::optional<std::string> Read(const char* kind, const std::string& key) const;
  void Write(const char* kind, const std::string& key, const std::string& value) const;
  // For an entry that is whole, but that the driver refuses.
  void Distrust(const char* kind, const std::string& key, std::string_view why) const;

 private:
  static void Store(const std::string& path, const std::string& text, std::error_code* error);
  std::string PathOf(const char* kind, const std::string& key) const;

  const ms_host* host_;
  std::string folder_;
  mutable std::atomic<bool> complained_ = false;
};

// FNV-1a, 64 bits.
uint64_t Hash(std::string_view bytes);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CACHE_H_

#include "core/backend/plugin_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "core/base/file.h"
#include "midstream/backend.h"

namespace midstream::backend {
namespace {

constexpr const char* kHelperName = "midstream_probe";

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

  bool ReadAt(uint64_t offset, void* out, uint64_t size) const {
    auto* bytes = static_cast<char*>(out);
    while (size > 0) {
      if (offset > INT64_MAX) return false;
      const ssize_t count = pread(fd_, bytes, size, static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes += count;
      offset += static_cast<uint64_t>(count);
      size -= static_cast<uint64_t>(count);
    }
    return true;
  }

 private:
  int fd_;
};

std::string_view SanitizerName(uint32_t sanitizer) {
  switch (sanitizer) {
    case MS_SANITIZER_NONE:
      return "no sanitizer";
    case MS_SANITIZER_ADDRESS:
      return "AddressSanitizer";
    case MS_SANITIZER_THREAD:
      return "ThreadSanitizer";
    default:
      return "an unknown sanitizer";
  }
}

Status CheckNote(const PluginNote& note) {
  if (note.abi_major != MS_ABI_MAJOR) {
    return FailedPrecondition(fmt::format("was built for backend ABI {}.{}, this host has {}.{}",
                                          note.abi_major, note.abi_minor, MS_ABI_MAJOR,
                                          MS_ABI_MINOR));
  }
  // Code without a sanitizer runs under one; the reverse lacks the sanitizer's runtime.
  if (note.sanitizer != MS_SANITIZER_NONE && note.sanitizer != MS_SANITIZER_BUILT) {
    return FailedPrecondition(fmt::format("was built with {}, this host with {}",
                                          SanitizerName(note.sanitizer),
                                          SanitizerName(MS_SANITIZER_BUILT)));
  }
  return OkStatus();
}

// The checks of FindPlugin without the path in the message.
Result<PluginNote> CheckFile(const OpenFile& file) {
  struct stat info;
  if (fstat(file.fd(), &info) != 0) {
    return FailedPrecondition(std::generic_category().message(errno));
  }
  if (S_ISDIR(info.st_mode)) return InvalidArgument("is a directory, not a plugin");
  if (!S_ISREG(info.st_mode)) return InvalidArgument("is not a regular file");
  if ((info.st_mode & S_IWOTH) != 0) {
    return Status(Code::kPermissionDenied,
                  "may be written by every user, so it is not loaded; remove that permission");
  }
  MS_ASSIGN_OR_RETURN(PluginNote note,
                      ReadPluginNote([&](uint64_t offset, void* out, uint64_t size) {
                        return file.ReadAt(offset, out, size);
                      }));
  MS_RETURN_IF_ERROR(CheckNote(note));
  return note;
}

// The file that holds this code: the shared library, or the executable it is linked into.
std::string OwnFile() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&DefaultPluginDir), &info) == 0 ||
      info.dli_fname == nullptr) {
    return "";
  }
  std::error_code error;
  auto path = std::filesystem::canonical(info.dli_fname, error);
  // The main program's name may be what argv[0] said, which is no path.
  if (error) path = std::filesystem::canonical("/proc/self/exe", error);
  return error ? "" : path.string();
}

}  // namespace

std::string DefaultPluginDir() {
  static const std::string& dir = *new std::string([] {
    const std::string own = OwnFile();
    if (own.empty()) return std::string();
    const std::string folder = std::filesystem::path(own).parent_path().string();
    std::error_code error;
    for (const char* place : {"midstream", "../" MS_LIBDIR "/midstream", "../lib/midstream"}) {
      std::string candidate = AbsolutePath(place, folder);
      if (std::filesystem::is_directory(candidate, error)) return candidate;
    }
    return std::string();
  }());
  return dir;
}

Result<std::string> PluginDir(const std::string& configured) {
  if (!configured.empty()) return configured;
  std::string dir = DefaultPluginDir();
  if (dir.empty()) {
    return NotFound("there is no plugin folder beside " + OwnFile() + "; set plugins.dir");
  }
  return dir;
}

Result<std::string> ProbeHelper(const std::string& dir) {
  for (const std::string& folder : {DefaultPluginDir(), dir}) {
    if (folder.empty()) continue;
    std::string helper = folder + "/" + kHelperName;
    if (access(helper.c_str(), X_OK) == 0) return helper;
  }
  return FailedPrecondition(fmt::format(
      "cannot be probed, because {} is missing from {}; install it or set plugins.probe = \"off\"",
      kHelperName, dir));
}

Result<PluginFile> FindPlugin(std::string_view listed, const std::string& dir) {
  PluginFile found;
  found.path = listed.starts_with('/') ? std::string(listed) : fmt::format("{}/{}.so", dir, listed);
  const OpenFile file(found.path);
  if (file.fd() < 0) return ErrnoStatus(errno, found.path);
  Result<PluginNote> note = CheckFile(file);
  if (!note.ok()) {
    return Status(note.status().code(), fmt::format("{} {}", found.path, note.status().message()));
  }
  found.note = *std::move(note);
  if (!listed.starts_with('/') && found.note.name != listed) {
    return InvalidArgument(fmt::format("{} carries the plugin \"{}\", not \"{}\"", found.path,
                                       found.note.name, listed));
  }
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(found.path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return ErrnoStatus(errno, found.path);
  found.real = real.get();
  return found;
}

}  // namespace midstream::backend

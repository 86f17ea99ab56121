#include "core/backend/loader.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <ltdl.h>

#include <mutex>

namespace midstream::backend {
namespace {

// libltdl keeps global lists without locks of its own.
std::mutex& LibltdlMutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

std::string LastError() {
  const char* text = lt_dlerror();
  return text == nullptr ? "no reason given" : text;
}

lt_dlhandle OpenLocalResident(const std::string& path) {
  lt_dladvise advise;
  if (lt_dladvise_init(&advise) != 0) return nullptr;
  lt_dlhandle handle = nullptr;
  if (lt_dladvise_local(&advise) == 0 && lt_dladvise_resident(&advise) == 0) {
    handle = lt_dlopenadvise(path.c_str(), advise);
  }
  lt_dladvise_destroy(&advise);
  return handle;
}

// libltdl calls every failure "file not found"; the dynamic linker names the symbol or library.
std::string WhyRefused(const std::string& path) {
  const std::string libltdl = LastError();
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return libltdl;
  const char* text = dlerror();
  return text == nullptr ? libltdl : text;
}

}  // namespace

Result<QueryFunction> OpenPluginLibrary(const std::string& path) {
  const std::lock_guard lock(LibltdlMutex());
  // Counted by libltdl and never undone: libraries stay loaded.
  static const bool initialised = lt_dlinit() == 0;
  if (!initialised) return FailedPrecondition("cannot be loaded: libltdl does not start");
  const lt_dlhandle handle = OpenLocalResident(path);
  if (handle == nullptr) return FailedPrecondition("cannot be loaded: " + WhyRefused(path));
  const auto query = reinterpret_cast<QueryFunction>(lt_dlsym(handle, kQuerySymbol));
  if (query == nullptr) {
    return NotFound(fmt::format("does not export the symbol {}", kQuerySymbol));
  }
  return query;
}

}  // namespace midstream::backend

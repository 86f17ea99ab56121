// Interpreters in linker namespaces: each is a complete copy of libpython, libc and all that its
// models import, with a lock (GIL) of its own.
//
// glibc has 16 namespaces for the life of a process, the program's own among them, and none comes
// back once a C extension was imported there. So nothing is ever closed here.
#include <dlfcn.h>
#include <link.h>

#include "plugins/python/launchers.h"
#include "plugins/python/region.h"
#include "plugins/python/shim_image.h"

namespace midstream::python {

namespace {

class Shared : public Launcher {
 public:
  Shared(LaunchOptions options, Region& region) : options_(std::move(options)), region_(region) {}

  void Start(uint32_t worker) override {
    const Fd image =
        MakeShimImage(options_.folder + "/libmidstream_python_shim.so", options_.python.library);
    const std::string path = "/proc/self/fd/" + std::to_string(image.get());
    void* library = dlmopen(LM_ID_NEWLM, path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* why = dlerror();
      throw sdk::Error(MS_RESOURCE_EXHAUSTED, "cannot load " + options_.python.library + ": " +
                                                  (why != nullptr ? why : "no reason given"));
    }
    auto* start_thread =
        reinterpret_cast<decltype(&mp_start_thread)>(dlsym(library, "mp_start_thread"));
    if (start_thread == nullptr)
      throw sdk::Error(MS_UNAVAILABLE, "libmidstream_python_shim.so has no mp_start_thread");
    auto start = sdk::Sized<mp_start>();
    start.worker = worker;
    start.region = &region_.header();
    start.home = options_.python.home.c_str();
    start.executable = options_.python.executable.c_str();
    start.site = options_.site.c_str();
    start.threads = options_.threads;
    const int error = start_thread(&start);
    if (error != 0)
      throw sdk::Error(MS_RESOURCE_EXHAUSTED, std::string("no thread: ") + std::strerror(error));
  }
  void Kill(uint32_t, int32_t) override {}
  bool can_kill() const override { return false; }
  void StopAll() override {}

 private:
  const LaunchOptions options_;
  Region& region_;
};

}  // namespace

LauncherFactory SharedLauncher(LaunchOptions options) {
  return [options = std::move(options)](Region& region, LaunchEvents&) {
    return std::make_unique<Shared>(options, region);
  };
}

}  // namespace midstream::python

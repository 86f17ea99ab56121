// Compiled kernels of one device: built once for each (source, defines), kept in memory and in the
// cache.
//
// Some drivers compile a kernel again at its first launch with each work-group size. Launches that
// have been made once are therefore listed with the cached binary, which is read from the driver
// after them; whoever plans runs new ones ahead of the first request (CommandList::Warm).
// Threads: any; two that ask for the same program wait for one build.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PROGRAMS_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PROGRAMS_H_

#include <future>
#include <map>
#include <mutex>
#include <set>

#include "runtime/cache.h"
#include "runtime/call.h"
#include "runtime/traits.h"

namespace midstream::opencl {

class Programs {
 public:
  Programs(const ms_host* host, cl_context context, cl_device_id id, const Traits& traits,
           const Cache* cache);

  // Throws Error(MS_UNIMPLEMENTED) with the beginning of the build log.
  KernelObject MakeKernel(const Call& call);

  // Equal for launches that the driver compiles once.
  static std::string NameOfLaunch(const Call& call);
  // Whether a launch like this one was made before, by this process or those that wrote the cache.
  bool IsWarm(const Call& call);
  void SetWarm(const Call& call);
  // Writes what is new to the cache.
  void Save();

  // A key for what depends on the device, its driver, and all sources and how they are built.
  std::string KeyOfAll() const;

 private:
  struct Built {
    Program program;
    std::string key;  // of the cache
    std::set<std::string> warm;
    bool changed = false;
  };
  using BuiltPtr = std::shared_ptr<Built>;

  BuiltPtr Get(const Call& call);
  BuiltPtr Make(const std::string& source, const std::string& defines) const;
  bool Load(Built* built, const std::string& flags) const;
  void Compile(Built* built, const std::string& source, const std::string& flags) const;
  std::string Binary(cl_program program) const;

  const ms_host* host_;
  cl_context context_;
  cl_device_id id_;
  const Traits& traits_;
  const Cache* cache_;
  std::string device_key_;  // names the device and its driver; a part of every key of the cache
  std::string flags_;       // of every build
  std::mutex mutex_;        // programs_, and warm and changed of each
  std::map<std::string, std::shared_future<BuiltPtr>> programs_;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PROGRAMS_H_

#include "plugins/python/device.h"

#include <map>

#include "plugins/python/launchers.h"
#include "plugins/python/shim_image.h"

namespace midstream::python {

Device::Device(const ms_host* host, const Options& options)
    : host_(host),
      options_(options),
      python_(FindPython(options.python)),
      isolation_(options.isolation) {
  const bool shared = options.isolation == Isolation::kShared;
  const uint32_t count = options.Count();
  name_ = "CPython " + python_.version + (shared ? " (shared, " : " (process, ") +
          std::to_string(count) + (count == 1 ? " interpreter)" : " interpreters)");
  isa_ = "python" + python_.minor();
  SiteFolder(options.site, python_);  // throws for one that cannot be meant
}

std::shared_ptr<Pool> Device::FindPool(const Options& options) {
  static std::mutex mutex;
  static auto* ends = new std::map<Options, std::weak_ptr<Pool>>;     // of worker processes
  static auto* stays = new std::map<Options, std::shared_ptr<Pool>>;  // never destroyed
  std::lock_guard lock(mutex);
  const bool shared = options.isolation == Isolation::kShared;
  if (shared && stays->count(options) != 0) return (*stays)[options];
  if (!shared) {
    if (auto pool = (*ends)[options].lock()) return pool;
  }
  const LaunchOptions launch{python_,         PluginFolder(),  SiteFolder(options.site, python_),
                             options.preload, options.threads, options.load_timeout};
  const PoolOptions pool_options{options.Count(), options.load_timeout, options.spin_us,
                                 CoreCount()};
  auto pool = std::make_shared<Pool>(!shared, pool_options, Log(host_),
                                     shared ? SharedLauncher(launch) : ProcessLauncher(launch));
  if (shared) {
    (*stays)[options] = pool;
  } else {
    (*ends)[options] = pool;
  }
  return pool;
}

std::shared_ptr<Pool> Device::UsePool() {
  std::shared_ptr<Pool> pool;
  {
    std::lock_guard lock(mutex_);
    if (pool_ == nullptr) {
      Options options = options_;
      options.isolation = isolation_;
      pool_ = FindPool(options);
    }
    pool = pool_;
  }
  try {
    pool->EnsureStarted();
    return pool;
  } catch (const LoaderExhausted& e) {
    if (!FallBack(pool, e.what())) throw;
  }
  return UsePool();
}

bool Device::FallBack(const std::shared_ptr<Pool>& pool, const std::string& why) {
  if (!pool->absolute()) return false;
  std::lock_guard lock(mutex_);
  if (pool_ != pool) return true;  // another module did
  isolation_ = Isolation::kProcess;
  pool_ = nullptr;
  const Log log(host_);
  log(MS_LOG_WARNING,
      "python: falls back from isolation shared to process, where models run in worker "
      "processes: " +
          why);
  return true;
}

}  // namespace midstream::python

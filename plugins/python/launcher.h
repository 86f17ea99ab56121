// How a pool gets its interpreters, and what it hears of them.
#ifndef MIDSTREAM_PLUGINS_PYTHON_LAUNCHER_H_
#define MIDSTREAM_PLUGINS_PYTHON_LAUNCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "midstream/view.hpp"

namespace midstream::python {

class Region;

// The pool, as a launcher sees it. Any thread.
class LaunchEvents {
 public:
  // The worker's process ended. `how`: "by signal 11 (Segmentation fault)".
  virtual void OnDeath(uint32_t worker, const std::string& how) = 0;
  // The worker could not be started at all.
  virtual void OnFailure(uint32_t worker, const std::string& why) = 0;

 protected:
  ~LaunchEvents() = default;
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  // Makes a worker; whether it works shows in mp_worker.state, or comes as OnFailure. Throws
  // Error(MS_RESOURCE_EXHAUSTED) when this process has no room for another one. Any thread.
  virtual void Start(uint32_t worker) = 0;
  // Ends a worker's process, if it is still the one with this mp_worker.pid; OnDeath follows. Only
  // where can_kill(). Any thread.
  virtual void Kill(uint32_t worker, int32_t pid) = 0;
  virtual bool can_kill() const = 0;
  // Ends all workers, and waits for that. No event comes afterwards.
  virtual void StopAll() = 0;
};

using LauncherFactory = std::function<std::unique_ptr<Launcher>(Region&, LaunchEvents&)>;

// True for what the dynamic loader says when it has no room for another namespace or another
// library with thread-local memory: other interpreters, or worker processes, may still do.
inline bool IsLoaderExhausted(std::string_view text) {
  for (std::string_view sign : {"static TLS block", "no more namespaces", "too many namespaces"}) {
    if (text.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

// The log of the core; silent without a host.
class Log {
 public:
  explicit Log(const ms_host* host) : host_(host) {}
  void operator()(int32_t level, std::string_view text) const {
    if (host_ != nullptr) host_->log(host_->self, level, sdk::Str(text));
  }

 private:
  const ms_host* host_;
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_LAUNCHER_H_

// Device: the options, the Python they name, and the pool its modules run in.
//
// A pool belongs to a set of options. Interpreters in this process live as long as it does, and so
// does their pool; one of worker processes ends when the last device that uses it is closed.
// Threads: any.
#ifndef MIDSTREAM_PLUGINS_PYTHON_DEVICE_H_
#define MIDSTREAM_PLUGINS_PYTHON_DEVICE_H_

#include <memory>
#include <mutex>

#include "plugins/python/libpython.h"
#include "plugins/python/options.h"
#include "plugins/python/pool.h"

namespace midstream::python {

class Device {
 public:
  // Throws Error: UNAVAILABLE when the Python is not there.
  Device(const ms_host* host, const Options& options);

  // Started. Throws Error, never LoaderExhausted: then worker processes are used from here on.
  std::shared_ptr<Pool> UsePool();
  // What `pool` cannot load may do in worker processes. False: it has those already.
  bool FallBack(const std::shared_ptr<Pool>& pool, const std::string& why);

  const ms_host* host() const { return host_; }
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }
  const std::string& isa() const { return isa_; }

 private:
  std::shared_ptr<Pool> FindPool(const Options& options);

  const ms_host* host_;
  const Options options_;
  const Python python_;
  std::string name_;
  std::string isa_;
  std::mutex mutex_;
  Isolation isolation_;  // what is used, which is not the option's after a fall back
  std::shared_ptr<Pool> pool_;
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_DEVICE_H_

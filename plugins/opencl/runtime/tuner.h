// Chooses among calls that compute the same by timing them, and remembers what it found.
//
// Threads: any; one measurement at a time.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_TUNER_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_TUNER_H_

#include <map>
#include <mutex>

#include "runtime/cache.h"
#include "runtime/call.h"

namespace midstream::opencl {

class Device;

class Tuner {
 public:
  Tuner(const Cache* cache, std::string key);

  // The index of the fastest call. Their bits must be equal: a choice may differ from run to run.
  size_t Choose(Device* device, const std::vector<Call>& calls);
  // Writes what is new to the cache.
  void Save();

 private:
  const Cache* cache_;
  const std::string key_;
  std::mutex mutex_;
  std::map<std::string, size_t> chosen_;  // by a hash of the calls
  bool changed_ = false;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_TUNER_H_

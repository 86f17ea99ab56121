// The services that the core offers to plugins (ms_host): logging, the thread pool, memory, graph
// accessors.
//
// All engines of a process share a plugin, and it is never unloaded, so its host is the process's: one pool
// as wide as the machine, one recycling memory. How many threads a loop may use is the caller's
// affair: ThreadLimit narrows it for the thread that executes a plan.
#ifndef MIDSTREAM_CORE_BACKEND_HOST_H_
#define MIDSTREAM_CORE_BACKEND_HOST_H_

#include <functional>
#include <memory>

#include "core/backend/memory.h"
#include "midstream/backend.h"

namespace midstream::backend {

// The table to pass to LoadPlugins; made on first use, never destroyed. Threads: any.
const ms_host* ProcessHost();

MemoryStats ProcessMemoryStats();

// Recycled memory, 64-byte aligned; null when the system has none.
std::shared_ptr<void> AllocateShared(size_t bytes);

// The process's pool, under the calling thread's limit.
void ParallelFor(uint32_t n, const std::function<void(uint32_t)>& body);

// While it lives, parallel_for and thread_count called from this thread use at most `threads`
// threads; 0 = all.
class ThreadLimit {
 public:
  explicit ThreadLimit(uint32_t threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  uint32_t previous_;
};

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_HOST_H_

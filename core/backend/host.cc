#include "core/backend/host.h"

#include <algorithm>

#include "core/backend/graph_view.h"
#include "core/base/log.h"
#include "core/base/thread_pool.h"

namespace midstream::backend {
namespace {

struct Services {
  ThreadPool pool{0};
  RecyclingMemory memory;
};

// Reachable until the process ends: plugins may hold their host that long.
Services& Process() {
  static auto* services = new Services;
  return *services;
}

thread_local uint32_t thread_limit = 0;

uint32_t ThreadCount(void* self) {
  uint32_t all = static_cast<Services*>(self)->pool.thread_count();
  return thread_limit == 0 ? all : std::min(all, thread_limit);
}

// A loop of n bodies on fewer threads than the pool has: `lanes` indices that each run a share.
struct Lanes {
  uint32_t n;
  uint32_t lanes;
  void (*body)(void*, uint32_t);
  void* user;
};

void RunLane(void* user, uint32_t lane) {
  const auto& work = *static_cast<const Lanes*>(user);
  for (uint32_t i = lane; i < work.n; i += work.lanes) work.body(work.user, i);
}

void ParallelFor(void* self, uint32_t n, void (*body)(void*, uint32_t), void* user) {
  auto* services = static_cast<Services*>(self);
  uint32_t threads = ThreadCount(self);
  if (threads <= 1 || n <= 1) {
    for (uint32_t i = 0; i < n; ++i) body(user, i);
  } else if (threads == services->pool.thread_count()) {
    services->pool.ParallelFor(n, body, user);
  } else {
    Lanes work{n, std::min(threads, n), body, user};
    services->pool.ParallelFor(work.lanes, RunLane, &work);
  }
}

void LogText(void*, int32_t level, ms_str text) {
  auto clamped = std::clamp(level, MS_LOG_DEBUG, MS_LOG_ERROR);
  Log(static_cast<LogLevel>(clamped), {text.data, text.size});
}

void* MemAlloc(void* self, uint64_t bytes) {
  return static_cast<Services*>(self)->memory.Allocate(bytes);
}
void MemFree(void* self, void* ptr, uint64_t bytes) {
  static_cast<Services*>(self)->memory.Free(ptr, bytes);
}
const void* GetExtension(void*, const char*) { return nullptr; }

}  // namespace

const ms_host* ProcessHost() {
  static const ms_host host = {sizeof(ms_host),
                               MS_ABI_MAJOR,
                               MS_ABI_MINOR,
                               &Process(),
                               LogText,
                               ParallelFor,
                               ThreadCount,
                               MemAlloc,
                               MemFree,
                               AbiGraph::GraphInfo,
                               AbiGraph::NodeInfo,
                               AbiGraph::NodeAttr,
                               AbiGraph::ValueInfo,
                               GetExtension};
  return &host;
}

MemoryStats ProcessMemoryStats() { return Process().memory.stats(); }

ThreadLimit::ThreadLimit(uint32_t threads) : previous_(thread_limit) { thread_limit = threads; }
ThreadLimit::~ThreadLimit() { thread_limit = previous_; }

}  // namespace midstream::backend

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

// The system clears memory when it is first touched, which for large blocks takes longer than what
// they are then filled with: all threads share in it.
void* MemAlloc(void* self, uint64_t bytes) {
  constexpr uint64_t kWorthSharing = uint64_t{32} << 20;
  constexpr uint64_t kStep = uint64_t{2} << 20;  // a huge page
  constexpr uint64_t kPage = 4096;
  auto* services = static_cast<Services*>(self);
  bool fresh = false;
  auto* memory = static_cast<volatile char*>(services->memory.Allocate(bytes, &fresh));
  if (memory != nullptr && fresh && bytes >= kWorthSharing) {
    auto touch = [&](uint32_t step) {
      const uint64_t end = std::min(bytes, (step + uint64_t{1}) * kStep);
      for (uint64_t at = step * kStep; at < end; at += kPage) memory[at] = 0;
    };
    using Touch = decltype(touch);
    ParallelFor(
        self, static_cast<uint32_t>((bytes + kStep - 1) / kStep),
        [](void* user, uint32_t step) { (*static_cast<Touch*>(user))(step); }, &touch);
  }
  return const_cast<char*>(memory);
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

std::shared_ptr<void> AllocateShared(size_t bytes) {
  void* ptr = MemAlloc(&Process(), bytes);
  if (ptr == nullptr) return nullptr;
  return {ptr, [bytes](void* block) { Process().memory.Free(block, bytes); }};
}

void ParallelFor(uint32_t n, const std::function<void(uint32_t)>& body) {
  using Body = const std::function<void(uint32_t)>;
  ParallelFor(
      &Process(), n, [](void* user, uint32_t index) { (*static_cast<Body*>(user))(index); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

ThreadLimit::ThreadLimit(uint32_t threads) : previous_(thread_limit) { thread_limit = threads; }
ThreadLimit::~ThreadLimit() { thread_limit = previous_; }

}  // namespace midstream::backend

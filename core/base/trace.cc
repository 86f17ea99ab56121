#include "core/base/trace.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "core/base/file_replacement.h"

namespace midstream::trace {
namespace {

constexpr size_t kChunkEvents = 512;
constexpr size_t kMaxThreads = 4096;  // that have a buffer in one trace

enum class Kind : uint8_t { kComplete, kAsync, kInstant, kTrack };

struct Event {
  const char* category;
  const char* name;
  uint64_t begin_ns;
  uint64_t end_ns;
  uint64_t id;  // kAsync; kTrack: the address of the track's name
  const char* keys[kMaxArgs];
  int64_t values[kMaxArgs];
  uint8_t key_sizes[kMaxArgs];
  uint8_t arg_count;
  Kind kind;
};
static_assert(sizeof(Event) <= 112);

struct Chunk {
  size_t size = 0;
  Event events[kChunkEvents];
};

// The events of one thread in one trace.
class Buffer {
 public:
  Buffer(int32_t thread, std::string name, std::atomic<size_t>* total)
      : thread_(thread), name_(std::move(name)), total_(total) {}

  // False: the trace that the buffer belongs to has ended.
  bool Add(const Event& event) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (!HasRoom()) {
      ++dropped_;
      return true;
    }
    Chunk& chunk = *chunks_.back();
    chunk.events[chunk.size++] = event;
    return true;
  }

  struct Contents {
    int32_t thread;
    std::string name;
    std::vector<std::unique_ptr<Chunk>> chunks;
    uint64_t dropped;
  };
  // Once. Afterwards the buffer takes no events; its thread may keep it for long.
  Contents Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return {thread_, name_, std::exchange(chunks_, {}), dropped_};
  }

 private:
  // Room for an event in the last chunk. Whole chunks count against the bounds.
  bool HasRoom() {
    if (!chunks_.empty() && chunks_.back()->size < kChunkEvents) return true;
    if (chunks_.size() * kChunkEvents >= kMaxThreadEvents) return false;
    if (total_->fetch_add(kChunkEvents, std::memory_order_relaxed) >= kMaxEvents) return false;
    try {
      chunks_.push_back(std::make_unique_for_overwrite<Chunk>());
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  const int32_t thread_;
  const std::string name_;
  std::atomic<size_t>* const total_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  uint64_t dropped_ = 0;
  bool closed_ = false;
};

std::string ThreadName() {
  char name[32] = "";
  static_cast<void>(pthread_getname_np(pthread_self(), name, sizeof name));
  return name;
}

class Tracer {
 public:
  Status Start() {
    const std::lock_guard lock(mutex_);
    if (Enabled()) return FailedPrecondition("a trace is under way already");
    start_ns_ = Now();
    total_.store(0, std::memory_order_relaxed);
    internal::enabled.store(true, std::memory_order_relaxed);
    return OkStatus();
  }

  struct Recorded {
    std::vector<Buffer::Contents> threads;
    uint64_t start_ns = 0;
    uint64_t dropped = 0;
  };
  Result<Recorded> Stop() {
    const std::lock_guard lock(mutex_);
    if (!Enabled()) return FailedPrecondition("no trace is under way");
    internal::enabled.store(false, std::memory_order_relaxed);
    Recorded recorded{{}, start_ns_, dropped_.exchange(0)};
    for (const auto& buffer : buffers_) {
      recorded.threads.push_back(buffer->Close());
      recorded.dropped += recorded.threads.back().dropped;
    }
    buffers_.clear();
    return recorded;
  }

  void Emit(const Event& event) {
    thread_local std::shared_ptr<Buffer> mine;
    if (mine && mine->Add(event)) return;
    mine = Register();
    if (mine) mine->Add(event);
  }

 private:
  // null: the trace has ended, or has too many threads.
  std::shared_ptr<Buffer> Register() try {
    const std::lock_guard lock(mutex_);
    if (!Enabled()) return nullptr;
    if (buffers_.size() == kMaxThreads) {
      ++dropped_;
      return nullptr;
    }
    return buffers_.emplace_back(std::make_shared<Buffer>(gettid(), ThreadName(), &total_));
  } catch (const std::bad_alloc&) {
    ++dropped_;
    return nullptr;
  }

  std::mutex mutex_;
  uint64_t start_ns_ = 0;
  std::vector<std::shared_ptr<Buffer>> buffers_;
  std::atomic<uint64_t> dropped_{0};  // by threads without a buffer
  std::atomic<size_t> total_{0};      // events in chunks
};

// Never destroyed: threads may trace while the process ends.
Tracer& TheTracer() {
  static Tracer& tracer = *new Tracer;
  return tracer;
}

Event MakeEvent(const char* category, const char* name, uint64_t begin_ns, uint64_t end_ns,
                Kind kind, std::span<const Arg> args) {
  Event event{};
  event.category = category;
  event.name = name;
  event.begin_ns = begin_ns;
  event.end_ns = end_ns;
  event.kind = kind;
  for (const Arg& arg : args.first(std::min(args.size(), kMaxArgs))) {
    event.keys[event.arg_count] = arg.key.data();
    event.key_sizes[event.arg_count] = static_cast<uint8_t>(std::min<size_t>(arg.key.size(), 255));
    event.values[event.arg_count++] = arg.value;
  }
  return event;
}

// With its quotes.
std::string Quoted(std::string_view text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

// The format's unit, with the nanoseconds as its fraction.
std::string Microseconds(uint64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

// What is the same in both events of an asynchronous one.
std::string Head(const Event& event, std::string_view where, uint64_t ns) {
  return fmt::format(",\n{{\"name\":{},\"cat\":{},{},\"ts\":{}", Quoted(event.name),
                     Quoted(event.category), where, Microseconds(ns));
}

void AppendEvent(const Event& event, std::string_view where, uint64_t start_ns, std::string* text) {
  const uint64_t begin = std::max(event.begin_ns, start_ns) - start_ns;
  const uint64_t end = std::max(std::max(event.end_ns, start_ns) - start_ns, begin);
  *text += Head(event, where, begin);
  switch (event.kind) {
    case Kind::kComplete:
    case Kind::kTrack:
      *text += fmt::format(",\"ph\":\"X\",\"dur\":{}", Microseconds(end - begin));
      break;
    case Kind::kAsync:
      *text += fmt::format(",\"ph\":\"b\",\"id\":\"{:#x}\"", event.id);
      break;
    case Kind::kInstant:
      *text += ",\"ph\":\"i\",\"s\":\"p\"";
      break;
  }
  if (event.arg_count != 0) {
    *text += ",\"args\":";
    for (size_t i = 0; i < event.arg_count; ++i) {
      *text += fmt::format("{}{}:{}", i == 0 ? '{' : ',',
                           Quoted({event.keys[i], event.key_sizes[i]}), event.values[i]);
    }
    *text += '}';
  }
  *text += '}';
  if (event.kind != Kind::kAsync) return;
  *text += Head(event, where, end) + fmt::format(",\"ph\":\"e\",\"id\":\"{:#x}\"}}", event.id);
}

Status Write(const Tracer::Recorded& recorded, const std::string& path) {
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  std::string text = fmt::format(
      "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"dropped_events\":{}}},\"traceEvents\":[\n"
      "{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}}",
      recorded.dropped, getpid(), getpid(), Quoted(program_invocation_short_name));
  constexpr int64_t kFirstTrack = int64_t{1} << 30;  // beyond the numbers of threads
  std::map<uint64_t, std::string> tracks;            // where their events are, by their names
  const auto add_row = [&](int64_t number, std::string_view name) {
    std::string where = fmt::format("\"pid\":{},\"tid\":{}", getpid(), number);
    text += fmt::format(",\n{{\"name\":\"thread_name\",\"ph\":\"M\",{},\"args\":{{\"name\":{}}}}}",
                        where, Quoted(name));
    return where;
  };
  const auto track_of = [&](uint64_t name) -> const std::string& {
    std::string& where = tracks[name];
    if (where.empty()) {
      where = add_row(kFirstTrack + static_cast<int64_t>(tracks.size()),
                      std::bit_cast<const char*>(name));
    }
    return where;
  };
  for (const Buffer::Contents& thread : recorded.threads) {
    const std::string where = add_row(thread.thread, thread.name);
    for (const auto& chunk : thread.chunks) {
      for (size_t i = 0; i < chunk->size; ++i) {
        const Event& event = chunk->events[i];
        AppendEvent(event, event.kind == Kind::kTrack ? track_of(event.id) : where,
                    recorded.start_ns, &text);
      }
      MS_RETURN_IF_ERROR(file.Append(text));
      text.clear();
    }
  }
  MS_RETURN_IF_ERROR(file.Append(text + "\n]}\n"));
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

}  // namespace

uint64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Complete(const char* category, const char* name, uint64_t begin_ns, uint64_t end_ns,
              std::initializer_list<Arg> args) {
  if (!Enabled()) return;
  TheTracer().Emit(
      MakeEvent(category, name, begin_ns, end_ns, Kind::kComplete, {args.begin(), args.end()}));
}

void Async(const char* category, const char* name, uint64_t id, uint64_t begin_ns, uint64_t end_ns,
           std::initializer_list<Arg> args) {
  if (!Enabled()) return;
  Event event =
      MakeEvent(category, name, begin_ns, end_ns, Kind::kAsync, {args.begin(), args.end()});
  event.id = id;
  TheTracer().Emit(event);
}

void OnTrack(const char* category, const char* name, const char* track, uint64_t begin_ns,
             uint64_t end_ns) {
  if (!Enabled()) return;
  Event event = MakeEvent(category, name, begin_ns, end_ns, Kind::kTrack, {});
  event.id = std::bit_cast<uint64_t>(track);
  TheTracer().Emit(event);
}

const char* Intern(std::string_view text) {
  struct Texts {
    std::mutex mutex;
    std::set<std::string, std::less<>> set;
  };
  static Texts& texts = *new Texts;  // never destroyed
  const std::lock_guard lock(texts.mutex);
  auto it = texts.set.find(text);
  if (it == texts.set.end()) it = texts.set.emplace(text).first;
  return it->c_str();
}

void Instant(const char* category, const char* name, std::initializer_list<Arg> args) {
  if (!Enabled()) return;
  const uint64_t now = Now();
  TheTracer().Emit(MakeEvent(category, name, now, now, Kind::kInstant, {args.begin(), args.end()}));
}

void Span::Finish() {
  const uint64_t end_ns = Now();
  TheTracer().Emit(
      MakeEvent(category_, name_, begin_ns_, end_ns, Kind::kComplete, {args_.data(), arg_count_}));
}

Status Start() { return TheTracer().Start(); }

Status Stop(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const Tracer::Recorded recorded, TheTracer().Stop());
  return Write(recorded, path).WithContext("trace");
}

}  // namespace midstream::trace

// Trace: what the process did when, as Chrome trace events, which Perfetto and chrome://tracing open.
//
// Off, an event costs one relaxed atomic load. On, a thread keeps its events in a buffer of its own
// under a lock that only Stop ever contends for; Stop writes them all. Buffers are bounded: beyond
// kMaxThreadEvents of a thread and kMaxEvents of all threads events are dropped, and the file says
// how many. An event costs 112 bytes of memory until it is written.
//
// Strings that events are given (categories, names, keys) are kept as they are: they must be string
// literals, or come from Intern. A thread has the name in the file that pthread_setname_np gave it before its first event.
//
// Threads: any, at any time; there is one trace in a process.
#ifndef MIDSTREAM_CORE_BASE_TRACE_H_
#define MIDSTREAM_CORE_BASE_TRACE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace midstream::trace {

inline constexpr size_t kMaxThreadEvents = size_t{1} << 17;
inline constexpr size_t kMaxEvents = size_t{1} << 19;
inline constexpr size_t kMaxArgs = 4;  // of an event; further ones are left out

namespace internal {
inline std::atomic<bool> enabled{false};
}  // namespace internal

inline bool Enabled() { return internal::enabled.load(std::memory_order_relaxed); }

// Nanoseconds of the steady clock.
uint64_t Now();

struct Arg {
  std::string_view key;
  int64_t value;
};

// What lasted from begin_ns to end_ns, on the calling thread. What began before Start is shown from
// Start on.
void Complete(const char* category, const char* name, uint64_t begin_ns, uint64_t end_ns,
              std::initializer_list<Arg> args = {});
// What lasted from begin_ns to end_ns beside everything else, on a track of its own. id: of those
// with one category and name, no two of the same id overlap.
void Async(const char* category, const char* name, uint64_t id, uint64_t begin_ns, uint64_t end_ns,
           std::initializer_list<Arg> args = {});
// What lasted from begin_ns to end_ns on something that is no thread: all events of one track stand
// in one row of the picture, where they must not overlap unless one holds the other. name and track
// must live as long as the process: literals, or of Intern.
void OnTrack(const char* category, const char* name, const char* track, uint64_t begin_ns,
             uint64_t end_ns);
// The text for as long as the process lives; equal texts are one.
const char* Intern(std::string_view text);
// What happened now, on the calling thread.
void Instant(const char* category, const char* name, std::initializer_list<Arg> args = {});

// Complete for the scope that it lives in. One that was made while the trace is off does nothing.
class Span {
 public:
  explicit Span(const char* category, const char* name, std::initializer_list<Arg> args = {})
      : category_(category), name_(name), begin_ns_(Enabled() ? Now() : 0) {
    if (begin_ns_ != 0) {
      for (const Arg& arg : args) Add(arg.key, arg.value);
    }
  }
  ~Span() {
    if (begin_ns_ != 0) Finish();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  // For what is known only later.
  void Add(std::string_view key, int64_t value) {
    if (arg_count_ < kMaxArgs) args_[arg_count_++] = {key, value};
  }

 private:
  void Finish();

  const char* category_;
  const char* name_;
  uint64_t begin_ns_;
  size_t arg_count_ = 0;
  std::array<Arg, kMaxArgs> args_;
};

// Errors: FAILED_PRECONDITION when a trace is under way.
Status Start();
// Ends the trace and replaces the file. Errors: FAILED_PRECONDITION when no trace is under way;
// those of writing. The trace has ended in every case.
Status Stop(const std::string& path);

}  // namespace midstream::trace

#endif  // MIDSTREAM_CORE_BASE_TRACE_H_

#include "core/base/log.h"

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace midstream {
namespace {

constexpr int32_t kOff = static_cast<int32_t>(LogLevel::kError) + 1;

struct Hook {
  std::atomic<int32_t> minimum{kOff};
  std::shared_mutex mutex;
  LogSink sink;  // guarded by mutex
};

// Never destroyed: threads of a plugin may log while the process ends.
Hook& TheHook() {
  static Hook& hook = *new Hook;
  return hook;
}

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void SetLogSink(LogSink sink, LogLevel minimum) {
  Hook& hook = TheHook();
  const std::unique_lock lock(hook.mutex);
  hook.minimum.store(sink ? static_cast<int32_t>(minimum) : kOff, std::memory_order_relaxed);
  hook.sink = std::move(sink);
}

bool LogEnabled(LogLevel level) {
  return static_cast<int32_t>(level) >= TheHook().minimum.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view text) {
  if (!LogEnabled(level)) return;
  Hook& hook = TheHook();
  const std::shared_lock lock(hook.mutex);
  if (hook.sink) hook.sink(level, text);
}

}  // namespace midstream

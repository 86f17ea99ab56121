// The log hook: the library never prints; it hands text to the one sink of the process.
//
// There is no sink until the application sets one, and then Log costs one atomic load.
// Threads: any. The sink may be called by several threads at once. When SetLogSink returns, the old
// sink is no longer in use. A sink must not call back into this file and must not throw.
#ifndef MIDSTREAM_CORE_BASE_LOG_H_
#define MIDSTREAM_CORE_BASE_LOG_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/export.h"

namespace midstream {

// The values of MS_LOG_* in the backend ABI.
enum class LogLevel : int32_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// "debug", "info", "warning", "error".
MS_API std::string_view LogLevelName(LogLevel level);

// text is one line without its end.
using LogSink = std::function<void(LogLevel level, std::string_view text)>;

// Messages below minimum are dropped. An empty sink drops everything.
MS_API void SetLogSink(LogSink sink, LogLevel minimum = LogLevel::kWarning);

// Whether a message of this level would reach the sink: for text that is costly to make.
MS_API bool LogEnabled(LogLevel level);

MS_API void Log(LogLevel level, std::string_view text);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_LOG_H_

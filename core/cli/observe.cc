#include "core/cli/observe.h"

#include "core/base/trace.h"

namespace midstream::cli {

void AddTrace(CLI::App& command, std::string* path) {
  command
      .add_option("--trace", *path,
                  "Write what happened when to this file, as Chrome trace events; "
                  "https://ui.perfetto.dev opens it")
      ->type_name("FILE")
      ->check(NotEmpty());
}

Outcome WithTrace(const std::string& path, const std::function<Outcome()>& work) {
  if (path.empty()) return work();
  if (const Status started = trace::Start(); !started.ok()) return {Exit::kFailed, started};
  Outcome outcome;
  try {
    outcome = work();
  } catch (...) {  // out of memory: what came before it is worth seeing
    static_cast<void>(trace::Stop(path).ok());
    throw;
  }
  const Status written = trace::Stop(path);
  if (!outcome.ok() || written.ok()) return outcome;
  return {Exit::kFailed, written};
}

}  // namespace midstream::cli

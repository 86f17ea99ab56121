// Interruption: how a command that runs until it is told to stop waits for that.
//
// SIGINT and SIGTERM are a request to end well; a second one ends the process at once. One at a time in
// a process. Threads: Finish may be called by any.
#ifndef MIDSTREAM_CORE_CLI_INTERRUPTION_H_
#define MIDSTREAM_CORE_CLI_INTERRUPTION_H_

#include "core/base/status.h"
#include "core/serve/descriptor.h"

namespace midstream::cli {

class Interruption {
 public:
  // Errors: those of the system.
  static Result<Interruption> Begin();
  Interruption(Interruption&& other) = default;
  Interruption& operator=(Interruption&&) = delete;
  ~Interruption();

  // Returns when a signal came or Finish was called.
  void Wait() const;
  void Finish() const;

 private:
  explicit Interruption(serve::Descriptor event) : event_(std::move(event)) {}

  serve::Descriptor event_;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_INTERRUPTION_H_

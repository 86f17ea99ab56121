// How a command ends: its exit code and, unless all went well, one message.
//
// The codes are part of the command's interface: scripts branch on them. They tell whose turn it is
// to act: the caller's (2), the model's or the data's (3), the configuration's (4), the plugin's
// (5), or nobody's that we know of (1). 6 and 7 are answers to what the caller asked.
#ifndef MIDSTREAM_CORE_CLI_EXIT_CODE_H_
#define MIDSTREAM_CORE_CLI_EXIT_CODE_H_

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace midstream::cli {

enum class Exit : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kData = 3,
  kConfig = 4,
  kBackend = 5,
  kDiffers = 6,
  kSlower = 7,
};

// For the end of every --help.
inline constexpr std::string_view kExitCodesHelp =
    "Exit codes:\n"
    "  0  success\n"
    "  1  the run failed: out of memory, an output that cannot be written, an internal error\n"
    "  2  the command line is wrong\n"
    "  3  a model, checkpoint, input file or tensor is missing, damaged or does not fit\n"
    "  4  the configuration is wrong\n"
    "  5  a backend plugin cannot be used\n"
    "  6  compare: outputs differ by more than --max-rel, --atol or --rtol allow\n"
    "  7  compare: an arm is slower than --max-slowdown allows\n";

class [[nodiscard]] Outcome {
 public:
  Outcome() = default;  // success
  Outcome(Exit exit, std::string message) : exit_(exit), message_(std::move(message)) {}
  Outcome(Exit exit, const Status& status) : Outcome(exit, std::string(status.message())) {}

  bool ok() const { return exit_ == Exit::kOk; }
  Exit exit() const { return exit_; }
  const std::string& message() const { return message_; }

 private:
  Exit exit_ = Exit::kOk;
  std::string message_;
};

// A failure while working on a model and its data: kData when they are at fault, else kFailed.
Outcome DataFailure(const Status& status);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_EXIT_CODE_H_

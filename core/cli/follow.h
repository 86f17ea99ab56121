// Following a trainer: --watch and --listen.
#ifndef MIDSTREAM_CORE_CLI_FOLLOW_H_
#define MIDSTREAM_CORE_CLI_FOLLOW_H_

#include <string>

#include "core/cli/command.h"

namespace midstream::cli {

struct FollowArgs {
  std::string watch;
  std::string listen;

  bool any() const { return !watch.empty() || !listen.empty(); }
  // Returns the two options, of which one may be given.
  std::vector<CLI::Option*> Add(CLI::App& command);
};

// Requires: args.any(). Errors: those of Model::Watch and Model::Listen.
Result<Source> Follow(Model& model, const FollowArgs& args, SourceCallback callback);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_FOLLOW_H_

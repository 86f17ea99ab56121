#include "core/cli/follow.h"

namespace midstream::cli {

std::vector<CLI::Option*> FollowArgs::Add(CLI::App& command) {
  CLI::Option* watched =
      command
          .add_option("--watch", watch,
                      "Take the newest .safetensors or .npz file of this folder, or the checkpoint "
                      "that its `checkpoint` file names, and each that comes; until --updates have "
                      "been made, or until SIGINT or SIGTERM")
          ->type_name("DIR")
          ->check(NotEmpty());
  CLI::Option* listening =
      command
          .add_option("--listen", listen,
                      "Take the weights that `midstream push` sends to this Unix socket, which is "
                      "made; until the same")
          ->type_name("SOCKET")
          ->check(NotEmpty())
          ->excludes(watched);
  return {watched, listening};
}

Result<Source> Follow(Model& model, const FollowArgs& args, SourceCallback callback) {
  const bool watch = !args.watch.empty();
  auto source = watch ? model.Watch(args.watch, {}, std::move(callback))
                      : model.Listen(args.listen, {}, std::move(callback));
  if (!source.ok()) return source.status().WithContext(watch ? "--watch" : "--listen");
  return source;
}

}  // namespace midstream::cli

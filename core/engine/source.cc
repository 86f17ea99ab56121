// Watched folders as sources of a model.
#include "core/engine/source.h"

#include "core/engine/impl.h"
#include "core/formats/weight_file.h"
#include "core/sources/folder_watch.h"

namespace midstream {

struct Source::Impl {
  std::unique_ptr<sources::FolderWatch> folder;
};

void Source::Stop() { impl_->folder->Stop(); }

Result<Source> Model::Watch(const std::string& folder, const WatchOptions& options,
                            SourceCallback callback) {
  const int64_t settle =
      options.settle_ms < 0 ? impl_->engine->config.watch.settle_ms : options.settle_ms;
  sources::SettleTimes times;
  times.settle = std::chrono::milliseconds(settle);
  if (!callback) callback = [](const SourceEvent&) {};
  UpdateOptions update;
  update.check = CheckMode::kExact;
  const auto apply = [impl = impl_, update](const std::string& path) {
    return impl->ApplyWhole(update, [&](const formats::MatchOptions& match) {
      return formats::OpenWeights(*impl->source, path, match);
    });
  };
  Source source;
  source.impl_ = std::make_shared<Source::Impl>();
  MS_ASSIGN_OR_RETURN(source.impl_->folder,
                      sources::FolderWatch::Start(folder, times, apply, std::move(callback)));
  return source;
}

}  // namespace midstream

// Watched folders and pushes as sources of a model.
#include "core/engine/source.h"

#include "core/engine/impl.h"
#include "core/serve/push_listener.h"
#include "core/sources/folder_watch.h"

namespace midstream {

// One of them.
struct Source::Impl {
  std::unique_ptr<sources::FolderWatch> folder;
  std::unique_ptr<serve::PushListener> socket;
};

namespace {

SourceCallback OrNothing(SourceCallback callback) {
  return callback ? std::move(callback) : [](const SourceEvent&) {};
}

// Errors of the file name it, those of the update do not.
Result<AppliedWeights> Naming(const std::string& source, Result<AppliedWeights> applied) {
  if (applied.ok() || applied.status().message().starts_with(source)) return applied;
  return applied.status().WithContext(source);
}

}  // namespace

void Source::Stop() {
  if (impl_->folder != nullptr) impl_->folder->Stop();
  if (impl_->socket != nullptr) impl_->socket->Stop();
}

Result<Source> Model::Watch(const std::string& folder, const WatchOptions& options,
                            SourceCallback callback) {
  const int64_t settle =
      options.settle_ms < 0 ? impl_->engine->config.watch.settle_ms : options.settle_ms;
  sources::SettleTimes times;
  times.settle = std::chrono::milliseconds(settle);
  UpdateOptions update;
  update.check = CheckMode::kExact;
  const auto apply = [impl = impl_, update](const std::string& path) {
    return Naming(path, impl->ApplyWhole(update, [&](const formats::MatchOptions& match) {
      return formats::OpenWeights(*impl->source, path, match);
    }));
  };
  Source source;
  source.impl_ = std::make_shared<Source::Impl>();
  MS_ASSIGN_OR_RETURN(
      source.impl_->folder,
      sources::FolderWatch::Start(folder, times, apply, OrNothing(std::move(callback))));
  return source;
}

Result<Source> Model::Listen(const std::string& socket, const ListenOptions& options,
                             SourceCallback callback) {
  using Opened = Result<std::unique_ptr<formats::WeightReader>>;
  serve::PushTarget target;
  target.apply = [impl = impl_](const std::string& path, const serve::PushRequest& request) {
    const auto open = [&](const formats::MatchOptions& match) -> Opened {
      MS_ASSIGN_OR_RETURN(auto file, formats::OpenTensorFile(path, request.format, request.name));
      return formats::OpenWeights(*impl->source, std::move(file), match);
    };
    return Naming(request.name, impl->ApplyWhole(request.options, open));
  };
  target.rollback = [model = *this](uint64_t version) mutable { return model.Rollback(version); };
  target.version = [model = *this] { return model.version(); };
  serve::PushLimits limits;
  limits.limit = std::chrono::milliseconds(options.timeout_ms);
  Source source;
  source.impl_ = std::make_shared<Source::Impl>();
  MS_ASSIGN_OR_RETURN(source.impl_->socket,
                      serve::PushListener::Start(socket, std::move(target),
                                                 OrNothing(std::move(callback)), limits));
  return source;
}

}  // namespace midstream

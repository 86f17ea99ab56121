// FolderWatch: takes the weights that a trainer leaves in a folder, the newest ones as soon as they
// are complete.
//
// What lies there when it starts counts too: the newest is taken. Which is taken when: settling.h. A
// source that cannot be taken is reported once and not tried again until its bytes change; one that
// somebody writes to while it is read is reported once and tried again until it is quiet. When the
// folder vanishes, that is reported once, and it is watched again when it is back.
//
// A folder is looked at when the system says that something happened, and once a second, since the
// system does not say it of network file systems.
//
// Threads: one of its own, on which `apply` and `report` are called, one call at a time. Stop and the
// destructor may be called on it too.
#ifndef MIDSTREAM_CORE_SOURCES_FOLDER_WATCH_H_
#define MIDSTREAM_CORE_SOURCES_FOLDER_WATCH_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/sources/settling.h"
#include "core/sources/source_event.h"

namespace midstream::sources {

class FolderWatch {
 public:
  // Makes what lies at `path` the current version, or changes nothing.
  using Apply = std::function<Result<AppliedWeights>(const std::string& path)>;

  // Errors: NOT_FOUND, INVALID_ARGUMENT when it is no folder, PERMISSION_DENIED,
  // RESOURCE_EXHAUSTED.
  static Result<std::unique_ptr<FolderWatch>> Start(const std::string& folder, SettleTimes times,
                                                    Apply apply, SourceCallback report);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // Returns when nothing is applied or reported any more, unless it is called by `apply` or
  // `report`. Weights on their way are finished.
  void Stop();

 private:
  class Worker;
  explicit FolderWatch(std::shared_ptr<Worker> worker);

  std::shared_ptr<Worker> worker_;  // the thread holds it too
  std::thread thread_;
};

}  // namespace midstream::sources

#endif  // MIDSTREAM_CORE_SOURCES_FOLDER_WATCH_H_

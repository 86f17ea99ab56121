// FolderEvents: wakes a thread when something happens in a folder, and knows which of its files
// somebody has open for writing.
//
// What happened is not told: who wakes up looks at the folder. So nothing is lost with events that the
// system drops, and a folder that is replaced by another of the same name is found again.
//
// Threads: Stop may be called by any; everything else by one.
#ifndef MIDSTREAM_CORE_SOURCES_FOLDER_EVENTS_H_
#define MIDSTREAM_CORE_SOURCES_FOLDER_EVENTS_H_

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "core/base/status.h"

struct inotify_event;

namespace midstream::sources {

class FolderEvents {
 public:
  // Errors: RESOURCE_EXHAUSTED when the system has no more watches.
  static Result<FolderEvents> Open(const std::string& folder);
  FolderEvents(FolderEvents&& other) noexcept;
  FolderEvents& operator=(FolderEvents&&) = delete;
  ~FolderEvents();

  // Makes sure that the folder which the path leads to now is the one that is watched. Errors:
  // NOT_FOUND, INVALID_ARGUMENT when it is no folder, RESOURCE_EXHAUSTED.
  Status Attach();

  // Returns when something happened, after the timeout at the latest. False: Stop was called.
  bool Wait(std::chrono::milliseconds timeout);
  void Stop() const;

  // Whether the path is that of a file in the folder which was written to and not closed since.
  bool IsWritten(const std::string& path) const;

 private:
  FolderEvents(std::string folder, int inotify, int stop)
      : folder_(std::move(folder)), inotify_(inotify), stop_(stop) {}

  void ReadEvents();
  void Note(const inotify_event& event);
  void Detach();

  std::string folder_;
  int inotify_ = -1;
  int stop_ = -1;   // an eventfd
  int watch_ = -1;  // -1: no folder is watched
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
  std::set<std::string> written_;  // names
};

}  // namespace midstream::sources

#endif  // MIDSTREAM_CORE_SOURCES_FOLDER_EVENTS_H_

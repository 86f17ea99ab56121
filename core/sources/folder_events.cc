#include "core/sources/folder_events.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/file.h"

namespace midstream::sources {
namespace {

constexpr uint32_t kInterest = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO |
                               IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |
                               IN_MOVE_SELF | IN_ONLYDIR;

Status SystemError(int error, const std::string& folder) {
  if (error == ENOSPC || error == EMFILE) {
    return ResourceExhausted(folder +
                             " cannot be watched: the system's limit of watches is reached "
                             "(fs.inotify.max_user_watches, fs.inotify.max_user_instances)");
  }
  return ErrnoStatus(error, folder);
}

// A file that was just made and has nothing in it: its writer has it open. Links that are made to a
// file have no writer.
bool IsFresh(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0;
}

}  // namespace

Result<FolderEvents> FolderEvents::Open(const std::string& folder) {
  const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) return SystemError(errno, folder);
  const int stop = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const int error = errno;
  FolderEvents events(folder, inotify, stop);
  if (stop < 0) return SystemError(error, folder);
  return events;
}

FolderEvents::FolderEvents(FolderEvents&& other) noexcept
    : folder_(std::move(other.folder_)),
      inotify_(std::exchange(other.inotify_, -1)),
      stop_(std::exchange(other.stop_, -1)),
      watch_(other.watch_),
      device_(other.device_),
      inode_(other.inode_),
      written_(std::move(other.written_)) {}

FolderEvents::~FolderEvents() {
  if (inotify_ >= 0) ::close(inotify_);
  if (stop_ >= 0) ::close(stop_);
}

void FolderEvents::Detach() {
  if (watch_ >= 0) ::inotify_rm_watch(inotify_, watch_);  // fails when the folder is gone
  watch_ = -1;
  written_.clear();
}

Status FolderEvents::Attach() {
  struct stat info;
  if (::stat(folder_.c_str(), &info) != 0) {
    const int error = errno;
    Detach();
    return ErrnoStatus(error, folder_);
  }
  if (!S_ISDIR(info.st_mode)) {
    Detach();
    return InvalidArgument(folder_ + " is no folder");
  }
  if (watch_ >= 0 && device_ == info.st_dev && inode_ == info.st_ino) return OkStatus();
  Detach();
  watch_ = ::inotify_add_watch(inotify_, folder_.c_str(), kInterest);
  if (watch_ < 0) return SystemError(errno, folder_);
  device_ = info.st_dev;
  inode_ = info.st_ino;
  return OkStatus();
}

bool FolderEvents::Wait(std::chrono::milliseconds timeout) {
  std::array<pollfd, 2> polled = {{{inotify_, POLLIN, 0}, {stop_, POLLIN, 0}}};
  ::poll(polled.data(), polled.size(), static_cast<int>(timeout.count()));
  if ((polled[1].revents & POLLIN) != 0) return false;
  if ((polled[0].revents & POLLIN) != 0) ReadEvents();
  return true;
}

void FolderEvents::Stop() const {
  const uint64_t one = 1;
  // It fails only where the counter is at its limit, and then the thread is woken already.
  [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof(one));
}

void FolderEvents::ReadEvents() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_, buffer.data(), buffer.size());
    if (size <= 0) return;  // none are left
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      Note(*reinterpret_cast<const inotify_event*>(buffer.data() + at));
      at += sizeof(event) + event.len;
    }
  }
}

void FolderEvents::Note(const inotify_event& event) {
  // Which files are being written is no longer known; a half-written one is refused and seen again.
  if ((event.mask & IN_Q_OVERFLOW) != 0) written_.clear();
  if (event.wd != watch_) return;
  if ((event.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) return Detach();
  if (event.len == 0) return;
  const std::string name(event.name);
  const bool begun = (event.mask & IN_CREATE) != 0 && IsFresh(folder_ + "/" + name);
  if ((event.mask & IN_MODIFY) != 0 || begun) written_.insert(name);
  if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0) {
    written_.erase(name);
  }
}

bool FolderEvents::IsWritten(const std::string& path) const {
  const std::string_view view = path;
  const size_t slash = view.rfind('/');
  return slash != std::string_view::npos && view.substr(0, slash) == folder_ &&
         written_.count(std::string(view.substr(slash + 1))) != 0;
}

}  // namespace midstream::sources

#include "core/serve/socket_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "core/base/file.h"

namespace midstream::serve {
namespace {

constexpr int kBacklog = 64;

std::string LockPath(const std::string& path) { return path + ".lock"; }

Status SomebodyListens(const std::string& path) {
  return {Code::kAlreadyExists, path + ": another process listens there"};
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Holds the lock on the file that has the name now: whoever held it before may have removed it.
Result<Descriptor> Lock(const std::string& path) {
  const std::string name = LockPath(path);
  for (;;) {
    Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) return ErrnoStatus(errno, errno == ENOENT ? path : name);  // no such folder
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      return errno == EWOULDBLOCK ? SomebodyListens(path) : ErrnoStatus(errno, name);
    }
    struct stat held;
    struct stat named;
    if (::fstat(lock.get(), &held) != 0) return ErrnoStatus(errno, name);
    if (::lstat(name.c_str(), &named) == 0 && SameFile(held, named)) return lock;
  }
}

// Connecting to a socket that nobody listens on is refused at once.
bool IsLive(const sockaddr_un& address) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return true;
  const int connected =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return connected == 0 || errno != ECONNREFUSED;
}

// Errors: ALREADY_EXISTS when what has the name is no socket.
Result<bool> SocketIsThere(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0) {
    if (S_ISSOCK(info.st_mode)) return true;
    return Status(Code::kAlreadyExists, path + " is there and is no socket");
  }
  if (errno == ENOENT) return false;
  return ErrnoStatus(errno, path);
}

// Requires: the lock is held.
Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  MS_ASSIGN_OR_RETURN(const bool there, SocketIsThere(path));
  if (!there) return OkStatus();
  if (IsLive(address)) return SomebodyListens(path);
  return ::unlink(path.c_str()) == 0 ? OkStatus() : ErrnoStatus(errno, path);
}

}  // namespace

Result<sockaddr_un> SocketAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty()) return InvalidArgument("the path of the socket is empty");
  if (path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument(path + ": the path of a socket may have " +
                           std::to_string(sizeof(address.sun_path) - 1) + " bytes, this one has " +
                           std::to_string(path.size()));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<SocketFile> SocketFile::Listen(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const sockaddr_un address, SocketAddress(path));
  MS_RETURN_IF_ERROR(
      SocketIsThere(path).status());  // before a lock file is left beside another's file
  MS_ASSIGN_OR_RETURN(Descriptor lock, Lock(path));
  MS_RETURN_IF_ERROR(RemoveStale(path, address));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return ErrnoStatus(errno, path);
  // The name gets the socket's own mode, so that there is no moment in which others may connect.
  if (::fchmod(socket.get(), 0600) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, path);
  }
  SocketFile file(path, std::move(lock), std::move(socket));
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0) {
    file.device_ = info.st_dev;
    file.inode_ = info.st_ino;
  }
  if (::listen(file.fd(), kBacklog) != 0) return ErrnoStatus(errno, path);
  return file;
}

SocketFile::~SocketFile() {
  if (!socket_.valid()) return;
  struct stat info;
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  ::unlink(LockPath(path_).c_str());
}

}  // namespace midstream::serve

// SocketFile: a listening Unix socket under a name in the file system.
//
// Only its owner may connect (mode 0600, from the first moment). A socket that a dead process left is
// replaced; one that somebody listens on, and what is no socket, is left alone. Two processes that want
// the same name are told apart by a lock on the file `NAME.lock` beside it. Both files are removed at
// the end, unless somebody else put others there.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_SERVE_SOCKET_FILE_H_
#define MIDSTREAM_CORE_SERVE_SOCKET_FILE_H_

#include <sys/un.h>

#include <cstdint>
#include <string>

#include "core/base/status.h"
#include "core/serve/descriptor.h"

namespace midstream::serve {

// Errors: INVALID_ARGUMENT for a path that is too long for the system.
Result<sockaddr_un> SocketAddress(const std::string& path);

class SocketFile {
 public:
  // Does not block. Errors: ALREADY_EXISTS when somebody listens there or what is there is no socket;
  // INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED.
  static Result<SocketFile> Listen(const std::string& path);
  SocketFile(SocketFile&&) = default;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

  int fd() const { return socket_.get(); }
  const std::string& path() const { return path_; }

 private:
  SocketFile(std::string path, Descriptor lock, Descriptor socket)
      : path_(std::move(path)), lock_(std::move(lock)), socket_(std::move(socket)) {}

  std::string path_;
  Descriptor lock_;
  Descriptor socket_;
  uint64_t device_ = 0;  // of the name, when it was made
  uint64_t inode_ = 0;
};

}  // namespace midstream::serve

#endif  // MIDSTREAM_CORE_SERVE_SOCKET_FILE_H_

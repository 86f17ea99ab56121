#include "core/serve/push_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/serve/push_message.h"

namespace midstream::serve {
namespace {

constexpr size_t kMostDescriptors = 4;  // of a message; one is what a push needs

}  // namespace

short PushConnection::interest() const { return out_.empty() ? POLLIN : POLLOUT; }

Status PushConnection::TakeDescriptors(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      descriptors_.emplace_back(fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 || descriptors_.size() > kMostDescriptors) {
    return InvalidArgument("a message with more file descriptors than " +
                           std::to_string(kMostDescriptors) +
                           ", or than this process may have open");
  }
  return OkStatus();
}

// Appends what is there, at most `size` bytes, to in_. False: nothing more comes now.
bool PushConnection::ReadSome(size_t size) {
  const size_t begin = in_.size();
  in_.resize(begin + size);
  iovec bytes = {in_.data() + begin, size};
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t got = ::recvmsg(fd(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  in_.resize(begin + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got > 0) {
    bad_ = TakeDescriptors(message);
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  closed_ = true;  // the other end is gone, perhaps in the middle of a message
  return false;
}

Result<std::optional<PushConnection::Request>> PushConnection::Receive() {
  for (;;) {
    const size_t wanted = expected_ == 0 ? kPreludeSize : expected_;
    if (!ReadSome(wanted - in_.size())) return std::optional<Request>();
    last_used_ = Clock::now();
    if (!deadline_) deadline_ = last_used_ + limit_;
    if (!bad_.ok()) return bad_;
    if (in_.size() < wanted) continue;
    if (expected_ == 0) {
      auto size = ParsePrelude(in_, kLargestRequest);
      if (size.ok() && *size == 0) size = InvalidArgument("an empty message");
      if (!size.ok()) return bad_ = size.status();
      expected_ = *size;
      in_.clear();
      continue;
    }
    expected_ = 0;
    return std::optional(Request{std::exchange(in_, {}), std::exchange(descriptors_, {})});
  }
}

void PushConnection::Answer(const std::string& body) {
  out_ = WithPrelude(body);
  sent_ = 0;
  descriptors_.clear();
  deadline_ = Clock::now() + limit_;
  Send();
}

void PushConnection::Send() {
  while (sent_ < out_.size()) {
    const ssize_t sent =
        ::send(fd(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      closed_ = closed_ || errno != EAGAIN;
      return;
    }
    sent_ += static_cast<size_t>(sent);
  }
  out_.clear();
  deadline_.reset();
  last_used_ = Clock::now();
  closed_ = closed_ || !bad_.ok();  // where its next message begins is not known
}

}  // namespace midstream::serve

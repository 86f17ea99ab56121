#include "core/serve/push_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/base/file.h"
#include "core/serve/socket_file.h"

namespace midstream::serve {
namespace {

constexpr std::chrono::milliseconds kRetry{20};

Status ConnectError(int error, const std::string& path) {
  if (error == ECONNREFUSED) {
    return {Code::kUnavailable, path + ": nobody listens on this socket, or it is none"};
  }
  if (error == ENOENT)
    return NotFound(path + ": there is no such socket, so no engine listens there");
  return ErrnoStatus(error, path);
}

}  // namespace

Result<PushClient> PushClient::Connect(const std::string& path, std::chrono::milliseconds wait) {
  MS_ASSIGN_OR_RETURN(const sockaddr_un address, SocketAddress(path));
  const auto until = Clock::now() + wait;
  for (;;) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return ErrnoStatus(errno, path);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
        0) {
      return PushClient(path, std::move(socket));
    }
    // EAGAIN: as many wait as the listener lets wait.
    const bool later = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
    if (!later || Clock::now() >= until) return ConnectError(errno, path);
    std::this_thread::sleep_for(kRetry);
  }
}

Status PushClient::Wait(short event, Clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd polled = {socket_.get(), event, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30)));
    if (ready > 0) return OkStatus();
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, path_);
    if (ready == 0) return DeadlineExceeded(path_ + ": the engine does not answer");
  }
}

// The descriptor goes with the first byte.
Status PushClient::Send(const std::string& text, int fd, Clock::time_point until) const {
  for (size_t sent = 0; sent < text.size();) {
    iovec bytes = {const_cast<char*>(text.data()) + sent, text.size() - sent};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (sent == 0 && fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(part), &fd, sizeof(int));
    }
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      MS_RETURN_IF_ERROR(Wait(POLLOUT, until));
    } else if (errno != EINTR) {
      return {Code::kUnavailable, path_ + ": the engine closed the connection"};
    }
  }
  return OkStatus();
}

Status PushClient::Receive(std::string* to, size_t size, Clock::time_point until) const {
  to->resize(size);
  for (size_t at = 0; at < size;) {
    const ssize_t count = ::recv(socket_.get(), to->data() + at, size - at, 0);
    if (count > 0) {
      at += static_cast<size_t>(count);
    } else if (count < 0 && errno == EAGAIN) {
      MS_RETURN_IF_ERROR(Wait(POLLIN, until));
    } else if (count == 0 || errno != EINTR) {
      return {Code::kUnavailable, path_ + ": the engine closed the connection"};
    }
  }
  return OkStatus();
}

Result<AppliedWeights> PushClient::Ask(const PushRequest& request, int fd,
                                       std::chrono::milliseconds wait) {
  const auto until = Clock::now() + wait;
  const std::string body = FormatRequest(request);
  if (body.size() > kLargestRequest) {
    return InvalidArgument("the request has " + std::to_string(body.size()) + " bytes; at most " +
                           std::to_string(kLargestRequest) + " are allowed");
  }
  // An engine that refuses a connection says why before it closes it.
  const Status sent = Send(WithPrelude(body), fd, until);
  std::string text;
  const Status answered = Receive(&text, kPreludeSize, until);
  if (!answered.ok()) return sent.ok() ? answered : sent;
  auto size = ParsePrelude(text, kLargestReply);
  if (!size.ok()) return DataLoss(path_ + ": " + std::string(size.status().message()));
  MS_RETURN_IF_ERROR(Receive(&text, *size, until));
  return ParseReply(text);
}

}  // namespace midstream::serve

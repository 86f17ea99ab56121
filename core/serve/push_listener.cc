#include "core/serve/push_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <list>
#include <new>
#include <utility>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/serve/push_connection.h"
#include "core/serve/socket_file.h"

namespace midstream::serve {
namespace {

// After accept failed, for example as the process has no descriptors left.
constexpr std::chrono::milliseconds kPause{100};

Status CheckDescriptor(const PushConnection::Request& received, const PushRequest& request) {
  const size_t wanted = request.verb == Verb::kPush ? 1 : 0;
  if (received.descriptors.size() != wanted) {
    return InvalidArgument("the request came with " + std::to_string(received.descriptors.size()) +
                           " file descriptors; expected " + std::to_string(wanted));
  }
  if (wanted == 0) return OkStatus();
  struct stat info;
  if (::fstat(received.descriptors[0].get(), &info) == 0 && S_ISREG(info.st_mode)) {
    return OkStatus();
  }
  return InvalidArgument(request.name + " is not a regular file");
}

}  // namespace

class PushListener::Worker {
 public:
  Worker(SocketFile socket, Descriptor stop, PushTarget target, SourceCallback report,
         PushLimits limits)
      : socket_(std::move(socket)),
        stop_(std::move(stop)),
        target_(std::move(target)),
        report_(std::move(report)),
        limits_(limits) {}

  void Stop() const {
    const uint64_t one = 1;
    // It fails only where the counter is at its limit, and then the thread is woken already.
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
  }

  void Run() {
    while (Wait()) {
      try {
        Serve();
      } catch (const std::exception& error) {
        Log(LogLevel::kError, socket_->path() + ": " + error.what());
      }
    }
    connections_.clear();
    socket_.reset();
  }

 private:
  // Fills polled_. False: Stop was called.
  bool Wait() {
    const auto now = Clock::now();
    polled_ = {{stop_.get(), POLLIN, 0}, {now < paused_ ? -1 : socket_->fd(), POLLIN, 0}};
    std::optional<Clock::time_point> wake;
    if (now < paused_) wake = paused_;
    for (const PushConnection& connection : connections_) {
      polled_.push_back({connection.fd(), connection.interest(), 0});
      const auto deadline = connection.deadline();
      if (deadline) wake = std::min(wake.value_or(*deadline), *deadline);
    }
    const auto left =
        wake ? std::chrono::ceil<std::chrono::milliseconds>(*wake - now).count() : int64_t{-1};
    ::poll(polled_.data(), polled_.size(),
           static_cast<int>(wake ? std::max<int64_t>(left, 0) : -1));
    return polled_[0].revents == 0;
  }

  void Serve() {
    size_t index = 2;
    for (PushConnection& connection : connections_) {
      if (polled_[index++].revents == 0) continue;
      if (connection.interest() == POLLOUT) {
        connection.Send();
      } else {
        Receive(connection);
      }
    }
    const auto now = Clock::now();
    connections_.remove_if([&](const PushConnection& connection) {
      return connection.closed() || (connection.deadline() && *connection.deadline() <= now);
    });
    if (polled_[1].revents != 0) Accept();
  }

  void Accept() {
    Descriptor accepted(::accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted.valid()) {
      if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
      Log(LogLevel::kWarning, std::string(ErrnoStatus(errno, socket_->path()).message()));
      paused_ = Clock::now() + kPause;
      return;
    }
    if (connections_.size() >= limits_.connections && !MakeRoom()) {
      PushConnection refused(std::move(accepted), limits_.limit);
      return refused.Answer(FormatReply(Status(
          Code::kUnavailable,
          std::to_string(connections_.size()) + " clients are connected, which is the limit")));
    }
    connections_.emplace_back(std::move(accepted), limits_.limit);
  }

  bool MakeRoom() {
    auto oldest = connections_.end();
    for (auto at = connections_.begin(); at != connections_.end(); ++at) {
      if (at->deadline()) continue;  // in a message
      if (oldest == connections_.end() || at->last_used() < oldest->last_used()) oldest = at;
    }
    if (oldest == connections_.end()) return false;
    connections_.erase(oldest);
    return true;
  }

  void Receive(PushConnection& connection) {
    auto received = connection.Receive();
    if (!received.ok()) return connection.Answer(FormatReply(received.status()));
    if (!received->has_value()) return;
    auto request = ParseRequest((*received)->body);
    const Status fits = request.ok() ? CheckDescriptor(**received, *request) : request.status();
    if (!fits.ok()) return connection.Answer(FormatReply(fits));
    const Result<AppliedWeights> done = Perform(**received, *request);
    connection.Answer(done.ok() ? FormatReply(request->verb, *done) : FormatReply(done.status()));
    if (request->verb != Verb::kPush) return;
    report_({request->name, done.status(), done.ok() ? *done : AppliedWeights{}, 0});
  }

  Result<AppliedWeights> Perform(const PushConnection::Request& received,
                                 const PushRequest& request) const {
    try {
      if (request.verb == Verb::kStatus) return AppliedWeights{target_.version(), 0, 0, 0};
      if (request.verb == Verb::kRollback) {
        MS_RETURN_IF_ERROR(target_.rollback(request.version));
        return AppliedWeights{request.version, 0, 0, 0};
      }
      const int fd = received.descriptors[0].get();
      return target_.apply("/proc/self/fd/" + std::to_string(fd), request);
    } catch (const std::bad_alloc&) {
      return ResourceExhausted("out of memory");
    } catch (const std::exception& error) {
      return Internal(error.what());
    }
  }

  std::optional<SocketFile> socket_;
  const Descriptor stop_;  // an eventfd
  const PushTarget target_;
  const SourceCallback report_;
  const PushLimits limits_;
  std::vector<pollfd> polled_;  // stop_, socket_, connections_ in their order
  std::list<PushConnection> connections_;
  Clock::time_point paused_{};  // nothing is accepted before
};

Result<std::unique_ptr<PushListener>> PushListener::Start(const std::string& path,
                                                          PushTarget target, SourceCallback report,
                                                          PushLimits limits) {
  Descriptor stop(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!stop.valid()) return ErrnoStatus(errno, path);
  MS_ASSIGN_OR_RETURN(SocketFile socket, SocketFile::Listen(path));
  return std::unique_ptr<PushListener>(new PushListener(std::make_shared<Worker>(
      std::move(socket), std::move(stop), std::move(target), std::move(report), limits)));
}

PushListener::PushListener(std::shared_ptr<Worker> worker) : worker_(std::move(worker)) {
  thread_ = std::thread([worker = worker_] { worker->Run(); });
}

void PushListener::Stop() {
  worker_->Stop();
  if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
}

// On its own thread nothing can wait for it: it ends by itself, with what it needs.
PushListener::~PushListener() {
  Stop();
  if (thread_.joinable()) thread_.detach();
}

}  // namespace midstream::serve

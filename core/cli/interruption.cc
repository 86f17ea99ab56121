#include "core/cli/interruption.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "core/base/file.h"

namespace midstream::cli {
namespace {

std::atomic<int> signalled{-1};  // the eventfd that a signal adds to

void Add(int event) {
  const uint64_t one = 1;
  // It fails only where the counter is at its limit, which wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof(one));
}

void OnSignal(int) {
  const int error = errno;
  Add(signalled.load());
  errno = error;
}

// Replaces `from`. What somebody else had the process do or ignore stays.
void Replace(void (*from)(int), void (*to)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = to;
  action.sa_flags = flags;
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction old;
    if (::sigaction(number, nullptr, &old) != 0 || old.sa_handler != from) continue;
    ::sigaction(number, &action, nullptr);
  }
}

}  // namespace

Result<Interruption> Interruption::Begin() {
  serve::Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event.valid()) return ErrnoStatus(errno, "waiting for signals");
  signalled = event.get();
  Replace(SIG_DFL, OnSignal, SA_RESETHAND | SA_RESTART);
  return Interruption(std::move(event));
}

Interruption::~Interruption() {
  if (!event_.valid()) return;
  Replace(OnSignal, SIG_DFL, 0);
  signalled = -1;
}

void Interruption::Wait() const {
  pollfd polled = {event_.get(), POLLIN, 0};
  while (::poll(&polled, 1, -1) < 0 && errno == EINTR) {
  }
}

void Interruption::Finish() const { Add(event_.get()); }

}  // namespace midstream::cli

// Worker processes. A helper process, the zygote, starts the interpreter once and imports what the
// configuration says; workers are forked from it, which takes milliseconds and shares its memory.
//
// One thread speaks with the zygote: it starts one when a worker is wanted, hears of deaths, and
// starts another one when the zygote itself dies, after its workers have ended with it. Processes
// are named by descriptors (pidfd), never by numbers that the system may give to others meanwhile.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>

#include "plugins/python/child.h"
#include "plugins/python/launchers.h"
#include "plugins/python/region.h"
#include "plugins/python/shim_image.h"
#include "plugins/python/thread.h"
#include "plugins/python/words.h"

namespace midstream::python {

namespace {

constexpr auto kEndTimeout = std::chrono::seconds(5);

class Processes : public Launcher {
 public:
  Processes(LaunchOptions options, Region& region, LaunchEvents& events)
      : options_(std::move(options)), region_(region), events_(events) {
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.valid())
      throw sdk::Error(MS_RESOURCE_EXHAUSTED, std::string("eventfd: ") + std::strerror(errno));
    thread_ = QuietThread([this] { Serve(); });
  }
  ~Processes() override { StopAll(); }

  void Start(uint32_t worker) override {
    {
      std::lock_guard lock(mutex_);
      wanted_.push_back(worker);
    }
    WakeThread();
  }
  void Kill(uint32_t worker, int32_t pid) override {
    std::lock_guard lock(mutex_);
    workers_[worker].condemned = pid;  // should its descriptor not be known yet
    if (workers_[worker].pid == pid) KillProcess(workers_[worker].process);
  }
  bool can_kill() const override { return true; }
  void StopAll() override {
    if (!thread_.joinable()) return;
    stopping_ = true;
    WakeThread();
    thread_.join();
  }

 private:
  void WakeThread() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);
  }

  // ---- The thread

  void Serve() {
    while (!stopping_) {
      if (AnyWanted()) ForkWanted();
      pollfd ready[2] = {{wake_.get(), POLLIN, 0}, {control_.get(), POLLIN, 0}};
      const int n = poll(ready, control_.valid() ? 2 : 1, 1000);
      if (control_.valid() && !ready_ && Clock::now() >= ready_end_) {
        OnZygoteDeath("Python did not start within " +
                      std::to_string(options_.start_timeout.count()) + " ms");
      }
      if (n <= 0) continue;
      uint64_t count = 0;
      if (ready[0].revents != 0 && read(wake_.get(), &count, sizeof count) < 0) continue;
      if (control_.valid() && ready[1].revents != 0) Hear();
    }
    EndZygote();
  }

  bool AnyWanted() {
    std::lock_guard lock(mutex_);
    return !wanted_.empty();
  }

  void ForkWanted() {
    try {
      if (!control_.valid()) StartZygote();
    } catch (const std::exception& e) {
      return OnZygoteDeath(e.what());
    }
    if (!ready_) return;
    std::lock_guard lock(mutex_);
    for (; !wanted_.empty(); wanted_.pop_front()) {
      mp_message fork{};
      fork.kind = MP_ZYGOTE_FORK;
      fork.worker = wanted_.front();
      while (send(control_.get(), &fork, sizeof fork, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) return;  // it is dead, which the other direction tells
      }
      workers_[fork.worker].asked = true;
    }
  }

  void StartZygote() {
    const std::string program = options_.folder + "/midstream-python-worker";
    const Fd shim =
        MakeShimImage(options_.folder + "/libmidstream_python_shim.so", options_.python.library);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
      throw sdk::Error(MS_RESOURCE_EXHAUSTED, std::string("socketpair: ") + std::strerror(errno));
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    pid_ = Spawn({program, "--control-fd", "3", "--region-fd", "4", "--shim-fd", "5",
                  "--region-bytes", std::to_string(region_.bytes()), "--home", options_.python.home,
                  "--executable", options_.python.executable, "--site", options_.site, "--threads",
                  std::to_string(options_.threads), "--preload", options_.preload},
                 {theirs.get(), region_.fd(), shim.get()});
    zygote_ = OpenProcess(pid_);
    control_ = std::move(ours);
    ready_ = false;
    ready_end_ = Clock::now() + options_.start_timeout;
  }

  void Hear() {
    mp_message message;
    ssize_t n = 0;
    while ((n = recv(control_.get(), &message, sizeof message, 0)) < 0 && errno == EINTR) continue;
    if (n != static_cast<ssize_t>(sizeof message)) return OnZygoteDeath("");
    message.text[sizeof message.text - 1] = '\0';
    if (message.kind == MP_ZYGOTE_READY) {
      if (message.value != 0) return OnZygoteDeath(message.text);
      ready_ = true;
    } else if (message.worker >= MP_MAX_WORKERS) {
      return;
    } else if (message.kind == MP_ZYGOTE_FORKED && message.value < 0) {
      Forget(message.worker);
      events_.OnFailure(message.worker,
                        std::string("cannot fork: ") + std::strerror(-message.value));
    } else if (message.kind == MP_ZYGOTE_FORKED) {
      std::lock_guard lock(mutex_);
      Worker& worker = workers_[message.worker];
      worker.pid = message.value;
      worker.process = OpenProcess(message.value);
      if (worker.condemned == worker.pid) KillProcess(worker.process);
    } else if (message.kind == MP_ZYGOTE_DIED) {
      Forget(message.worker);
      events_.OnDeath(message.worker, DescribeEnd(message.value));
    }
  }

  void Forget(uint32_t worker) {
    std::lock_guard lock(mutex_);
    workers_[worker] = {};
  }

  // `why`: it never got ready. Otherwise the connection ended.
  void OnZygoteDeath(std::string why) {
    const bool was_ready = ready_;
    const std::string how = EndZygote();
    if (why.empty() && !was_ready) why = "Python's process ended " + how + " while it started";
    std::vector<uint32_t> asked, waiting;
    {
      std::lock_guard lock(mutex_);
      for (uint32_t worker = 0; worker < MP_MAX_WORKERS; ++worker) {
        if (workers_[worker].asked) asked.push_back(worker);
        workers_[worker] = {};
      }
      if (!was_ready) {  // else another zygote forks them
        waiting.assign(wanted_.begin(), wanted_.end());
        wanted_.clear();
      }
    }
    for (uint32_t worker : asked)
      events_.OnDeath(worker, "as the process that it was forked from ended " + how);
    for (uint32_t worker : waiting) events_.OnFailure(worker, why);
  }

  // Ends the zygote and its workers and says how it ended.
  std::string EndZygote() {
    if (!control_.valid()) return "";
    if (!ready_) KillProcess(zygote_);  // it does not listen yet
    control_ = Fd();                    // upon which it kills its workers and ends
    if (!AwaitEnd(zygote_, kEndTimeout)) KillProcess(zygote_);
    ready_ = false;
    std::string how = Reap(pid_);
    zygote_ = Fd();
    std::lock_guard lock(mutex_);
    for (Worker& worker : workers_) {
      KillProcess(worker.process);
      AwaitEnd(worker.process, kEndTimeout);
    }
    return how;
  }

  struct Worker {
    bool asked = false;  // of the zygote, until it is dead
    int32_t condemned = 0;
    int32_t pid = 0;  // 0: not told yet
    Fd process;
  };

  const LaunchOptions options_;
  Region& region_;
  LaunchEvents& events_;
  Fd wake_;

  // Of the thread.
  Fd control_;
  Fd zygote_;
  pid_t pid_ = 0;
  bool ready_ = false;
  Clock::time_point ready_end_;

  std::mutex mutex_;  // of what follows
  std::array<Worker, MP_MAX_WORKERS> workers_;
  std::deque<uint32_t> wanted_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

LauncherFactory ProcessLauncher(LaunchOptions options) {
  return [options = std::move(options)](Region& region, LaunchEvents& events) {
    return std::make_unique<Processes>(options, region, events);
  };
}

}  // namespace midstream::python

#include "plugins/python/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "midstream/view.hpp"

namespace midstream::python {

namespace {

constexpr int kFirst = 3;   // of the child's own descriptors
constexpr int kAside = 64;  // above all that the child gets
constexpr size_t kMostOutput = 1 << 16;

class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&value);
    posix_spawn_file_actions_init(&actions);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setsigdefault(&value, &all);
    posix_spawnattr_setpgroup(&value, 0);
    posix_spawnattr_setflags(
        &value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnAttributes() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&value);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  posix_spawnattr_t value;
  posix_spawn_file_actions_t actions;
};

sdk::Error Failure(const std::string& what, int error) {
  return {MS_UNAVAILABLE, "python: cannot start " + what + ": " + std::strerror(error)};
}

}  // namespace

pid_t Spawn(const std::vector<std::string>& command, const std::vector<int>& fds, int out,
            bool quiet) {
  SpawnAttributes attributes;
  posix_spawn_file_actions_t* actions = &attributes.actions;
  posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (quiet) {
    posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  // Through descriptors out of the way: one that is given may have the number of another's target.
  std::vector<Fd> aside;
  const auto give = [&](int fd, int number) {
    aside.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, kAside));
    if (!aside.back().valid()) throw Failure(command[0], errno);
    posix_spawn_file_actions_adddup2(actions, aside.back().get(), number);
  };
  if (out >= 0) give(out, STDOUT_FILENO);
  for (size_t i = 0; i < fds.size(); ++i) give(fds[i], kFirst + static_cast<int>(i));
  posix_spawn_file_actions_addclosefrom_np(actions, kFirst + static_cast<int>(fds.size()));
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], actions, &attributes.value, argv.data(), environ);
  if (error != 0) throw Failure(command[0], error);
  return pid;
}

Fd OpenProcess(pid_t pid) { return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

void KillProcess(const Fd& process) {
  if (process.valid()) syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

bool AwaitEnd(const Fd& process, std::chrono::milliseconds timeout) {
  if (!process.valid()) return true;
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd poll_fd{process.get(), POLLIN, 0};
    const int ready = poll(&poll_fd, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* name = sigdescr_np(signal);
    return "by signal " + std::to_string(signal) + " (" + (name != nullptr ? name : "unknown") +
           ")";
  }
  return "with exit code " + std::to_string(WEXITSTATUS(status));
}

std::string Reap(pid_t pid) {
  int status = 0;
  pid_t reaped = 0;
  while ((reaped = waitpid(pid, &status, 0)) < 0 && errno == EINTR) continue;
  return reaped == pid ? DescribeEnd(status) : "in a way that is not known";
}

ChildOutput RunChild(const std::vector<std::string>& command, std::chrono::seconds timeout) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Failure(command[0], errno);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const pid_t pid = Spawn(command, {}, to.get(), true);
  const Fd process = OpenProcess(pid);
  to = Fd();
  ChildOutput output;
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd poll_fd{from.get(), POLLIN, 0};
    const int ready = poll(&poll_fd, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    char piece[4096];
    const ssize_t n = ready > 0 ? read(from.get(), piece, sizeof piece) : -1;
    if (n > 0) output.text.append(piece, static_cast<size_t>(n));
    if (n <= 0 || output.text.size() > kMostOutput) {
      if (n != 0)
        output.problem = "did not answer within " + std::to_string(timeout.count()) + " s";
      break;
    }
  }
  if (!output.problem.empty() || !AwaitEnd(process, timeout)) KillProcess(process);
  const std::string how = Reap(pid);
  if (output.problem.empty() && output.text.empty()) output.problem = "ended " + how;
  return output;
}

}  // namespace midstream::python

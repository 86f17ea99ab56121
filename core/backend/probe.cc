#include "core/backend/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

namespace midstream::backend {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxReport = 4096;
constexpr std::chrono::microseconds kReapInterval{200};

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  ~Pipe() {
    CloseWriteEnd();
    if (read_end >= 0) close(read_end);
  }
  void CloseWriteEnd() {
    if (write_end >= 0) close(write_end);
    write_end = -1;
  }
};

Status SystemFailure(int error) {
  return FailedPrecondition("cannot be probed: " + std::generic_category().message(error));
}

// The child gets no descriptor but the report, default signal handling, and its own process group,
// so that it can be killed together with whatever it started.
Result<pid_t> Spawn(const std::string& helper, const std::string& path, const std::string& name,
                    int report) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // First, because report may itself be one of the descriptors that are replaced below.
  posix_spawn_file_actions_adddup2(&actions, report, kProbeReportFd);
  for (int fd = 0; fd < kProbeReportFd; ++fd) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, kProbeReportFd + 1);

  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);

  const char* const arguments[] = {helper.c_str(), path.c_str(), name.c_str(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, helper.c_str(), &actions, &attributes,
                                const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return SystemFailure(error);
  return child;
}

// Appends what the child writes until it closes the pipe. False: the deadline came first.
bool ReadReport(int fd, Clock::time_point deadline, std::string* report) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting = {fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    char buffer[512];
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    const size_t room = kMaxReport - std::min(kMaxReport, report->size());
    report->append(buffer, std::min(static_cast<size_t>(count), room));
  }
}

// The child's wait status; nothing when the deadline came first. Status 0 when somebody else (a
// SIGCHLD that is ignored) has reaped it: then only its report counts.
std::optional<int> Reap(pid_t child, Clock::time_point deadline) {
  while (true) {
    int status = 0;
    const pid_t reaped = waitpid(child, &status, WNOHANG);
    if (reaped == child) return status;
    if (reaped < 0 && errno == ECHILD) return 0;
    if (Clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(kReapInterval);
  }
}

void KillAndReap(pid_t child) {
  kill(-child, SIGKILL);
  kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
}

struct Report {
  std::string_view stage = "its start";
  bool ok = false;
  std::optional<Status> error;
};

Status ParseError(std::string_view line) {
  int code = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), code);
  const bool known = error == std::errc() && code > 0 && code <= 16;
  std::string_view message = line.substr(static_cast<size_t>(end - line.data()));
  if (message.starts_with(' ')) message.remove_prefix(1);
  return {known ? static_cast<Code>(code) : Code::kUnknown, std::string(message)};
}

Report ParseReport(std::string_view text) {
  Report report;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("stage ")) report.stage = line.substr(6);
    if (line.starts_with("error ")) report.error = ParseError(line.substr(6));
    if (line == "ok") report.ok = true;
  }
  return report;
}

std::string HowItDied(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    const char* name = sigabbrev_np(number);
    return fmt::format("signal {} (SIG{})", number, name == nullptr ? "?" : name);
  }
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

Status ProbePlugin(const std::string& helper, const std::string& path, const std::string& name,
                   std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  Pipe pipe;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemFailure(errno);
  pipe.read_end = ends[0];
  pipe.write_end = ends[1];
  MS_ASSIGN_OR_RETURN(const pid_t child, Spawn(helper, path, name, pipe.write_end));
  pipe.CloseWriteEnd();

  std::string text;
  std::optional<int> status;
  if (ReadReport(pipe.read_end, deadline, &text)) status = Reap(child, deadline);
  if (!status) KillAndReap(child);
  const Report report = ParseReport(text);
  if (!status) {
    return DeadlineExceeded(fmt::format("did not finish its probe within {} ms: it stayed in {}",
                                        timeout.count(), report.stage));
  }
  if (report.error) return *report.error;
  if (report.ok && WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return OkStatus();
  return Internal(
      fmt::format("cannot be used, its probe died: {} in {}", HowItDied(*status), report.stage));
}

}  // namespace midstream::backend

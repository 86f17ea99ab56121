#include "tests/e2e/command_testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace midstream::e2e {
namespace {

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

// For a file of what a command prints.
std::string NewBase() {
  static int count = 0;
  const auto base = std::filesystem::temp_directory_path() /
                    ("midstream_e2e_" + std::to_string(getpid()) + "_" + std::to_string(count++));
  return base.string();
}

std::vector<char*> Argv(const char* program, const std::vector<std::string>& args) {
  std::vector<char*> argv = {const_cast<char*>(program)};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  return argv;
}

// In the child: becomes the program, or ends.
[[noreturn]] void Exec(const std::vector<char*>& argv, const std::string& out,
                       const std::string& err, const Limits& limits) {
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
  dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
  if (kCanLimitMemory && limits.address_space > 0) {
    const rlimit space = {limits.address_space, limits.address_space};
    setrlimit(RLIMIT_AS, &space);
  }
  alarm(limits.seconds);  // outlives the exec, and ends it
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& args, const Limits& limits) {
  const std::string base = NewBase();
  const std::string out = base + ".out";
  const std::string err = base + ".err";
  const std::vector<char*> argv = Argv(MS_COMMAND, args);

  CommandResult result;
  const pid_t child = fork();
  if (child == 0) Exec(argv, out, err, limits);
  int status = 0;
  rusage usage = {};
  if (child > 0 && wait4(child, &status, 0, &usage) == child) {
    result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.peak_bytes = static_cast<size_t>(usage.ru_maxrss) * 1024;
  }
  result.out = Read(out);
  result.err = Read(err);
  return result;
}

RunningCommand::RunningCommand(const std::vector<std::string>& args, const std::string& program) {
  const std::string base = NewBase();
  out_ = base + ".out";
  err_ = base + ".err";
  const std::vector<char*> argv = Argv(program.c_str(), args);
  child_ = fork();
  if (child_ == 0) Exec(argv, out_, err_, {120, 0});
}

RunningCommand::~RunningCommand() {
  if (child_ <= 0) return;
  Signal(SIGKILL);
  Wait();
}

void RunningCommand::Signal(int number) const {
  if (child_ > 0) kill(child_, number);
}

bool RunningCommand::Prints(const std::string& text) const {
  for (int i = 0; i < 6000; ++i) {
    std::ostringstream printed;
    printed << std::ifstream(out_).rdbuf();
    if (printed.str().find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

CommandResult RunningCommand::Wait() {
  CommandResult result;
  int status = 0;
  if (child_ > 0 && waitpid(child_, &status, 0) == child_) {
    result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  child_ = -1;
  result.out = Read(out_);
  result.err = Read(err_);
  return result;
}

}  // namespace midstream::e2e

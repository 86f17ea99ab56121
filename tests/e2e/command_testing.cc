#include "tests/e2e/command_testing.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace midstream::e2e {
namespace {

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

// In the child: becomes the command, or ends.
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
  execv(MS_COMMAND, argv.data());
  _exit(127);
}

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& args, const Limits& limits) {
  static int count = 0;
  const auto base = std::filesystem::temp_directory_path() /
                    ("midstream_e2e_" + std::to_string(getpid()) + "_" + std::to_string(count++));
  const std::string out = base.string() + ".out";
  const std::string err = base.string() + ".err";

  std::vector<char*> argv = {const_cast<char*>(MS_COMMAND)};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);

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

}  // namespace midstream::e2e

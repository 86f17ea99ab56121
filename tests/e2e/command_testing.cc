#include "tests/e2e/command_testing.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

extern char** environ;

namespace midstream::e2e {
namespace {

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& args) {
  static int count = 0;
  const auto base = std::filesystem::temp_directory_path() /
                    ("midstream_e2e_" + std::to_string(getpid()) + "_" + std::to_string(count++));
  const std::string out = base.string() + ".out";
  const std::string err = base.string() + ".err";

  std::vector<char*> argv = {const_cast<char*>(MS_COMMAND)};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  CommandResult result;
  pid_t child = 0;
  if (posix_spawn(&child, MS_COMMAND, &actions, nullptr, argv.data(), environ) == 0) {
    int status = 0;
    waitpid(child, &status, 0);
    result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  posix_spawn_file_actions_destroy(&actions);
  result.out = Read(out);
  result.err = Read(err);
  return result;
}

}  // namespace midstream::e2e

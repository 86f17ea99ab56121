// Runs the built command and keeps what it printed.
#ifndef MIDSTREAM_TESTS_E2E_COMMAND_TESTING_H_
#define MIDSTREAM_TESTS_E2E_COMMAND_TESTING_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace midstream::e2e {

struct CommandResult {
  int exit = -1;
  std::string out;
  std::string err;
  size_t peak_bytes = 0;  // of memory that was touched

  // The one JSON document on stdout; discarded() when it is none.
  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

// A sanitizer reserves terabytes for itself, and ends a process that asks for as much.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanLimitMemory = false;
#else
constexpr bool kCanLimitMemory = true;
#endif

// What a command may use before the system ends it; 0: no limit.
struct Limits {
  unsigned seconds = 0;
  size_t address_space = 0;  // only where kCanLimitMemory
};

CommandResult RunCommand(const std::vector<std::string>& args, const Limits& limits = {});

// A command that runs beside the test. Its end is waited for, or it is killed.
class RunningCommand {
 public:
  // `program`: the command, or a script.
  explicit RunningCommand(const std::vector<std::string>& args,
                          const std::string& program = MS_COMMAND);
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;
  ~RunningCommand();

  void Signal(int number) const;
  // Waits until the command has printed the text. False: not within a minute.
  bool Prints(const std::string& text) const;
  // Waits for the end, at most two minutes.
  CommandResult Wait();

 private:
  std::string out_;
  std::string err_;
  int child_ = -1;
};

inline std::string Digits(const std::string& name) {
  return std::string(MS_TEST_DATA) + "/digits/" + name;
}
inline std::string DigitsCheckpoint(int step) {
  return Digits("mnist_deep_model.ckpt-" + std::to_string(step));
}

}  // namespace midstream::e2e

#endif  // MIDSTREAM_TESTS_E2E_COMMAND_TESTING_H_

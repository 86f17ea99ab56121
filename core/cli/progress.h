// Progress: one line on a terminal that says what is being done, and is gone at the end.
//
// Silent when stderr is no terminal. Threads: one.
#ifndef MIDSTREAM_CORE_CLI_PROGRESS_H_
#define MIDSTREAM_CORE_CLI_PROGRESS_H_

#include <string>

namespace midstream::cli {

class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Replaces what stands there. Cut to the width of the terminal.
  void Show(const std::string& text);
  // Before anything else is printed.
  void Clear();

 private:
  const bool terminal_;
  bool shown_ = false;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_PROGRESS_H_

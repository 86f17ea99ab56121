// Child processes of the plugin. They get none of the host's descriptors but those they are given,
// no blocked signals, and a process group of their own, so keys pressed in the host's terminal do
// not reach them. SIGCHLD is left to the host: nothing here needs or changes how it is handled, and
// a child that the host has reaped itself is no error.
#ifndef MIDSTREAM_PLUGINS_PYTHON_CHILD_H_
#define MIDSTREAM_PLUGINS_PYTHON_CHILD_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "plugins/python/fd.h"

namespace midstream::python {

// Descriptor fds[i] becomes 3 + i of the child; `out`, if given, its standard output. Standard input is
// /dev/null, and so is standard error of a quiet child. Throws Error(MS_UNAVAILABLE).
pid_t Spawn(const std::vector<std::string>& command, const std::vector<int>& fds, int out = -1,
            bool quiet = false);

// A descriptor that becomes readable when the process ends; invalid when it is gone already.
Fd OpenProcess(pid_t pid);
void KillProcess(const Fd& process);
// Waits for the end; false after `timeout`.
bool AwaitEnd(const Fd& process, std::chrono::milliseconds timeout);
// "by signal 11 (Segmentation fault)", "with exit code 3"; status as of waitpid.
std::string DescribeEnd(int status);
// Reaps a child that has ended or is ending, if the host has not, and describes its end.
std::string Reap(pid_t pid);

struct ChildOutput {
  std::string text;     // what it wrote to its standard output
  std::string problem;  // empty, or "did not answer within 20 s", "ended with exit code 3"
};
// Runs a command to its end, or kills it. What it complains of is not shown.
ChildOutput RunChild(const std::vector<std::string>& command, std::chrono::seconds timeout);

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_CHILD_H_

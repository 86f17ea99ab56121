// The options of [backends.python]; docs/python.md explains them to users.
#ifndef MIDSTREAM_PLUGINS_PYTHON_OPTIONS_H_
#define MIDSTREAM_PLUGINS_PYTHON_OPTIONS_H_

#include <chrono>
#include <span>
#include <string>

#include "midstream/view.hpp"

namespace midstream::python {

enum class Isolation {
  kShared,   // interpreters in linker namespaces of this process
  kProcess,  // interpreters in worker processes
};

struct Options {
  Isolation isolation = Isolation::kShared;
  // How many interpreters; 0: one per core that this process may use. At most 15 shared ones, which
  // is what the dynamic loader has room for, and 64 processes.
  uint32_t interpreters = 0;
  std::string python;  // "", "3.12", or the absolute path of a program or of an environment
  std::string site;    // a folder of packages, or an environment, to import from first; absolute
  std::chrono::milliseconds timeout{30000};  // one request: waiting for an interpreter, running
  std::chrono::milliseconds load_timeout{120000};  // the same for loading and for new weights
  uint32_t threads = 1;                            // of OpenBLAS, OpenMP, MKL; 0: they decide
  std::string preload;    // modules that worker processes share, separated by commas
  uint32_t spin_us = 20;  // how long both sides look before they sleep

  bool operator<(const Options& other) const;  // any order, for maps
  uint32_t Count() const;                      // interpreters, never 0
};

// Cores that this process may use, never 0.
uint32_t CoreCount();

// Throws Error(MS_INVALID_ARGUMENT), naming the option, for what it does not know.
Options ParseOptions(std::span<const ms_kv> values);

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_OPTIONS_H_

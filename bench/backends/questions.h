// The questions of this folder, and what they share.
#ifndef MIDSTREAM_BENCH_BACKENDS_QUESTIONS_H_
#define MIDSTREAM_BENCH_BACKENDS_QUESTIONS_H_

#include <string>
#include <vector>

#include "bench/support/runtime.h"

namespace midstream::bench {

struct Options {
  std::vector<std::string> backends = {"cpu_blas", "opencl"};  // the first is compared with
  uint32_t threads = 0;  // of backends that take a number; 0: one per core
  double seconds = 3;    // of each contender
  uint64_t rounds = 11;
  bool markdown = false;
};

// One model on every backend in interleaved rounds. Errors: those of a backend; INTERNAL when two
// backends answer differently.
Status CompareSpeed(const Options& options);

// From nothing to the first answer, in processes of their own: with empty caches, with those that
// the first one filled, and with ours alone.
Status CompareStarts(const Options& options);
// In such a process: opens, compiles, answers once, and prints the milliseconds of that.
Status FirstAnswer(const std::string& backend, const std::string& cache);

// "| a | b |" with markdown, else columns.
std::string Row(const Options& options, const std::vector<std::string>& cells);
// Below the head of a markdown table; empty otherwise.
std::string Rule(const Options& options, size_t columns);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_BACKENDS_QUESTIONS_H_

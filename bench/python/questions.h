// What the files of bench_python share.
#ifndef MIDSTREAM_BENCH_PYTHON_QUESTIONS_H_
#define MIDSTREAM_BENCH_PYTHON_QUESTIONS_H_

#include <string>
#include <vector>

#include "core/engine/engine.h"

namespace midstream::bench {

struct Options {
  std::string folder;  // with what make_models.py writes
  double seconds = 1;  // of each contender in a round
  int rounds = 7;
  int spin_us = -1;  // of the backend; -1: its default
  bool markdown = false;
  std::string only;  // questions whose names begin so
};

// A package on interpreters of one isolation, and as many requests at once as `lanes`.
struct Hosted {
  Session session;
  Tensor input;

  static Result<Hosted> Open(const Options& options, const std::string& model,
                             const std::string& isolation, int interpreters, int lanes,
                             int spin_us);
  Result<std::vector<Tensor>> Ask();
};

// One row of a table; head: its names.
void PrintRow(const Options& options, const std::vector<std::string>& cells, bool head = false);

// Answers per second of one interpreter and of two, of stock threads, and of plain calls.
Status AskScaling(const Options& options);
// What a call costs beside its work.
Status AskHop(const Options& options);
// What eight interpreters take to start and in memory.
Status AskMemory(const Options& options);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_PYTHON_QUESTIONS_H_

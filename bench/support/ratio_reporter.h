// Prints medians as they come, and at the end how each contender compares with ours.
//
// Benches that answer one question are named alike up to the last "/", behind which stands the
// contender: "infer/batch:1/threads:1/midstream" and ".../openblas".
#ifndef MIDSTREAM_BENCH_SUPPORT_RATIO_REPORTER_H_
#define MIDSTREAM_BENCH_SUPPORT_RATIO_REPORTER_H_

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace midstream::bench {

class RatioReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  struct Entry {
    std::string contender;
    double microseconds;
  };
  struct Question {
    std::string name;
    std::vector<Entry> entries;
  };
  std::vector<Question> questions_;
};

// Adds what our benches want (interleaved repetitions, their medians) in front of the user's own
// flags, runs everything, and prints the ratios unless another output format is asked for. Returns
// the exit status.
int RunBenches(int argc, char** argv);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_SUPPORT_RATIO_REPORTER_H_

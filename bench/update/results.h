// Figures as they come: a table for each question at the end, as text or markdown, and JSON.
#ifndef MIDSTREAM_BENCH_UPDATE_RESULTS_H_
#define MIDSTREAM_BENCH_UPDATE_RESULTS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/base/histogram.h"
#include "core/measure/environment.h"

namespace midstream::bench {

using Figures = std::vector<std::pair<std::string, double>>;

class Results {
 public:
  // All rows of a question have the same figures, in the same order.
  void Add(const std::string& question, const std::string& row, Figures figures);
  // What could not be measured, and why.
  void Skip(const std::string& question, const std::string& why);

  std::string ToText(bool markdown) const;
  std::string ToJson(const measure::Environment& environment) const;

 private:
  struct Question {
    std::string name;
    std::vector<std::pair<std::string, Figures>> rows;
    std::vector<std::string> skipped;
  };
  Question& Find(const std::string& name);

  std::vector<Question> questions_;
};

// Microseconds.
double QuantileUs(const Histogram::Snapshot& snapshot, double q);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_UPDATE_RESULTS_H_

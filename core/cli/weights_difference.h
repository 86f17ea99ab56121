// How two sets of weights differ, for `midstream weights diff` and `package diff`.
#ifndef MIDSTREAM_CORE_CLI_WEIGHTS_DIFFERENCE_H_
#define MIDSTREAM_CORE_CLI_WEIGHTS_DIFFERENCE_H_

#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/cli/tensor_statistics.h"

namespace midstream::cli {

struct ValueRow {
  std::string name;
  int64_t count = 0;
  TensorDifference difference;
};

struct KindRow {
  std::string name;
  std::string a;  // "float32[2,3]"
  std::string b;
};

struct WeightDifferences {
  std::string a;
  std::string b;
  std::vector<std::string> only_in_a;
  std::vector<std::string> only_in_b;
  std::vector<KindRow> kinds;    // dtype or shape
  std::vector<ValueRow> values;  // of the same dtype and shape
  size_t equal = 0;

  size_t count() const {
    return only_in_a.size() + only_in_b.size() + kinds.size() + values.size();
  }
};

// Bit by bit; `only`: patterns of names, of which each matches in one set at least, or none for all.
// Errors: those of opening and reading; NOT_FOUND for a pattern that matches nothing.
Result<WeightDifferences> CompareWeights(const std::string& a, const std::string& b,
                                         const std::vector<std::string>& only);

Json ToJson(const WeightDifferences& found);
std::string ToText(const WeightDifferences& found);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_WEIGHTS_DIFFERENCE_H_

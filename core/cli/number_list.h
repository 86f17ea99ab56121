// Lists and ranges of numbers as the command line gives them.
//
//   4          one number
//   1,2,4      several
//   1-8        1 to 8, every one
//   1-9+2      1, 3, 5, 7, 9
//   1-8*2      1, 2, 4, 8
//   1,8-32*2   1, 8, 16, 32
#ifndef MIDSTREAM_CORE_CLI_NUMBER_LIST_H_
#define MIDSTREAM_CORE_CLI_NUMBER_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::cli {

inline constexpr size_t kMostNumbers = 1000;

// What the numbers may be.
struct NumberRule {
  double least;
  double most;
  bool whole = true;
};

// In the order given; not empty. Errors: INVALID_ARGUMENT naming the text and what was expected, for
// what is no such list, is against the rule, or is more than kMostNumbers numbers.
Result<std::vector<double>> ParseNumbers(std::string_view text, const NumberRule& rule);

// The two ends of a search.
struct Bounds {
  double low;
  double high;
};
// "LOW-HIGH". Errors: as above.
Result<Bounds> ParseBounds(std::string_view text, const NumberRule& rule);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_NUMBER_LIST_H_

// Which lines of a text are gone and which are new in another.
#ifndef MIDSTREAM_CORE_CLI_LINE_DIFFERENCE_H_
#define MIDSTREAM_CORE_CLI_LINE_DIFFERENCE_H_

#include <string>
#include <string_view>
#include <vector>

namespace midstream::cli {

struct LineDifference {
  size_t removed = 0;
  size_t added = 0;
  std::vector<std::string> lines;  // "-" or "+" before each, in the order of the texts
};

// A longest common subsequence stays; where the texts differ in too many lines for that, all lines
// between the first and the last that differ are removed and added.
LineDifference CompareLines(std::string_view a, std::string_view b);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_LINE_DIFFERENCE_H_

#include "core/cli/line_difference.h"

#include <algorithm>
#include <cstdint>

namespace midstream::cli {
namespace {

constexpr size_t kLargestTable = size_t{4} << 20;

using Lines = std::vector<std::string_view>;

Lines Split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void DropCommonEnds(Lines* a, Lines* b) {
  const auto [first, second] = std::mismatch(a->begin(), a->end(), b->begin(), b->end());
  a->erase(a->begin(), first);
  b->erase(b->begin(), second);
  while (!a->empty() && !b->empty() && a->back() == b->back()) {
    a->pop_back();
    b->pop_back();
  }
}

void Remove(std::string_view line, LineDifference* difference) {
  ++difference->removed;
  difference->lines.push_back("-" + std::string(line));
}
void Add(std::string_view line, LineDifference* difference) {
  ++difference->added;
  difference->lines.push_back("+" + std::string(line));
}

}  // namespace

LineDifference CompareLines(std::string_view text_a, std::string_view text_b) {
  Lines a = Split(text_a), b = Split(text_b);
  DropCommonEnds(&a, &b);
  LineDifference difference;
  const size_t width = b.size() + 1;
  // common[i * width + j]: length of a longest common subsequence of a[i...] and b[j...].
  std::vector<uint32_t> common;
  const bool small = (a.size() + 1) <= kLargestTable / width;
  if (small) {
    common.assign((a.size() + 1) * width, 0);
    for (size_t i = a.size(); i-- > 0;) {
      for (size_t j = b.size(); j-- > 0;) {
        common[i * width + j] =
            a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                         : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
      }
    }
  }
  size_t i = 0, j = 0;
  while (small && i < a.size() && j < b.size()) {
    if (a[i] == b[j]) {
      ++i;
      ++j;
    } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) {
      Remove(a[i++], &difference);
    } else {
      Add(b[j++], &difference);
    }
  }
  for (; i < a.size(); ++i) Remove(a[i], &difference);
  for (; j < b.size(); ++j) Add(b[j], &difference);
  return difference;
}

}  // namespace midstream::cli

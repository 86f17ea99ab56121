#include "core/config/nearest.h"

#include <algorithm>
#include <vector>

namespace midstream::config {
namespace {

// Longer text is no misspelling of a key, and the distance costs the product of the lengths.
constexpr size_t kMaxSize = 100;

size_t Allowed(std::string_view wrong) { return std::clamp<size_t>(wrong.size() / 3, 1, 4); }

std::string_view LastPart(std::string_view key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  // Rows of the usual table: the last but one, the last, and the one being made.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({substituted, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::string_view Nearest(std::string_view wrong, std::span<const std::string_view> names) {
  if (wrong.empty() || wrong.size() > kMaxSize) return "";
  const std::string_view wrong_part = LastPart(wrong);
  std::string_view best;
  size_t best_distance = kMaxSize;
  for (const std::string_view name : names) {
    const size_t whole = EditDistance(wrong, name);
    // A right name in a wrong section is worth less than a misspelling of the whole key.
    const size_t part = EditDistance(wrong_part, LastPart(name));
    if (whole <= Allowed(wrong) && whole < best_distance) {
      best_distance = whole;
      best = name;
    }
    if (part <= Allowed(wrong_part) && part + 2 < best_distance) {
      best_distance = part + 2;
      best = name;
    }
  }
  return best;
}

}  // namespace midstream::config

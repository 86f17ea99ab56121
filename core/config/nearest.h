// The nearest of a set of names to a misspelt one, for "did you mean" in messages.
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_NEAREST_H_
#define MIDSTREAM_CORE_CONFIG_NEAREST_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace midstream::config {

// The fewest insertions, deletions, substitutions and swaps of neighbours that turn a into b.
size_t EditDistance(std::string_view a, std::string_view b);

// The name that wrong most likely meant, or "" when none is near. For dotted keys, a name whose
// last part is near counts too: "streams" is near "execution.streams".
std::string_view Nearest(std::string_view wrong, std::span<const std::string_view> names);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NEAREST_H_

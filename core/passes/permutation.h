// Permutations of axes, as Transpose has them: axis i of the result is axis perm[i] of the operand.
#ifndef MIDSTREAM_CORE_PASSES_PERMUTATION_H_
#define MIDSTREAM_CORE_PASSES_PERMUTATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace midstream::passes {

using Permutation = std::vector<int64_t>;

inline bool IsIdentity(const Permutation& perm) {
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

inline Permutation Inverse(const Permutation& perm) {
  Permutation inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  }
  return inverse;
}

// What a Transpose by `perm` makes of per-axis values.
inline std::vector<int64_t> Permuted(const std::vector<int64_t>& dims, const Permutation& perm) {
  std::vector<int64_t> out;
  out.reserve(perm.size());
  for (int64_t axis : perm) out.push_back(dims[static_cast<size_t>(axis)]);
  return out;
}

// One Transpose equal to `first`, then `second`.
inline Permutation Compose(const Permutation& first, const Permutation& second) {
  return Permuted(first, second);
}

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PERMUTATION_H_

// The sizes of a small model for tests that make one.
#ifndef MIDSTREAM_TESTS_CORE_MODELS_OPENPI_SIZES_TESTING_H_
#define MIDSTREAM_TESTS_CORE_MODELS_OPENPI_SIZES_TESTING_H_

#include "core/models/openpi/sizes.h"

namespace midstream::openpi {

// Different numbers wherever two of them could be taken for each other.
inline Sizes SmallSizes(Family family, Naming naming = Naming::kJax) {
  Sizes sizes;
  sizes.family = family;
  sizes.naming = naming;
  sizes.vision = {.image = 10,
                  .patch = 5,
                  .tokens = 4,
                  .width = 6,
                  .depth = 3,
                  .mlp = 14,
                  .heads = 2,
                  .head_dim = 3};
  sizes.vlm = {.width = 7, .depth = 2, .mlp = 9, .heads = 3, .kv_heads = 1, .head_dim = 4};
  sizes.vocabulary = 11;
  if (family == Family::kPi0Fast) return sizes;
  sizes.expert = {.width = 6, .depth = 2, .mlp = 8, .heads = 3, .kv_heads = 1, .head_dim = 4};
  sizes.action_dim = 2;
  return sizes;
}

}  // namespace midstream::openpi

#endif  // MIDSTREAM_TESTS_CORE_MODELS_OPENPI_SIZES_TESTING_H_

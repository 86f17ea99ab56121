// The canonical weights of an OpenPI model: one list of names, shapes and meanings for both layouts
// of its checkpoints, and where each of them lies in a stored tensor.
//
// A canonical weight is a JAX parameter of one layer in the form that the graph reads: the number of
// the layer follows the stacked module, matrices are [in, out] with heads flattened
// ("PaliGemma/llm/layers/3/attn/q_einsum/w" [D, N*H]), and what JAX stacks is apart
// ("kv_einsum/k", "gating_einsum/up"). Its dtype is that of the stored tensor.
// Threads: plain values.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_WEIGHTS_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/models/openpi/sizes.h"

namespace midstream::openpi {

// A part of a stored tensor, and how it becomes a canonical weight: the row `row` of axis 0 (or all of
// it), of that the part `part` of axis 0 (or all of it), its axes permuted by `order`, in the
// canonical shape.
struct StoredPart {
  std::string tensor;  // the name that openpi gives it today
  Shape shape;         // of the whole stored tensor
  int64_t row = -1;
  int64_t part = -1;
  std::vector<size_t> order;  // empty: as they are
};

struct CanonicalWeight {
  std::string name;
  Shape shape;
  StoredPart stored;  // in the layout of Sizes::naming
};

// Every weight of the model, in the order of its layers.
std::vector<CanonicalWeight> CanonicalWeights(const Sizes& sizes);

// `shape` elements of `size` bytes with axes permuted: axis i of the result is axis order[i] of what
// `from` holds. Requires: `to` has room for as many bytes.
void PermuteAxes(const std::byte* from, const Shape& shape, const std::vector<size_t>& order,
                 size_t size, std::byte* to);

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_WEIGHTS_H_

// KnownInts: what a graph's constants and shapes say about small integer tensors while it is being
// built: TensorFlow graphs compute permutations, axes and sizes (`range(rank(x))`,
// `[shape(x)[0], 8, 8, 3]`) that ONNX wants as constants.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_KNOWN_INTS_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_KNOWN_INTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "core/graph/graph.h"

namespace midstream::tensorflow {

using KnownInts = std::vector<std::optional<int64_t>>;

// The elements of a scalar or vector of integers, each as far as it is known; nullopt when not even
// their number is. Looks at a bounded part of the graph.
std::optional<KnownInts> FindKnownInts(const Graph& graph, ValueId value);

// All of them, when all are known.
std::optional<std::vector<int64_t>> AllKnown(const std::optional<KnownInts>& ints);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_KNOWN_INTS_H_

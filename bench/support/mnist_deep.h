// mnist_deep of TensorFlow's tutorial at full size: 32 and 64 filters of 5x5, 1024 hidden units, 10
// classes.
//
// The graph is the one that the importer makes of the tutorial's checkpoint, so the passes have
// their full work to do: convolutions and pools between transposes, a transposed filter each,
// biases and activations as nodes of their own. Weights and images come from a fixed generator: no
// file is read, and every run sees the same bits.
#ifndef MIDSTREAM_BENCH_SUPPORT_MNIST_DEEP_H_
#define MIDSTREAM_BENCH_SUPPORT_MNIST_DEEP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/graph/graph.h"
#include "core/graph/named_tensor.h"

namespace midstream::bench {

constexpr int64_t kImageSize = 28 * 28;
constexpr int64_t kClasses = 10;
constexpr size_t kWeightBytes = 13'098'536;  // of the eight tensors

// Input "Placeholder" [?,784], output "fc2/add" [?,10].
Graph MakeMnistDeep();
// The eight variables in the trainer's order, names and layouts (filters HWIO, matrices [in,out]).
std::vector<NamedTensor> MakeWeights(uint32_t seed);
Tensor MakeImages(int64_t batch);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_SUPPORT_MNIST_DEEP_H_

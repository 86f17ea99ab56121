// Small networks of several styles, for tests that run a graph before and after a pass.
#ifndef MIDSTREAM_TESTS_CORE_PASSES_ZOO_TESTING_H_
#define MIDSTREAM_TESTS_CORE_PASSES_ZOO_TESTING_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"

namespace midstream::passes {

struct ZooModel {
  std::string name;
  Graph graph;
};

// Not inferred. mnist: as in mnist_testing.h; residual: TensorFlow style (NHWC, HWIO, batch norm,
// shortcuts, Pad, mean over space); mobile: ONNX style (NCHW, bias, groups, Clip, swish, Concat,
// Gemm); plain_norm: batch norm spelled as Mul and Add over weights; attention: embeddings, layer
// norm, batched MatMul, transposed weights.
std::vector<ZooModel> Zoo();

}  // namespace midstream::passes

#endif  // MIDSTREAM_TESTS_CORE_PASSES_ZOO_TESTING_H_

// The graph of mnist_deep as the TensorFlow importer writes it: NHWC, HWIO filters, the bias a
// separate Add.
#ifndef MIDSTREAM_TESTS_CORE_PASSES_MNIST_TESTING_H_
#define MIDSTREAM_TESTS_CORE_PASSES_MNIST_TESTING_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {

struct MnistSizes {
  int64_t conv1 = 32;
  int64_t conv2 = 64;
  int64_t hidden = 1024;
};

class MnistBuilder {
 public:
  explicit MnistBuilder(MnistSizes sizes = {}) {
    ValueId x = graph_.AddInput("Placeholder", DType::kF32, {kUnknownDim, 784});
    x = graph_.Add("Reshape", "reshape/Reshape", {x, Ints(graph_, {-1, 28, 28, 1})});
    x = ConvPool(x, "1", 1, sizes.conv1);
    x = ConvPool(x, "2", sizes.conv1, sizes.conv2);
    int64_t features = 7 * 7 * sizes.conv2;
    x = graph_.Add("Reshape", "fc1/Reshape", {x, Ints(graph_, {-1, features})});
    x = graph_.Add("Relu", "fc1/Relu", {Dense(x, "fc1", features, sizes.hidden)});
    x = Dense(x, "fc2", sizes.hidden, 10);
    graph_.AddOutput(x, "fc2/add");
    ValueId best = graph_.Add("ArgMax", "accuracy/ArgMax", {x},
                              {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
    graph_.AddOutput(best, "accuracy/ArgMax");
  }

  Graph Build() { return std::move(graph_); }

 private:
  ValueId Read(const std::string& name, Shape shape) {
    ValueId weight = graph_.AddWeight(name, DType::kF32, std::move(shape));
    return graph_.Add("Identity", name + "/read", {weight});
  }
  ValueId Transposed(ValueId x, const std::string& name, const std::vector<int64_t>& perm) {
    return graph_.Add("Transpose", name, {x}, {{"perm", perm}});
  }

  ValueId ConvPool(ValueId x, const std::string& i, int64_t in, int64_t out) {
    std::string conv = "conv" + i;
    ValueId w = Read(conv + "/Variable", {5, 5, in, out});
    ValueId b = Read(conv + "/Variable_1", {out});
    x = Transposed(x, conv + "/Conv2D/x", kNhwcToNchw);
    w = Transposed(w, conv + "/Conv2D/w", kHwioToOihw);
    x = graph_.Add("Conv", conv + "/Conv2D", {x, w}, {{"auto_pad", std::string("SAME_UPPER")}});
    x = Transposed(x, conv + "/Conv2D/y", kNchwToNhwc);
    x = graph_.Add("Add", conv + "/add", {x, b});
    x = graph_.Add("Relu", conv + "/Relu", {x});
    x = Transposed(x, "pool" + i + "/MaxPool/x", kNhwcToNchw);
    std::vector<int64_t> two = {2, 2};
    x = graph_.Add(
        "MaxPool", "pool" + i + "/MaxPool", {x},
        {{"kernel_shape", two}, {"strides", two}, {"auto_pad", std::string("SAME_UPPER")}});
    return Transposed(x, "pool" + i + "/MaxPool/y", kNchwToNhwc);
  }

  ValueId Dense(ValueId x, const std::string& scope, int64_t in, int64_t out) {
    ValueId w = Read(scope + "/Variable", {in, out});
    ValueId b = Read(scope + "/Variable_1", {out});
    x = graph_.Add("MatMul", scope + "/MatMul", {x, w});
    return graph_.Add("Add", scope + "/add", {x, b});
  }

  Graph graph_;
};

}  // namespace midstream::passes

#endif  // MIDSTREAM_TESTS_CORE_PASSES_MNIST_TESTING_H_

#include "tests/core/passes/zoo_testing.h"

#include "tests/core/passes/mnist_testing.h"
#include "tests/core/passes/passes_testing.h"

namespace midstream::passes {
namespace {

using IntList = std::vector<int64_t>;

class Builder {
 public:
  ValueId Input(const std::string& name, Shape shape, DType dtype = DType::kF32) {
    return graph.AddInput(name, dtype, std::move(shape));
  }
  ValueId Weight(const std::string& name, Shape shape) {
    return graph.AddWeight(name, DType::kF32, std::move(shape));
  }
  ValueId Scalar(float value) {
    return graph.AddConstant("scalar", Tensor::Scalar(DType::kF32, value));
  }
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attrs = {}) {
    return graph.Add(op, scope + op, std::move(inputs), std::move(attrs));
  }
  ValueId Transpose(ValueId x, const IntList& perm) {
    return Op("Transpose", {x}, {{"perm", perm}});
  }

  // TensorFlow's NHWC operators, as the importer writes them.
  ValueId TfConv(ValueId x, int64_t size, int64_t in, int64_t out) {
    ValueId w = Transpose(Weight(scope + "w", {size, size, in, out}), kHwioToOihw);
    x = Op("Conv", {Transpose(x, kNhwcToNchw), w}, {{"auto_pad", std::string("SAME_UPPER")}});
    return Transpose(x, kNchwToNhwc);
  }
  ValueId TfBatchNorm(ValueId x, int64_t channels) {
    x = BatchNorm(Transpose(x, kNhwcToNchw), channels);
    return Transpose(x, kNchwToNhwc);
  }
  ValueId BatchNorm(ValueId x, int64_t channels) {
    return Op("BatchNormalization",
              {x, Weight(scope + "gamma", {channels}), Weight(scope + "beta", {channels}),
               Weight(scope + "mean", {channels}), Weight(scope + "variance", {channels})},
              {{"epsilon", 1e-3}});
  }

  Graph graph;
  std::string scope;
};

Graph Residual() {
  Builder b;
  ValueId x = b.Input("image", {kUnknownDim, 6, 5, 3});
  b.scope = "stem/";
  x = b.Op("Add", {b.TfConv(x, 3, 3, 4), b.Weight("stem/bias", {4})});
  x = b.Op("Relu", {b.TfBatchNorm(x, 4)});
  ValueId shortcut = x;
  b.scope = "block/a/";
  x = b.Op("Relu", {b.TfBatchNorm(b.TfConv(x, 3, 4, 2), 2)});
  b.scope = "block/b/";
  x = b.TfBatchNorm(b.TfConv(x, 1, 2, 4), 4);
  x = b.Op("Relu", {b.Op("Add", {shortcut, x})});
  b.scope = "pool/";
  x = b.Op("Pad", {x, Ints(b.graph, {0, 1, 0, 0, 0, 0, 1, 0})});
  x = b.Op("AveragePool", {b.Transpose(x, kNhwcToNchw)}, {{"kernel_shape", IntList{2, 3}}});
  x = b.Transpose(x, kNchwToNhwc);
  x = b.Op("ReduceMean", {x, Ints(b.graph, {1, 2})}, {{"keepdims", int64_t{0}}});
  b.scope = "head/";
  x = b.Op("MatMul", {x, b.Transpose(b.Weight("head/w", {5, 4}), {1, 0})});
  x = b.Op("Softmax", {b.Op("Add", {x, b.Weight("head/bias", {5})})});
  b.graph.AddOutput(x, "probabilities");
  return std::move(b.graph);
}

Graph Mobile() {
  Builder b;
  ValueId x = b.Input("image", {kUnknownDim, 3, 7, 8});
  b.scope = "a/";
  x = b.Op("Conv", {x, b.Weight("a/w", {4, 3, 3, 3}), b.Weight("a/b", {4})},
           {{"strides", IntList{2, 2}}, {"pads", IntList{1, 1, 1, 1}}});
  x = b.Op("Clip", {b.BatchNorm(x, 4), b.Scalar(0), b.Scalar(0.4f)});
  b.scope = "depthwise/";
  ValueId y = b.Op("Conv", {x, b.Weight("depthwise/w", {4, 1, 3, 3})},
                   {{"group", int64_t{4}}, {"pads", IntList{1, 1, 1, 1}}});
  y = b.BatchNorm(y, 4);
  y = b.Op("Mul", {y, b.Op("Sigmoid", {y})});
  b.scope = "left/";
  ValueId left = b.Op("Conv", {y, b.Weight("left/w", {3, 4, 1, 1}), b.Weight("left/b", {3})});
  left = b.Op("LeakyRelu", {left}, {{"alpha", 0.2}});
  b.scope = "right/";
  ValueId right =
      b.Op("MaxPool", {y}, {{"kernel_shape", IntList{3, 3}}, {"pads", IntList{1, 1, 1, 1}}});
  x = b.Op("Concat", {left, right, x}, {{"axis", int64_t{1}}});
  x = b.Op("LRN", {x}, {{"size", int64_t{3}}});
  b.graph.AddOutput(x, "features");
  b.scope = "head/";
  x = b.Op("Flatten", {b.Op("GlobalAveragePool", {x})});
  x = b.Op("Gemm", {x, b.Weight("head/w", {5, 11}), b.Weight("head/b", {5})},
           {{"transB", int64_t{1}}});
  x = b.Op("Tanh", {x});
  b.graph.AddOutput(b.Op("LogSoftmax", {x}), "log_probabilities");
  b.graph.AddOutput(x, "logits");
  return std::move(b.graph);
}

Graph PlainNorm() {
  Builder b;
  ValueId x = b.Input("image", {kUnknownDim, 4, 4, 2});
  b.scope = "norm/";
  x = b.TfConv(x, 3, 2, 3);
  ValueId root = b.Op("Sqrt", {b.Op("Add", {b.Weight("variance", {3}), b.Scalar(1e-3f)})});
  ValueId scale = b.Op("Div", {b.Weight("gamma", {3}), root});
  ValueId shift = b.Op("Sub", {b.Weight("beta", {3}), b.Op("Mul", {b.Weight("mean", {3}), scale})});
  x = b.Op("Add", {b.Op("Mul", {x, scale}), shift});
  x = b.Op("Elu", {x});
  b.graph.AddOutput(x, "y");
  b.graph.AddOutput(scale, "scale");
  b.graph.AddOutput(b.graph.weights()[0], "w");
  return std::move(b.graph);
}

ValueId LayerNorm(Builder& b, ValueId x, int64_t width) {
  ValueId mean = b.Op("ReduceMean", {x, Ints(b.graph, {-1})});
  ValueId centred = b.Op("Sub", {x, mean});
  ValueId var = b.Op("ReduceMean", {b.Op("Mul", {centred, centred}), Ints(b.graph, {-1})});
  ValueId root = b.Op("Sqrt", {b.Op("Add", {var, b.Scalar(1e-5f)})});
  x = b.Op("Mul", {b.Op("Div", {centred, root}), b.Weight(b.scope + "gamma", {width})});
  return b.Op("Add", {x, b.Weight(b.scope + "beta", {width})});
}

Graph Attention() {
  Builder b;
  ValueId ids = b.Input("ids", {kUnknownDim, 3}, DType::kI64);
  ValueId x = b.Op("Gather", {b.Weight("table", {4, 6}), ids});
  x = LayerNorm(b, b.Op("Add", {x, b.Weight("positions", {1, 3, 6})}), 6);
  auto heads = [&](const std::string& scope) {
    b.scope = scope;
    ValueId y = b.Op("MatMul", {x, b.Weight(scope + "w", {6, 6})});
    y = b.Op("Add", {y, b.Weight(scope + "b", {6})});
    return b.Transpose(b.Op("Reshape", {y, Ints(b.graph, {-1, 3, 2, 3})}), {0, 2, 1, 3});
  };
  ValueId q = heads("q/");
  ValueId k = b.Transpose(heads("k/"), {0, 1, 3, 2});
  ValueId v = heads("v/");
  ValueId scores = b.Op("Softmax", {b.Op("Mul", {b.Op("MatMul", {q, k}), b.Scalar(0.5f)})});
  ValueId mixed = b.Transpose(b.Op("MatMul", {scores, v}), {0, 2, 1, 3});
  mixed = b.Op("Reshape", {mixed, Ints(b.graph, {-1, 3, 6})});
  b.scope = "out/";
  ValueId w = b.Transpose(b.Weight("out/w", {5, 6}), {1, 0});
  x = b.Op("Add", {b.Weight("out/b", {5}), b.Op("MatMul", {mixed, w})});
  b.graph.AddOutput(b.Op("Sigmoid", {x}), "y");
  return std::move(b.graph);
}

}  // namespace

std::vector<ZooModel> Zoo() {
  std::vector<ZooModel> zoo;
  zoo.push_back({"mnist", MnistBuilder({.conv1 = 2, .conv2 = 3, .hidden = 4}).Build()});
  zoo.push_back({"residual", Residual()});
  zoo.push_back({"mobile", Mobile()});
  zoo.push_back({"plain_norm", PlainNorm()});
  zoo.push_back({"attention", Attention()});
  return zoo;
}

}  // namespace midstream::passes

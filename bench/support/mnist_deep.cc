#include "bench/support/mnist_deep.h"

#include <random>
#include <string>

namespace midstream::bench {
namespace {

struct Parameter {
  const char* name;
  Shape shape;
};

const std::vector<Parameter>& Parameters() {
  static const auto* const kParameters =
      new std::vector<Parameter>{{"conv1/Variable", {5, 5, 1, 32}},  {"conv1/Variable_1", {32}},
                                 {"conv2/Variable", {5, 5, 32, 64}}, {"conv2/Variable_1", {64}},
                                 {"fc1/Variable", {3136, 1024}},     {"fc1/Variable_1", {1024}},
                                 {"fc2/Variable", {1024, 10}},       {"fc2/Variable_1", {10}}};
  return *kParameters;
}

using Dims = std::vector<int64_t>;

class Builder {
 public:
  Graph Take() { return std::move(graph_); }

  ValueId Input() { return graph_.AddInput("Placeholder", DType::kF32, {kUnknownDim, kImageSize}); }
  void Output(ValueId value) { graph_.AddOutput(value, "fc2/add"); }

  ValueId Weight() {
    const Parameter& parameter = Parameters()[next_weight_++];
    return graph_.AddWeight(parameter.name, DType::kF32, parameter.shape);
  }

  ValueId Reshape(const std::string& name, ValueId x, Dims dims) {
    ValueId shape = graph_.AddConstant(name + "/shape", Tensor::FromInts(dims));
    return graph_.Add("Reshape", name, {x, shape});
  }

  // An ONNX operator on channels first, wrapped for values that have them last.
  ValueId Window(const std::string& op, const std::string& name, std::vector<ValueId> inputs,
                 Attributes attrs) {
    attrs.emplace("auto_pad", "SAME_UPPER");
    inputs[0] = graph_.Add("Transpose", name + "/nchw", {inputs[0]}, {{"perm", Dims{0, 3, 1, 2}}});
    ValueId y = graph_.Add(op, name + "/" + op, std::move(inputs), std::move(attrs));
    return graph_.Add("Transpose", name, {y}, {{"perm", Dims{0, 2, 3, 1}}});
  }

  ValueId ConvBlock(const std::string& conv, const std::string& pool, ValueId x) {
    ValueId hwio = Weight();
    ValueId filter =
        graph_.Add("Transpose", conv + "/Conv2D/filter", {hwio}, {{"perm", Dims{3, 2, 0, 1}}});
    x = Window("Conv", conv + "/Conv2D", {x, filter},
               {{"strides", Dims{1, 1}}, {"dilations", Dims{1, 1}}});
    x = graph_.Add("Relu", conv + "/Relu", {graph_.Add("Add", conv + "/add", {x, Weight()})});
    return Window("MaxPool", pool + "/MaxPool", {x},
                  {{"kernel_shape", Dims{2, 2}}, {"strides", Dims{2, 2}}});
  }

  ValueId Dense(const std::string& name, ValueId x) {
    ValueId product = graph_.Add("MatMul", name + "/MatMul", {x, Weight()});
    return graph_.Add("Add", name + "/add", {product, Weight()});
  }

  ValueId Relu(const std::string& name, ValueId x) { return graph_.Add("Relu", name, {x}); }

 private:
  Graph graph_;
  size_t next_weight_ = 0;
};

// Roughly normal numbers that are the same on every machine and standard library.
void Fill(std::mt19937& random, float scale, float offset, std::span<float> out) {
  for (float& value : out) {
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(random() >> 8) * 0x1p-24F - 0.5F;
    value = sum * 1.7F * scale + offset;
  }
}

}  // namespace

Graph MakeMnistDeep() {
  Builder builder;
  ValueId x = builder.Reshape("reshape/Reshape", builder.Input(), {-1, 28, 28, 1});
  x = builder.ConvBlock("conv1", "pool1", x);
  x = builder.ConvBlock("conv2", "pool2", x);
  x = builder.Reshape("fc1/Reshape", x, {-1, 7 * 7 * 64});
  x = builder.Relu("fc1/Relu", builder.Dense("fc1", x));
  builder.Output(builder.Dense("fc2", x));
  return builder.Take();
}

std::vector<NamedTensor> MakeWeights(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<NamedTensor> weights;
  for (const Parameter& parameter : Parameters()) {
    Tensor value = *Tensor::Allocate(DType::kF32, parameter.shape);
    bool is_bias = parameter.shape.rank() == 1;
    Fill(random, is_bias ? 0.01F : 0.1F, is_bias ? 0.1F : 0.0F, value.mutable_as<float>());
    weights.push_back({parameter.name, std::move(value)});
  }
  return weights;
}

Tensor MakeImages(int64_t batch) {
  std::mt19937 random(1);
  Tensor images = *Tensor::Allocate(DType::kF32, {batch, kImageSize});
  for (float& pixel : images.mutable_as<float>()) {
    pixel = static_cast<float>(random() >> 8) * 0x1p-24F;
  }
  return images;
}

}  // namespace midstream::bench

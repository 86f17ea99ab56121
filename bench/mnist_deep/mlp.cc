// What a call costs beside its arithmetic: a policy of 64-64-64-8 at batch 1, run, submitted, and as
// plain loops over the same weights.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/mnist_deep/cases.h"

namespace midstream::bench {
namespace {

constexpr int64_t kSizes[] = {64, 64, 64, 8};
constexpr size_t kLayers = std::size(kSizes) - 1;

struct Mlp {
  Net net;
  std::vector<NamedTensor> weights;  // matrix, bias, matrix, ...
  Tensor x;
};

Tensor Filled(Shape shape, float scale) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, std::move(shape));
  uint32_t state = 1;
  for (float& value : tensor.mutable_as<float>()) {
    state = state * 1664525 + 1013904223;
    value = scale * (static_cast<float>(state >> 8) / (1 << 24) - 0.5F);
  }
  return tensor;
}

Result<Mlp> MakeMlp(Runtime& runtime) {
  Mlp mlp;
  Graph graph;
  ValueId value = graph.AddInput("x", DType::kF32, {-1, kSizes[0]});
  for (size_t i = 0; i < kLayers; ++i) {
    const std::string n = std::to_string(i);
    mlp.weights.push_back({"w" + n, Filled({kSizes[i], kSizes[i + 1]}, 0.5F)});
    mlp.weights.push_back({"b" + n, Filled({kSizes[i + 1]}, 0.5F)});
    const ValueId w = graph.AddWeight("w" + n, DType::kF32, {kSizes[i], kSizes[i + 1]});
    const ValueId b = graph.AddWeight("b" + n, DType::kF32, {kSizes[i + 1]});
    value = graph.Add("Add", "a" + n, {graph.Add("MatMul", "m" + n, {value, w}), b});
    if (i + 1 < kLayers) value = graph.Add("Relu", "r" + n, {value});
  }
  graph.AddOutput(value, "y");
  MS_RETURN_IF_ERROR(graph.Compact());
  MS_ASSIGN_OR_RETURN(mlp.net, runtime.MakeNet(std::move(graph), mlp.weights));
  mlp.x = Filled({1, kSizes[0]}, 2);
  return mlp;
}

// y = x w + b, one row.
__attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default"))) void Layer(
    const float* __restrict x, const float* __restrict w, const float* __restrict b, int64_t n_in,
    int64_t n_out, bool relu, float* __restrict y) {
  for (int64_t j = 0; j < n_out; ++j) y[j] = b[j];
  for (int64_t i = 0; i < n_in; ++i) {
    for (int64_t j = 0; j < n_out; ++j) y[j] += x[i] * w[i * n_out + j];
  }
  if (!relu) return;
  for (int64_t j = 0; j < n_out; ++j) y[j] = y[j] > 0 ? y[j] : 0;
}

void Arithmetic(const Mlp& mlp, float* y) {
  float buffers[2][64];
  const float* x = mlp.x.as<float>().data();
  for (size_t i = 0; i < kLayers; ++i) {
    float* out = i + 1 < kLayers ? buffers[i % 2] : y;
    Layer(x, mlp.weights[2 * i].value.as<float>().data(),
          mlp.weights[2 * i + 1].value.as<float>().data(), kSizes[i], kSizes[i + 1],
          i + 1 < kLayers, out);
    x = out;
  }
}

void Check(benchmark::State& state, const Mlp& mlp, const Tensor& y) {
  float want[8];
  Arithmetic(mlp, want);
  if (Deviation(y.as<float>(), want) > 1e-5) state.SkipWithError("the outputs differ");
}

void RunInPlace(benchmark::State& state, Mlp& mlp) {
  std::vector<Tensor> outputs;
  for (auto _ : state) {
    Status status = mlp.net.session->Run(std::span<const Tensor>(&mlp.x, 1), &outputs, nullptr);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  Check(state, mlp, outputs[0]);
}

void RunByName(benchmark::State& state, Mlp& mlp) {
  const std::vector<NamedTensor> inputs = {{"x", mlp.x}};
  Tensor y;
  for (auto _ : state) {
    auto result = mlp.net.session->Run(inputs);
    if (!result.ok()) return state.SkipWithError(result.status().ToString().c_str());
    y = std::move(result->outputs[0].value);
  }
  Check(state, mlp, y);
}

void SubmitAndWait(benchmark::State& state, Mlp& mlp) {
  const std::vector<NamedTensor> inputs = {{"x", mlp.x}};
  Tensor y;
  for (auto _ : state) {
    auto response = mlp.net.session->Submit(inputs);
    if (!response.ok()) return state.SkipWithError(response.status().ToString().c_str());
    auto result = response->Get();
    if (!result.ok()) return state.SkipWithError(result.status().ToString().c_str());
    y = std::move(result->outputs[0].value);
  }
  Check(state, mlp, y);
}

void Loops(benchmark::State& state, Mlp& mlp) {
  float y[8];
  for (auto _ : state) {
    Arithmetic(mlp, y);
    benchmark::DoNotOptimize(y);
  }
}

}  // namespace

void RegisterMlp(Fixture* fixture) {
  static Result<Mlp> mlp = MakeMlp(*fixture->runtimes.at(1));
  const auto add = [](const char* name, void (*call)(benchmark::State&, Mlp&)) {
    benchmark::RegisterBenchmark(name, [call](benchmark::State& state) {
      if (!mlp.ok()) return state.SkipWithError(mlp.status().ToString().c_str());
      LetThreadsSleep();
      call(state, *mlp);
    })->UseRealTime();
  };
  add("mlp/in_place/midstream", RunInPlace);
  add("mlp/in_place/loops", Loops);
  add("mlp/by_name/midstream", RunByName);
  add("mlp/by_name/submit_and_wait", SubmitAndWait);
}

}  // namespace midstream::bench

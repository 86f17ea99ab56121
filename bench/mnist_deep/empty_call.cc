// What a call costs when there is nothing to compute: x + 1 on eight floats.

#include <benchmark/benchmark.h>

#include "bench/mnist_deep/cases.h"

namespace midstream::bench {
namespace {

Result<Net> MakeAddOne(Runtime& runtime) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, {8});
  ValueId one = graph.AddConstant("one", Tensor::Scalar(DType::kF32, 1.0F));
  graph.AddOutput(graph.Add("Add", "y", {x, one}), "y");
  return runtime.MakeNet(std::move(graph), {});
}

Tensor Zeros() {
  Tensor x = *Tensor::Allocate(DType::kF32, {8});
  for (float& value : x.mutable_as<float>()) value = 0;
  return x;
}

// Inputs by position, outputs written in place.
void CallInPlace(benchmark::State& state, Net& net) {
  Tensor x = Zeros();
  std::vector<Tensor> outputs;
  for (auto _ : state) {
    Status status = net.session->Run(std::span<const Tensor>(&x, 1), &outputs, nullptr);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  if (outputs[0].as<float>()[7] != 1.0F) state.SkipWithError("0 + 1 is not 1");
}

// Inputs by name, fresh outputs.
void CallByName(benchmark::State& state, Net& net) {
  std::vector<NamedTensor> inputs = {{"x", Zeros()}};
  for (auto _ : state) {
    auto result = net.session->Run(inputs);
    if (!result.ok()) return state.SkipWithError(result.status().ToString().c_str());
  }
}

}  // namespace

void RegisterEmptyCall(Fixture* fixture) {
  static Result<Net> net = MakeAddOne(*fixture->runtimes.at(1));
  auto run = [](void (*call)(benchmark::State&, Net&)) {
    return [call](benchmark::State& state) {
      if (!net.ok()) return state.SkipWithError(net.status().ToString().c_str());
      call(state, *net);
    };
  };
  benchmark::RegisterBenchmark("empty/in_place/midstream", run(CallInPlace))->UseRealTime();
  benchmark::RegisterBenchmark("empty/by_name/midstream", run(CallByName))->UseRealTime();
}

}  // namespace midstream::bench

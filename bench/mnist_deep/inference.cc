// One call of mnist_deep: ours beside OpenBLAS with im2col.

#include <benchmark/benchmark.h>

#include <string>

#include "bench/mnist_deep/cases.h"

namespace midstream::bench {
namespace {

void Infer(benchmark::State& state, Net& net, Tensor images) {
  std::vector<Tensor> outputs;
  std::span<const Tensor> inputs(&images, 1);
  LetThreadsSleep();
  for (int i = 0; i < 2; ++i) static_cast<void>(net.session->Run(inputs, &outputs, nullptr).ok());
  for (auto _ : state) {
    Status status = net.session->Run(inputs, &outputs, nullptr);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
}

void InferOpenBlas(benchmark::State& state, Fixture& fixture, int batch, int threads) {
  std::vector<float> logits(static_cast<size_t>(batch * kClasses));
  const float* images = fixture.images.as<float>().data();
  LetThreadsSleep();
  for (int i = 0; i < 2; ++i) fixture.peer[0]->Run(images, batch, threads, logits.data());
  for (auto _ : state) fixture.peer[0]->Run(images, batch, threads, logits.data());
}

}  // namespace

void RegisterInference(Fixture* fixture) {
  for (int batch : {1, 16, kMaxBatch}) {
    for (auto& [threads, net] : fixture->nets) {
      std::string name =
          "infer/batch:" + std::to_string(batch) + "/threads:" + std::to_string(threads);
      auto ours = [&net = net, fixture, batch](benchmark::State& state) {
        Infer(state, net, fixture->Images(batch));
      };
      auto theirs = [fixture, batch, threads = threads](benchmark::State& state) {
        InferOpenBlas(state, *fixture, batch, threads);
      };
      for (auto* bench : {benchmark::RegisterBenchmark((name + "/midstream").c_str(), ours),
                          benchmark::RegisterBenchmark((name + "/openblas").c_str(), theirs)}) {
        bench->UseRealTime()->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace midstream::bench

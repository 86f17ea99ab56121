// New weights for mnist_deep while the model stays compiled, beside a memcpy of the same bytes.
//
// The values come from two buffers of the caller in turn, as from a trainer that writes one while
// the other is read. Every memory has been touched before: what is measured is not page faults.
// memcpy writes one buffer again and again; memcpy_two writes two in turn, which is the least that
// anybody does who keeps the running version intact.

#include <benchmark/benchmark.h>

#include <cstring>
#include <functional>
#include <string>

#include "bench/mnist_deep/cases.h"
#include "core/backend/host.h"
#include "core/base/thread_pool.h"

namespace midstream::bench {
namespace {

Status Update(Net& net, const std::vector<NamedTensor>& weights) {
  weights::Transaction transaction = net.store->Begin();
  for (const NamedTensor& weight : weights) transaction.Put(weight.name, weight.value);
  return transaction.Commit().status();
}

// Whether a run computes with version `v` of the weights.
bool Runs(Fixture& fixture, Net& net, size_t v) {
  constexpr int kBatch = 2;
  Tensor images = fixture.Images(kBatch);
  std::vector<Tensor> outputs;
  if (!net.session->Run(std::span<const Tensor>(&images, 1), &outputs, nullptr).ok()) return false;
  float want[kBatch * kClasses];
  fixture.peer[v]->Run(images.as<float>().data(), kBatch, 1, want);
  return Deviation(outputs[0].as<float>(), want) < fixture.tolerance;
}

void UpdateMidstream(benchmark::State& state, Fixture& fixture, Net& net, int threads) {
  backend::ThreadLimit limit(static_cast<uint32_t>(threads));
  size_t v = 0;
  LetThreadsSleep();
  for (int i = 0; i < 4; ++i) static_cast<void>(Update(net, fixture.weights[v ^= 1]).ok());
  uint64_t allocations = backend::ProcessMemoryStats().system_allocations;
  uint64_t compiles = plan::CompileCount();
  for (auto _ : state) {
    Status status = Update(net, fixture.weights[v ^= 1]);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  if (backend::ProcessMemoryStats().system_allocations != allocations ||
      plan::CompileCount() != compiles) {
    state.SkipWithError("an update allocated or compiled");
  } else if (!Runs(fixture, net, v)) {
    state.SkipWithError("the new weights are not the ones that a run uses");
  }
  static_cast<void>(Update(net, fixture.weights[0]).ok());
}

// Forty bytes: what an update costs beside its bytes.
void UpdateSmallest(benchmark::State& state, Fixture& fixture, Net& net) {
  const std::vector<NamedTensor> bias = {fixture.weights[0].back()};
  LetThreadsSleep();
  for (auto _ : state) {
    Status status = Update(net, bias);
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
}

void CopyAll(ThreadPool& pool, const std::vector<NamedTensor>& from, Tensor& to) {
  char* target = static_cast<char*>(to.mutable_data());
  const size_t threads = pool.thread_count();
  for (const NamedTensor& weight : from) {
    size_t bytes = weight.value.byte_size();
    const auto* source = static_cast<const char*>(weight.value.data());
    if (threads == 1 || bytes < 1 << 16) {
      std::memcpy(target, source, bytes);
    } else {
      pool.ParallelFor(static_cast<uint32_t>(threads), [&](uint32_t i) {
        size_t begin = bytes * i / threads, end = bytes * (i + 1) / threads;
        std::memcpy(target + begin, source + begin, end - begin);
      });
    }
    target += bytes;
  }
}

void Memcpy(benchmark::State& state, Fixture& fixture, int threads, size_t destinations) {
  ThreadPool pool(static_cast<uint32_t>(threads));
  std::vector<Tensor> to;
  while (to.size() < destinations) {
    to.push_back(*Tensor::Allocate(DType::kU8, {static_cast<int64_t>(kWeightBytes)}));
  }
  LetThreadsSleep();
  size_t round = 0;
  for (int i = 0; i < 4; ++i, ++round) {
    CopyAll(pool, fixture.weights[round % 2], to[round % destinations]);
  }
  for (auto _ : state) {
    CopyAll(pool, fixture.weights[round % 2], to[round % destinations]);
    ++round;
    benchmark::ClobberMemory();
  }
}

void Register(const std::string& name, const std::function<void(benchmark::State&)>& body) {
  auto* bench = benchmark::RegisterBenchmark(name.c_str(), body);
  bench->UseRealTime()->Unit(benchmark::kMicrosecond);
}

}  // namespace

void RegisterUpdate(Fixture* fixture) {
  for (auto& [threads, net] : fixture->nets) {
    std::string name = "update/threads:" + std::to_string(threads);
    Register(name + "/midstream",
             [fixture, &net = net, threads = threads](benchmark::State& state) {
               UpdateMidstream(state, *fixture, net, threads);
             });
    Register(
        "update_bias/threads:" + std::to_string(threads) + "/midstream",
        [fixture, &net = net](benchmark::State& state) { UpdateSmallest(state, *fixture, net); });
    Register(name + "/memcpy", [fixture, threads = threads](benchmark::State& state) {
      Memcpy(state, *fixture, threads, 1);
    });
    Register(name + "/memcpy_two", [fixture, threads = threads](benchmark::State& state) {
      Memcpy(state, *fixture, threads, 2);
    });
  }
}

}  // namespace midstream::bench

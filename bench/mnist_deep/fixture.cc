// Makes every contender once and checks that they agree: on a few images with the reference
// backend, on all of them with each other.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include "bench/mnist_deep/cases.h"

namespace midstream::bench {
namespace {

constexpr int kThreadCounts[] = {1, 2};

Result<Tensor> RunOnce(Net& net, Tensor images) {
  std::vector<Tensor> outputs;
  MS_RETURN_IF_ERROR(net.session->Run(std::span<const Tensor>(&images, 1), &outputs, nullptr));
  return outputs[0];
}

Status CheckAgainstReference(Fixture& fixture, const std::vector<float>& logits) {
  constexpr int64_t kPicked[] = {0, 15, 127};
  Tensor images = *Tensor::Allocate(DType::kF32, {std::size(kPicked), kImageSize});
  std::vector<float> got;
  auto pixels = images.mutable_as<float>();
  for (size_t i = 0; i < std::size(kPicked); ++i) {
    auto image = fixture.images.as<float>().subspan(static_cast<size_t>(kPicked[i] * kImageSize),
                                                    kImageSize);
    std::copy(image.begin(), image.end(), pixels.begin() + static_cast<ptrdiff_t>(i) * kImageSize);
    auto row = logits.begin() + kPicked[i] * kClasses;
    got.insert(got.end(), row, row + kClasses);
  }
  RuntimeOptions options;
  options.backend = "reference";
  MS_ASSIGN_OR_RETURN(auto runtime, Runtime::Open(options));
  MS_ASSIGN_OR_RETURN(Net net, runtime->MakeNet(MakeMnistDeep(), fixture.weights[0]));
  MS_ASSIGN_OR_RETURN(Tensor want, RunOnce(net, images));
  double deviation = Deviation(got, want.as<float>());
  if (deviation < 1e-5) return OkStatus();
  return Internal("OpenBLAS differs from the reference backend by " + std::to_string(deviation));
}

Status CheckMidstream(Fixture& fixture, int threads, const std::vector<float>& want) {
  for (int64_t batch : {1, 16, kMaxBatch}) {
    MS_ASSIGN_OR_RETURN(Tensor got, RunOnce(fixture.nets[threads], fixture.Images(batch)));
    std::span<const float> rows(want.data(), static_cast<size_t>(batch * kClasses));
    double deviation = Deviation(got.as<float>(), rows);
    if (deviation < fixture.tolerance) continue;
    return Internal(fixture.options.backend + " at batch " + std::to_string(batch) + " on " +
                    std::to_string(threads) + " threads differs from OpenBLAS by " +
                    std::to_string(deviation));
  }
  return OkStatus();
}

}  // namespace

Tensor Fixture::Images(int64_t batch) const {
  return Tensor::Wrap(DType::kF32, {batch, kImageSize}, images.data(), nullptr);
}

double Deviation(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size()) return INFINITY;
  double largest = 0, difference = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::fabs(double{want[i]}));
    double here = std::fabs(double{got[i]} - want[i]);
    if (!(here <= difference)) difference = here;  // keeps a NaN
  }
  return difference / largest;
}

void LetThreadsSleep() { std::this_thread::sleep_for(std::chrono::milliseconds(60)); }

Result<std::unique_ptr<Fixture>> MakeFixture(const RuntimeOptions& options) {
  auto fixture = std::make_unique<Fixture>();
  fixture->options = options;
  if (options.precision != "origin") fixture->tolerance = 0.03;
  for (uint32_t i = 0; i < 2; ++i) fixture->weights[i] = MakeWeights(i + 1);
  fixture->images = MakeImages(kMaxBatch);

  MS_ASSIGN_OR_RETURN(fixture->blas, OpenBlas::Open());
  for (int i = 0; i < 2; ++i) {
    fixture->peer[i] = std::make_unique<OpenBlasNet>(fixture->blas, fixture->weights[i], kMaxBatch);
  }
  std::vector<float> logits(size_t{kMaxBatch} * kClasses);
  fixture->peer[0]->Run(fixture->images.as<float>().data(), kMaxBatch, 1, logits.data());
  MS_RETURN_IF_ERROR(CheckAgainstReference(*fixture, logits));

  for (int threads : kThreadCounts) {
    RuntimeOptions mine = options;
    mine.threads = static_cast<uint32_t>(threads);
    MS_ASSIGN_OR_RETURN(fixture->runtimes[threads], Runtime::Open(mine));
    MS_ASSIGN_OR_RETURN(fixture->nets[threads],
                        fixture->runtimes[threads]->MakeNet(MakeMnistDeep(), fixture->weights[0]));
    MS_RETURN_IF_ERROR(CheckMidstream(*fixture, threads, logits));
  }
  return fixture;
}

}  // namespace midstream::bench

// mnist_deep at batches 1, 16 and 128, and a product of two matrices of 1024x1024, on each backend.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bench/backends/questions.h"
#include "bench/support/mnist_deep.h"
#include "core/measure/rounds.h"
#include "core/measure/statistics.h"

namespace midstream::bench {
namespace {

constexpr int64_t kSide = 1024;
constexpr double kGemmFlops = 2.0 * kSide * kSide * kSide;
constexpr double kTolerance = 1e-4;  // of the largest magnitude

struct Question {
  std::string name;
  double flops = 0;  // of a call; 0: not told
  Graph graph;
  std::vector<NamedTensor> weights;
  Tensor input;
};

Tensor MakeMatrix(uint32_t seed) {
  Tensor matrix = *Tensor::Allocate(DType::kF32, {kSide, kSide});
  uint32_t state = seed;
  for (float& value : matrix.mutable_as<float>()) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state) >> 8) * 0x1p-23f;  // in [-1, 1)
  }
  return matrix;
}

Question MakeGemm() {
  Question question{fmt::format("gemm/{}", kSide), kGemmFlops, {}, {}, MakeMatrix(1)};
  const ValueId x = question.graph.AddInput("x", DType::kF32, {kSide, kSide});
  const ValueId w = question.graph.AddWeight("w", DType::kF32, {kSide, kSide});
  question.graph.AddOutput(question.graph.Add("MatMul", "y", {x, w}), "y");
  question.weights.push_back({"w", MakeMatrix(2)});
  return question;
}

std::vector<Question> MakeQuestions() {
  std::vector<Question> questions;
  for (const int64_t batch : {1, 16, 128}) {
    questions.push_back({fmt::format("mnist_deep/batch:{}", batch), 0, MakeMnistDeep(),
                         MakeWeights(1), MakeImages(batch)});
  }
  questions.push_back(MakeGemm());
  return questions;
}

struct Contender {
  std::string backend;
  std::unique_ptr<Runtime> runtime;
  Net net;
  std::vector<Tensor> outputs;

  Status Run(const Tensor& input) {
    return net.session->Run(std::span<const Tensor>(&input, 1), &outputs, nullptr);
  }
};

// The largest difference as a part of the largest magnitude.
double Deviation(std::span<const float> got, std::span<const float> want) {
  double largest = 0, difference = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::fabs(double{want[i]}));
    const double here = std::fabs(double{got[i]} - want[i]);
    if (!(here <= difference)) difference = here;  // keeps a NaN
  }
  return difference / largest;
}

Result<std::vector<Contender>> MakeContenders(const Options& options, const Question& question) {
  std::vector<Contender> contenders;
  for (const std::string& backend : options.backends) {
    Contender& contender = contenders.emplace_back();
    contender.backend = backend;
    RuntimeOptions runtime;
    runtime.backend = backend;
    runtime.threads = options.threads;
    MS_ASSIGN_OR_RETURN(contender.runtime, Runtime::Open(runtime));
    MS_ASSIGN_OR_RETURN(contender.net,
                        contender.runtime->MakeNet(question.graph, question.weights));
    MS_RETURN_IF_ERROR(contender.Run(question.input));
    const auto want = contenders.front().outputs[0].as<float>();
    const double deviation = Deviation(contender.outputs[0].as<float>(), want);
    if (deviation < kTolerance) continue;
    return Internal(fmt::format("{} differs from {} by {:g} of the largest value", backend,
                                contenders.front().backend, deviation));
  }
  return contenders;
}

std::string Speed(double flops, double nanoseconds) {
  return flops > 0 ? fmt::format("{:.1f} GFLOP/s", flops / nanoseconds) : "";
}

Status Ask(const Options& options, const Question& question) {
  MS_ASSIGN_OR_RETURN(std::vector<Contender> contenders, MakeContenders(options, question));
  std::vector<measure::Subject> subjects;
  for (Contender& contender : contenders) {
    subjects.push_back(
        {contender.backend, [&contender, &question] { return contender.Run(question.input); }});
  }
  measure::RoundOptions rounds;
  rounds.seconds = options.seconds;
  rounds.rounds = options.rounds;
  MS_ASSIGN_OR_RETURN(const std::vector<measure::Sample> samples,
                      measure::TimeInRounds(subjects, rounds));
  for (size_t i = 0; i < samples.size(); ++i) {
    const measure::Interval median = measure::MedianInterval(samples[i].round_medians_ns, 0);
    const measure::Interval ratio =
        measure::RatioInterval(samples[0].round_medians_ns, samples[i].round_medians_ns, 0);
    std::printf(
        "%s", Row(options,
                  {question.name, contenders[i].backend, fmt::format("{:.1f}", median.value * 1e-3),
                   fmt::format("{:.1f} to {:.1f}", median.low * 1e-3, median.high * 1e-3),
                   fmt::format("{:.2f}", ratio.value),
                   fmt::format("{:.2f} to {:.2f}", ratio.low, ratio.high),
                   Speed(question.flops, median.value)})
                  .c_str());
    std::fflush(stdout);
  }
  return OkStatus();
}

}  // namespace

Status CompareSpeed(const Options& options) {
  const std::vector<std::string> head = {"question", "backend",         "median us", "95 %",
                                         "ratio",    "95 % of rounds'", "speed"};
  std::printf("%s%s", Row(options, head).c_str(), Rule(options, head.size()).c_str());
  Status worst;
  for (const Question& question : MakeQuestions()) {
    const Status asked = Ask(options, question);
    if (asked.ok()) continue;
    std::fprintf(stderr, "bench_backends: %s: %s\n", question.name.c_str(),
                 asked.ToString().c_str());
    worst = asked;
  }
  return worst;
}

}  // namespace midstream::bench

// bench_products [--only=TEXT] [--threads=N] [--seconds=X] [--rounds=N] [--md]: the matrix products of pi0 with weights in
// bfloat16, and its attention, on cpu_blas, beside loops of the bare instructions in the same rounds.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "bench/products/peak.h"
#include "bench/support/runtime.h"
#include "core/measure/rounds.h"
#include "core/measure/statistics.h"

namespace midstream::bench {
namespace {

struct Options {
  uint32_t threads = 2;
  double seconds = 2;  // of each contender
  uint64_t rounds = 11;
  bool markdown = false;
  std::string only;  // questions whose names hold it
};

struct Size {
  const char* what;
  int64_t m, k, n;
  const char* activation;
};
constexpr Size kSizes[] = {
    {"prefix gate", 816, 2048, 16384, "Gelu"}, {"prefix down", 816, 16384, 2048, ""},
    {"prefix q", 816, 2048, 2048, ""},         {"step gate", 51, 1024, 4096, "Gelu"},
    {"step down", 51, 4096, 1024, ""},         {"siglip up", 256, 1152, 4304, "Gelu"},
    {"siglip down", 256, 4304, 1152, ""},      {"siglip q", 256, 1152, 1152, ""}};

// Values in [-1, 1) / sqrt(columns), the same on every run.
Tensor MakeMatrix(DType dtype, int64_t rows, int64_t columns, uint32_t seed) {
  Tensor matrix = *Tensor::Allocate(dtype, {rows, columns});
  const float scale = 0x1p-23f / std::sqrt(static_cast<float>(columns));
  uint32_t state = seed;
  for (int64_t i = 0; i < matrix.count(); ++i) {
    state = state * 1664525u + 1013904223u;
    const float value = static_cast<float>(static_cast<int32_t>(state) >> 8) * scale;
    if (dtype == DType::kF32) {
      matrix.mutable_as<float>()[static_cast<size_t>(i)] = value;
    } else {
      matrix.mutable_as<uint16_t>()[static_cast<size_t>(i)] = FloatToBFloat16(value);
    }
  }
  return matrix;
}

struct AttentionSize {
  const char* what;
  int64_t q_heads, kv_heads, queries, keys, width;
};
constexpr AttentionSize kAttentions[] = {{"prefix attention", 8, 1, 816, 816, 256},
                                         {"step attention", 8, 1, 51, 867, 256},
                                         {"siglip attention", 16, 16, 256, 256, 72}};

struct Contender {
  Net net;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;

  Status Run() { return net.session->Run(inputs, &outputs, nullptr); }
};

// One operator on data of one dtype.
using MakeContender = std::function<Status(Runtime&, DType, Contender*)>;
struct Question {
  std::string name;
  double flops;
  MakeContender make;
};

Status MakeProduct(Runtime& runtime, const Size& size, DType dtype, Contender* contender) {
  Graph graph;
  const ValueId x = graph.AddInput("x", dtype, {size.m, size.k});
  const ValueId w = graph.AddWeight("w", DType::kBF16, {size.k, size.n});
  Attributes attrs;
  if (*size.activation != '\0') attrs["activation"] = std::string(size.activation);
  graph.AddOutput(graph.Add("MatMul", "y", {x, w}, attrs, "midstream"), "y");
  MS_ASSIGN_OR_RETURN(
      contender->net,
      runtime.MakeNet(std::move(graph), {{"w", MakeMatrix(DType::kBF16, size.k, size.n, 2)}}));
  contender->inputs = {MakeMatrix(dtype, size.m, size.k, 1)};
  return contender->Run();
}

Status MakeAttention(Runtime& runtime, const AttentionSize& size, DType dtype,
                     Contender* contender) {
  Graph graph;
  std::vector<ValueId> inputs;
  for (const char* name : {"q", "k", "v"}) {
    const bool query = *name == 'q';
    const int64_t rows = query ? size.queries : size.keys;
    const int64_t columns = size.width * (query ? size.q_heads : size.kv_heads);
    inputs.push_back(graph.AddInput(name, dtype, {1, rows, columns}));
    contender->inputs.push_back(*MakeMatrix(dtype, rows, columns, static_cast<uint32_t>(*name))
                                     .Reshaped({1, rows, columns}));
  }
  graph.AddOutput(graph.Add("Attention", "y", inputs,
                            {{"q_num_heads", size.q_heads}, {"kv_num_heads", size.kv_heads}}),
                  "y");
  MS_ASSIGN_OR_RETURN(contender->net, runtime.MakeNet(std::move(graph), {}));
  return contender->Run();
}

std::vector<Question> MakeQuestions() {
  std::vector<Question> questions;
  for (const Size& size : kSizes) {
    questions.push_back({fmt::format("{} {}x{}x{}", size.what, size.m, size.k, size.n),
                         2.0 * static_cast<double>(size.m * size.k * size.n),
                         [&size](Runtime& runtime, DType dtype, Contender* contender) {
                           return MakeProduct(runtime, size, dtype, contender);
                         }});
  }
  for (const AttentionSize& size : kAttentions) {
    questions.push_back(
        {fmt::format("{} {}x{}", size.what, size.queries, size.keys),
         4.0 * static_cast<double>(size.q_heads * size.queries * size.keys * size.width),
         [&size](Runtime& runtime, DType dtype, Contender* contender) {
           return MakeAttention(runtime, size, dtype, contender);
         }});
  }
  return questions;
}

// "GFLOP/s, part of the peak".
std::string Speed(double flops, double nanoseconds, double peak) {
  const double speed = flops / nanoseconds;
  return peak > 0 ? fmt::format("{:.0f} ({:.2f})", speed, speed / peak)
                  : fmt::format("{:.0f}", speed);
}

void PrintRow(const Options& options, const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    line += options.markdown ? fmt::format("| {} ", cell) : fmt::format("{:<32}", cell);
  }
  std::printf("%s%s\n", line.c_str(), options.markdown ? "|" : "");
  std::fflush(stdout);
}

Status Ask(const Options& options, Runtime& runtime, const Question& question) {
  Contender wide, narrow;
  MS_RETURN_IF_ERROR(question.make(runtime, DType::kF32, &wide));
  MS_RETURN_IF_ERROR(question.make(runtime, DType::kBF16, &narrow));
  std::vector<measure::Subject> subjects = {{"float32", [&wide] { return wide.Run(); }},
                                            {"bfloat16", [&narrow] { return narrow.Run(); }}};
  constexpr Arithmetic kBoth[] = {Arithmetic::kFloat32, Arithmetic::kBFloat16};
  double operations[2] = {0, 0};
  for (const Arithmetic arithmetic : kBoth) {
    if (!HasPeakLoop(arithmetic)) continue;
    double* of = &operations[static_cast<int>(arithmetic)];
    subjects.push_back({"peak", [&options, arithmetic, of] {
                          *of = RunPeakLoop(arithmetic, options.threads);
                          return OkStatus();
                        }});
  }
  measure::RoundOptions rounds;
  rounds.seconds = options.seconds;
  rounds.rounds = options.rounds;
  MS_ASSIGN_OR_RETURN(const std::vector<measure::Sample> samples,
                      measure::TimeInRounds(subjects, rounds));
  std::vector<double> nanoseconds;
  for (const measure::Sample& sample : samples) {
    nanoseconds.push_back(measure::MedianInterval(sample.round_medians_ns, 0).value);
  }
  auto peak = [&](size_t i) {
    return i + 2 < nanoseconds.size() ? operations[i] / nanoseconds[i + 2] : 0.0;
  };
  PrintRow(options, {question.name, Speed(question.flops, nanoseconds[0], peak(0)),
                     Speed(question.flops, nanoseconds[1], peak(1)),
                     fmt::format("{:.0f}, {:.0f}", peak(0), peak(1))});
  return OkStatus();
}

Status RunAll(const Options& options) {
  RuntimeOptions of_runtime;
  of_runtime.threads = options.threads;
  MS_ASSIGN_OR_RETURN(std::unique_ptr<Runtime> runtime, Runtime::Open(of_runtime));
  PrintRow(options, {"product", "float32 data", "bfloat16 data", "peak of each, GFLOP/s"});
  if (options.markdown) PrintRow(options, {"---", "---", "---", "---"});
  for (const Question& question : MakeQuestions()) {
    if (question.name.find(options.only) == std::string::npos) continue;
    MS_RETURN_IF_ERROR(Ask(options, *runtime, question));
  }
  return OkStatus();
}

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string value(argument.substr(std::min(argument.find('='), argument.size() - 1) + 1));
    if (argument.starts_with("--benchmark_")) continue;  // those of other benches
    if (argument.starts_with("--threads=")) {
      options->threads = static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (argument.starts_with("--seconds=")) {
      options->seconds = std::strtod(value.c_str(), nullptr);
    } else if (argument.starts_with("--rounds=")) {
      options->rounds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (argument.starts_with("--only=")) {
      options->only = value;
    } else if (argument == "--md") {
      options->markdown = true;
    } else {
      std::fprintf(stderr, "bench_products: unknown option %s\n", argv[i]);
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace midstream::bench

int main(int argc, char** argv) {
  midstream::bench::Options options;
  if (!midstream::bench::Parse(argc, argv, &options)) return 2;
  const midstream::Status status = midstream::bench::RunAll(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_products: %s\n", status.ToString().c_str());
  return 1;
}

// Answers per second: one interpreter of the engine, two, and the same code in ordinary Python: one
// interpreter called from one thread and from two, and two programs at once, which is what the
// machine can give. Contenders take turns, round after round, and their answers are compared.
#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "bench/python/questions.h"
#include "core/measure/load.h"
#include "core/measure/statistics.h"

namespace midstream::bench {
namespace {

struct Case {
  std::string name;
  std::string file;
  std::string entry;
  bool weights;
};
const Case kCases[] = {{"search", "search.py", "act", false},
                       {"tokens", "tokens.py", "Policy", true},
                       {"mlp", "mlp.py", "Policy", true},
                       {"large", "mlp.py", "Policy", true}};

constexpr int kClients = 2;  // of all: only what answers them differs

struct Rate {
  double per_second = 0;
  double sum = 0;  // of an answer: contenders must agree
};

struct Contender {
  std::string name;
  std::function<Result<Rate>(double seconds)> measure;
  std::vector<double> rates = {};
};

double SumOf(const Tensor& answer) {
  double sum = 0;
  for (const float value : answer.as<float>()) sum += static_cast<double>(value);
  return sum;
}

Result<Rate> AskHosted(Hosted& hosted, double seconds) {
  const auto run = [&](size_t) {
    return hosted.Ask().ok() ? measure::Verdict::kRight : measure::Verdict::kFailed;
  };
  MS_ASSIGN_OR_RETURN(const std::vector<Tensor> answer, hosted.Ask());
  measure::LoadOptions load;
  load.clients = kClients;
  load.warmup = std::chrono::milliseconds(50);
  load.duration = std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
  load.max_samples = 0;
  const measure::LoadResult result = measure::RunLoad(run, load);
  if (result.failed > 0) return Internal("requests failed");
  return Rate{result.throughput(), SumOf(answer[0])};
}

Result<Rate> AskStock(const Options& options, const Case& asked, const char* how, double seconds) {
  const std::string stem = options.folder + "/" + asked.name;
  const std::string here = std::string(MS_SOURCE_DIR) + "/bench/python/";
  std::string command = fmt::format(
      "OPENBLAS_NUM_THREADS=1 /usr/bin/python3 '{}stock.py' '{}models/{}' {} --input "
      "'{}.npy' {} --seconds {}",
      here, here, asked.file, asked.entry, stem, how, seconds);
  if (asked.weights) command += fmt::format(" --weights '{}.npz'", stem);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  Rate rate;
  if (pipe == nullptr || fscanf(pipe.get(), "%lf %lf", &rate.per_second, &rate.sum) != 2) {
    return Internal("no answer from: " + command);
  }
  return rate;
}

Result<std::vector<Contender>> MakeContenders(const Options& options, const Case& asked) {
  std::vector<Contender> contenders;
  for (const char* isolation : {"shared", "process"}) {
    for (const int interpreters : {1, 2}) {
      MS_ASSIGN_OR_RETURN(Hosted opened, Hosted::Open(options, asked.name, isolation, interpreters,
                                                      kClients, options.spin_us));
      auto hosted = std::make_shared<Hosted>(std::move(opened));
      contenders.push_back({fmt::format("{} x{}", isolation, interpreters),
                            [hosted](double seconds) { return AskHosted(*hosted, seconds); }});
    }
  }
  for (const char* how : {"--threads 1", "--threads 2", "--programs 1", "--programs 2"}) {
    contenders.push_back({fmt::format("stock {}", how), [&options, &asked, how](double seconds) {
                            return AskStock(options, asked, how, seconds);
                          }});
  }
  return contenders;
}

Status TakeTurns(const Options& options, std::vector<Contender>* contenders) {
  double sum = NAN;
  for (int round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < contenders->size(); ++i) {
      // Every second round the other way about.
      Contender& contender = (*contenders)[round % 2 == 0 ? i : contenders->size() - 1 - i];
      MS_ASSIGN_OR_RETURN(const Rate rate, contender.measure(options.seconds));
      if (std::isnan(sum)) sum = rate.sum;
      if (std::abs(rate.sum - sum) > 1e-4 * (1 + std::abs(sum))) {
        return Internal(contender.name + " answers otherwise than the others");
      }
      contender.rates.push_back(rate.per_second);
    }
  }
  return OkStatus();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return measure::Quantile(values, 0.5);
}

double MedianRatio(const Contender& of, const Contender& to) {
  std::vector<double> ratios;
  for (size_t i = 0; i < of.rates.size(); ++i) ratios.push_back(of.rates[i] / to.rates[i]);
  return Median(std::move(ratios));
}

}  // namespace

Status AskScaling(const Options& options) {
  PrintRow(options, {"model", "contender", "answers/s", "of x1", "of stock"}, true);
  for (const Case& asked : kCases) {
    MS_ASSIGN_OR_RETURN(std::vector<Contender> contenders, MakeContenders(options, asked));
    MS_RETURN_IF_ERROR(TakeTurns(options, &contenders));
    for (size_t i = 0; i < contenders.size(); ++i) {
      const Contender& single = contenders[i - i % 2];  // pairs of one and two
      const Contender& stock = contenders[contenders.size() - 4];
      PrintRow(options,
               {asked.name, contenders[i].name, fmt::format("{:.1f}", Median(contenders[i].rates)),
                fmt::format("{:.2f}", MedianRatio(contenders[i], single)),
                fmt::format("{:.2f}", MedianRatio(contenders[i], stock))});
    }
  }
  return OkStatus();
}

}  // namespace midstream::bench

#include "core/cli/bench_cases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "core/cli/table.h"

namespace midstream::cli {
namespace {

constexpr NumberRule kBatches{1, 1 << 20};
constexpr NumberRule kClients{1, 1024};
constexpr NumberRule kRates{1e-3, 1e7, false};
constexpr NumberRule kThreads{0, 4096};
constexpr NumberRule kStreams{1, 1024};
constexpr NumberRule kPercentiles{0, 100, false};

Result<std::vector<double>> Numbers(const char* option, const std::string& text,
                                    const NumberRule& rule) {
  Result<std::vector<double>> numbers = ParseNumbers(text, rule);
  return numbers.ok() ? std::move(numbers) : numbers.status().WithContext(option);
}

Result<std::vector<std::string>> Names(const char* option, const std::string& text) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    if (names.back().empty()) {
      return InvalidArgument(fmt::format("{}: '{}' has an empty name", option, text));
    }
    begin = end + 1;
  }
  return names;
}

// One value of one option, as a change of a case.
using Choice = std::function<void(BenchCase&)>;

class Product {
 public:
  // Multiplies every case by the choices, of which the last added option changes fastest.
  Status Multiply(const std::vector<Choice>& choices) {
    if (cases_.size() * choices.size() > kMostCases) {
      return InvalidArgument(
          fmt::format("the options ask for at least {} runs, each combination of their values; at "
                      "most {} are made",
                      Grouped(cases_.size() * choices.size()), Grouped(kMostCases)));
    }
    std::vector<BenchCase> product;
    for (const BenchCase& one : cases_) {
      for (const Choice& choice : choices) {
        product.push_back(one);
        choice(product.back());
      }
    }
    cases_ = std::move(product);
    return OkStatus();
  }

  Status Numbers(const char* option, const std::string& text, const NumberRule& rule,
                 const std::function<void(BenchCase&, double)>& set) {
    if (text.empty()) return OkStatus();
    MS_ASSIGN_OR_RETURN(const std::vector<double> numbers, cli::Numbers(option, text, rule));
    std::vector<Choice> choices;
    choices.reserve(numbers.size());
    for (const double number : numbers) {
      choices.push_back([=](BenchCase& one) { set(one, number); });
    }
    return Multiply(choices);
  }

  Status Names(const char* option, const std::string& text,
               const std::function<void(BenchCase&, const std::string&)>& set) {
    if (text.empty()) return OkStatus();
    MS_ASSIGN_OR_RETURN(const std::vector<std::string> names, cli::Names(option, text));
    std::vector<Choice> choices;
    choices.reserve(names.size());
    for (const std::string& name : names) {
      choices.push_back([=](BenchCase& one) { set(one, name); });
    }
    return Multiply(choices);
  }

  Status Override(const char* option, const std::string& text, const NumberRule& rule,
                  const char* key) {
    return Numbers(option, text, rule, [=](BenchCase& one, double number) {
      one.setup.config.set.push_back(fmt::format("{}={:.0f}", key, number));
    });
  }

  // "NAME=2x3,4x3"
  Status Shape(const std::string& text) {
    const size_t equals = text.rfind('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return InvalidArgument(
          fmt::format("--shape: '{}' is not of the form NAME=2x3 or NAME=2x3,4x3", text));
    }
    const std::string name = text.substr(0, equals);
    for (const InputArg& known : cases_.front().shapes) {
      if (WithoutPort(known.name) != WithoutPort(name)) continue;
      return InvalidArgument(fmt::format(
          "--shape: '{}' is given twice; several shapes of it are one list, as {}=2x3,4x3", name,
          name));
    }
    MS_ASSIGN_OR_RETURN(const std::vector<std::string> shapes,
                        cli::Names("--shape", text.substr(equals + 1)));
    for (const std::string& shape : shapes) {
      if (IsShape(shape)) continue;
      return InvalidArgument(fmt::format(
          "--shape: '{}' is no shape of '{}': expected such as 2x3 or scalar", shape, name));
    }
    return Names("--shape", text.substr(equals + 1), [=](BenchCase& one, const std::string& shape) {
      one.shapes.push_back({name, "random:" + shape});
    });
  }

  std::vector<BenchCase> Take() { return std::move(cases_); }

 private:
  std::vector<BenchCase> cases_ = {{}};
};

Status MultiplySetups(const BenchArgs& args, Product* product) {
  std::vector<Choice> files;
  for (const std::string& file : args.configs) {
    files.push_back([=](BenchCase& one) { one.setup.config.file = file; });
  }
  files.resize(std::max<size_t>(1, files.size()), [](BenchCase&) {});
  MS_RETURN_IF_ERROR(product->Multiply(files));
  MS_RETURN_IF_ERROR(product->Multiply({[&](BenchCase& one) { one.setup.config.set = args.set; }}));
  MS_RETURN_IF_ERROR(product->Names(
      "--backend", args.backends,
      [](BenchCase& one, const std::string& name) { one.setup.config.backend = name; }));
  MS_RETURN_IF_ERROR(
      product->Names("--precision", args.precisions, [](BenchCase& one, const std::string& mode) {
        one.setup.config.set.push_back("precision.mode=" + mode);
      }));
  MS_RETURN_IF_ERROR(product->Override("--threads", args.threads, kThreads, "execution.threads"));
  MS_RETURN_IF_ERROR(product->Override("--streams", args.streams, kStreams, "execution.streams"));
  return product->Override("--instances", args.instances, kStreams, "execution.instances");
}

Status MultiplyLoads(const BenchArgs& args, Product* product) {
  return args.open_loop() ? product->Numbers("--rate", args.rates, kRates,
                                             [](BenchCase& one, double rate) { one.rate = rate; })
                          : product->Numbers("--clients", args.clients, kClients,
                                             [](BenchCase& one, double clients) {
                                               one.clients = static_cast<int64_t>(clients);
                                             });
}

Result<Bounds> SearchBounds(const BenchArgs& args) {
  const char* option = args.open_loop() ? "--rate" : "--clients";
  Result<Bounds> bounds =
      args.open_loop() ? ParseBounds(args.rates, kRates) : ParseBounds(args.clients, kClients);
  return bounds.ok() ? std::move(bounds)
                     : bounds.status().WithContext(
                           fmt::format("--latency-threshold needs bounds in {}", option));
}

}  // namespace

std::string BenchCase::ShapesText() const {
  std::vector<std::string> texts;
  for (const InputArg& shape : shapes) {
    texts.push_back(fmt::format("{}={}", shape.name, shape.spec.substr(shape.spec.find(':') + 1)));
  }
  return fmt::format("{}", fmt::join(texts, " "));
}

Result<BenchPlan> MakeBenchPlan(const BenchArgs& args) {
  BenchPlan plan;
  MS_ASSIGN_OR_RETURN(plan.percentiles, Numbers("--percentiles", args.percentiles, kPercentiles));
  Product product;
  MS_RETURN_IF_ERROR(MultiplySetups(args, &product));
  MS_RETURN_IF_ERROR(product.Numbers(
      "--batch", args.batches, kBatches,
      [](BenchCase& one, double batch) { one.batch = static_cast<int64_t>(batch); }));
  for (const std::string& shape : args.shapes) MS_RETURN_IF_ERROR(product.Shape(shape));
  if (args.searches()) {
    MS_ASSIGN_OR_RETURN(plan.search, SearchBounds(args));
  } else {
    MS_RETURN_IF_ERROR(MultiplyLoads(args, &product));
  }
  plan.cases = product.Take();
  return plan;
}

}  // namespace midstream::cli

// Requests and updates at the same time.

#include <fmt/format.h>

#include <numeric>

#include "bench/update/nets.h"
#include "bench/update/questions.h"
#include "core/base/thread_pool.h"
#include "core/measure/answer_check.h"
#include "core/measure/clock.h"
#include "core/measure/live_update.h"
#include "core/measure/memory_copy.h"

namespace midstream::bench {
namespace {

using measure::LiveUpdateResult;
using measure::SliceKind;
using measure::UpdateTimes;
using measure::Verdict;

std::chrono::nanoseconds Seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(seconds));
}

// A net that serves while it is updated. Every answer is checked against its version.
class Server {
 public:
  // clients: that run at the same time, each on one thread.
  static Result<std::unique_ptr<Server>> Make(const Options& options, Model model, size_t clients) {
    std::unique_ptr<Server> server(new Server(std::move(model)));
    MS_ASSIGN_OR_RETURN(server->runtime_,
                        Runtime::Open({.backend = options.backend,
                                       .threads = 1,
                                       .instances = static_cast<uint32_t>(clients)}));
    const Model& made = server->model_;
    MS_ASSIGN_OR_RETURN(server->net_, server->runtime_->MakeNet(made.graph, made.weights[0]));
    MS_ASSIGN_OR_RETURN(server->copy_, measure::MemoryCopy::Make(made.bytes(), 1));
    server->outputs_.resize(clients);
    for (uint64_t number = 0; number < 4; ++number) {  // both versions, with warm buffers
      MS_RETURN_IF_ERROR(server->Push(number).status());
      std::vector<Tensor> first, second;
      MS_RETURN_IF_ERROR(server->Answer(&first, nullptr));
      MS_RETURN_IF_ERROR(server->Answer(&second, nullptr));
      if (number < 2) server->check_.Learn(first, second);
    }
    if (!server->check_.Decides()) return Internal("answers do not tell versions apart");
    return server;
  }

  Verdict Run(size_t client, uint64_t* version) {
    std::vector<Tensor>& outputs = outputs_[client];
    if (!Answer(&outputs, version).ok()) return Verdict::kFailed;
    return check_.Check(outputs, *version) ? Verdict::kRight : Verdict::kTorn;
  }
  Result<UpdateTimes> Push(uint64_t number) {
    check_.Announce(net_.store->Pin()->id + 1, number & 1);
    return Update(*net_.store, model_.weights[number & 1]);
  }
  Result<UpdateTimes> Copy(uint64_t number) {
    const uint64_t begin = measure::Now();
    copy_->Copy(model_.weights[number & 1]);
    return UpdateTimes{measure::Now() - begin, 0};
  }
  uint64_t bytes() const { return model_.bytes(); }

 private:
  explicit Server(Model model) : model_(std::move(model)) {}
  Status Answer(std::vector<Tensor>* outputs, uint64_t* version) {
    return net_.session->Run(model_.inputs, outputs, version);
  }

  const Model model_;
  std::unique_ptr<Runtime> runtime_;
  Net net_;
  std::optional<measure::MemoryCopy> copy_;
  std::vector<std::vector<Tensor>> outputs_;  // by client
  measure::AnswerCheck check_;
};

// Errors: INTERNAL for an answer that is torn or failed, and for an update that failed.
Result<LiveUpdateResult> Measure(Server& server, const measure::LiveUpdateOptions& options) {
  LiveUpdateResult result = measure::MeasureLiveUpdate(
      [&](const measure::LoadOptions& load) {
        return measure::RunLoad(
            [&](size_t client) {
              uint64_t version = 0;
              return server.Run(client, &version);
            },
            load);
      },
      [&](uint64_t number) { return server.Push(number); },
      [&](uint64_t number) { return server.Copy(number); }, options);
  for (const measure::SliceSum& sum : result.sums) {
    if (sum.load.torn > 0) return Internal(fmt::format("{} answers are torn", sum.load.torn));
    if (sum.load.failed > 0) return Internal(fmt::format("{} runs failed", sum.load.failed));
    if (sum.update.failed > 0) return Internal(sum.update.first_error);
  }
  return result;
}

measure::LiveUpdateOptions LoadFor(double seconds, double rate, size_t clients,
                                   double update_rate) {
  measure::LiveUpdateOptions options;
  options.rounds = static_cast<size_t>(std::max(1.0, seconds / measure::kSliceKinds));
  options.update_rate = update_rate;
  options.warmup = Seconds(0.5);
  options.load.rate = rate;
  options.load.clients = clients;
  options.load.warmup = Seconds(0.1);
  options.load.duration =
      Seconds(seconds / static_cast<double>(options.rounds * measure::kSliceKinds) - 0.1);
  return options;
}

Status Serve(const std::string& name, const Options& options, size_t clients, double rate,
             Results* results) {
  MS_ASSIGN_OR_RETURN(auto server, Server::Make(options, MnistDeep(), clients));
  MS_ASSIGN_OR_RETURN(const LiveUpdateResult result,
                      Measure(*server, LoadFor(24 * options.scale, rate, clients, 10)));
  const Histogram::Snapshot& quiet = result[SliceKind::kQuiet].load.latency_ns;
  for (const SliceKind kind : {SliceKind::kQuiet, SliceKind::kUpdates, SliceKind::kMemcpy}) {
    const Histogram::Snapshot& latency = result[kind].load.latency_ns;
    results->Add("mnist_deep batch 1 beside 13.1 MB, 10 times a second",
                 fmt::format("{}: {}", name, SliceKindName(kind)),
                 {{"p50 us", QuantileUs(latency, 0.5)},
                  {"p99 us", QuantileUs(latency, 0.99)},
                  {"p99.9 us", QuantileUs(latency, 0.999)},
                  {"p50 / quiet", QuantileUs(latency, 0.5) / QuantileUs(quiet, 0.5)},
                  {"p99 / quiet", QuantileUs(latency, 0.99) / QuantileUs(quiet, 0.99)},
                  {"requests", static_cast<double>(latency.count)}});
  }
  return OkStatus();
}

Status Rate(const std::string& name, const Options& options, Model model, Results* results) {
  MS_ASSIGN_OR_RETURN(auto server, Server::Make(options, std::move(model), 1));
  MS_ASSIGN_OR_RETURN(const LiveUpdateResult result,
                      Measure(*server, LoadFor(9 * options.scale, 0, 1, 0)));
  const measure::SliceSum &updates = result[SliceKind::kUpdates],
                          &copies = result[SliceKind::kMemcpy];
  results->Add("updates back to back beside one client", name,
               {{"updates/s", updates.update.rate()},
                {"memcpy/s", copies.update.rate()},
                {"memcpy / update", copies.update.rate() / updates.update.rate()},
                {"commit p99 us", QuantileUs(updates.update.commit_ns, 0.99)},
                {"requests/s", updates.load.throughput()},
                {"quiet", result[SliceKind::kQuiet].load.throughput()}});
  return OkStatus();
}

// Reads more memory than any cache of a core's size holds, so that weights have to come from memory.
class CacheSweep {
 public:
  CacheSweep() : memory_(kBytes / sizeof(uint64_t), 1) {}
  // The sum, so that nobody leaves the reading out.
  uint64_t Run() const { return std::accumulate(memory_.begin(), memory_.end(), uint64_t{0}); }

 private:
  static constexpr size_t kBytes = size_t{128} << 20;
  std::vector<uint64_t> memory_;
};

// Answers with weights that no cache holds, though nobody changes them.
Result<Histogram::Snapshot> ColdAnswers(Server& server, double scale) {
  const CacheSweep sweep;
  Histogram cold;
  for (int i = 0; i < std::max(20, static_cast<int>(160 * scale)); ++i) {
    if (sweep.Run() == 0) return Internal("the memory of the sweep has changed");
    const uint64_t begin = measure::Now();
    uint64_t version = 0;
    if (server.Run(0, &version) != Verdict::kRight) return Internal("an answer is wrong");
    cold.Record(measure::Now() - begin);
  }
  return cold.TakeSnapshot();
}

Status FirstAnswers(const std::string& name, const Options& options, Model model,
                    Results* results) {
  MS_ASSIGN_OR_RETURN(auto server, Server::Make(options, std::move(model), 1));
  Histogram first, others;
  uint64_t seen = 0, torn = 0;
  measure::UpdateLoop trainer([&](uint64_t number) { return server->Push(number); }, 20, 0);
  const uint64_t end = measure::Now() + static_cast<uint64_t>(8e9 * options.scale);
  for (uint64_t begin = measure::Now(); begin < end; begin = measure::Now()) {
    uint64_t version = 0;
    torn += server->Run(0, &version) != Verdict::kRight;
    (version == seen ? others : first).Record(measure::Now() - begin);
    seen = version;
  }
  const measure::UpdateResult updates = trainer.Stop();
  if (torn > 0 || updates.failed > 0) return Internal("torn or failed: " + updates.first_error);
  MS_ASSIGN_OR_RETURN(const Histogram::Snapshot cold, ColdAnswers(*server, options.scale));
  const Histogram::Snapshot one = first.TakeSnapshot(), rest = others.TakeSnapshot();
  results->Add("first answers, 20 versions a second", name,
               {{"first p50 us", QuantileUs(one, 0.5)},
                {"others p50 us", QuantileUs(rest, 0.5)},
                {"uncached p50 us", QuantileUs(cold, 0.5)},
                {"first / others", QuantileUs(one, 0.5) / QuantileUs(rest, 0.5)},
                {"first / uncached", QuantileUs(one, 0.5) / QuantileUs(cold, 0.5)},
                {"versions", static_cast<double>(one.count)}});
  return OkStatus();
}

}  // namespace

Status MeasureServing(const Options& options, Results* results) {
  if (AvailableCores() > 1) {
    MS_RETURN_IF_ERROR(Serve("a core is free", options, 1, 500, results));
  } else {
    results->Skip("mnist_deep batch 1 beside 13.1 MB, 10 times a second",
                  "a core is free: this machine has one");
  }
  return Serve("every core is busy", options, AvailableCores(), 0, results);
}

Status MeasureFirstAnswers(const Options& options, Results* results) {
  MS_RETURN_IF_ERROR(FirstAnswers("mnist_deep, 13.1 MB", options, MnistDeep(), results));
  return FirstAnswers("policy 64-128-128-8, 102 KB", options, Mlp({64, 128, 128, 8}), results);
}

Status MeasureUpdateRate(const Options& options, Results* results) {
  MS_RETURN_IF_ERROR(Rate("mnist_deep, 13.1 MB", options, MnistDeep(), results));
  return Rate("policy 64-128-128-8, 102 KB", options, Mlp({64, 128, 128, 8}), results);
}

}  // namespace midstream::bench

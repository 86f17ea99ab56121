// midstream bench: how fast a model answers, and what weight updates do to that.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "core/base/file_replacement.h"
#include "core/cli/bench_measure.h"
#include "core/cli/bench_output.h"
#include "core/cli/bench_row.h"
#include "core/cli/observe.h"
#include "core/cli/progress.h"
#include "core/cli/stats_text.h"
#include "core/measure/latency_chart.h"
#include "core/measure/threshold_search.h"

namespace midstream::cli {
namespace {

Status WriteText(const std::string& path, const std::string& text) {
  MS_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Begin(path));
  MS_RETURN_IF_ERROR(file.Append(text));
  MS_RETURN_IF_ERROR(file.Sync());
  return file.Publish();
}

Status WriteChart(const std::string& path, const BenchReport& report) {
  const std::vector<std::string> head = report.Head();
  return WriteText(
      path, measure::LatencyChart(report.result, {head.front(), {head.begin() + 1, head.end()}}));
}

class Bench {
 public:
  Bench(const BenchArgs& args, BenchPlan plan) : args_(args), plan_(std::move(plan)) {
    outputs_.emplace_back(args.format, [](const std::string& text) { PrintText(text); });
    if (args.stderr_format) {
      outputs_.emplace_back(*args.stderr_format, [](const std::string& text) {
        std::fwrite(text.data(), 1, text.size(), stderr);
      });
    }
    if (!args.save.empty()) {
      outputs_.emplace_back(FormatOfFile(args.save),
                            [this](const std::string& text) { saved_ += text; });
    }
  }

  Outcome Run() {
    Outcome outcome;
    for (size_t i = 0; i < plan_.cases.size() && outcome.ok(); ++i) {
      number_ = i;
      outcome = plan_.search ? Search(plan_.cases[i]) : MeasureOne(plan_.cases[i]);
    }
    Close();
    for (BenchOutput& output : outputs_) output.End();  // also what was there before a failure
    if (!args_.save.empty() && (outcome.ok() || !saved_.empty())) {
      const Status written = WriteText(args_.save, saved_);
      if (!written.ok() && outcome.ok()) outcome = {Exit::kFailed, written};
    }
    if (outcome.ok()) outcome = chart_;
    if (outcome.ok() && vain_ > 0) {
      outcome = {
          Exit::kFailed,
          fmt::format("p{:g} exceeds {:g} ms already at the lowest load, {:g} {}, in {} of "
                      "{} searches",
                      args_.threshold_percentile, *args_.threshold_ms, plan_.search->low,
                      args_.open_loop() ? "requests/s" : "clients", vain_, plan_.cases.size())};
    }
    if (outcome.ok() && torn_) {
      outcome = {Exit::kFailed, "answers mixed two versions of the weights"};
    }
    return outcome;
  }

 private:
  bool single() const { return plan_.cases.size() == 1 && !plan_.search; }

  void Show(const BenchCase& one) {
    const std::string load =
        one.rate > 0 ? fmt::format("{:g} requests/s", one.rate)
                     : fmt::format("{} client{}", one.clients, one.clients == 1 ? "" : "s");
    const std::string backend = one.setup.config.backend;
    progress_.Show(fmt::format("[{}/{}] {}batch {}, {}", number_ + 1, plan_.cases.size(),
                               backend.empty() ? "" : backend + ", ", one.batch, load));
  }

  // A workload that is open for another setup is closed first.
  Outcome Prepare(const BenchCase& one) {
    Show(one);
    if (!workload_ || !(workload_->setup() == one.setup)) {
      Close();
      auto workload = std::make_unique<BenchWorkload>(args_, one.setup);
      if (Outcome opened = workload->Open(); !opened.ok()) return opened;
      workload_ = std::move(workload);
    }
    return workload_->Prepare(one);
  }

  void Close() {
    progress_.Clear();
    if (workload_ && args_.stats) {
      PrintStats(workload_->model(), workload_->session(), args_.format == BenchFormat::kJson);
    }
    workload_.reset();
  }

  Outcome Measure(const BenchCase& one, BenchRecord* record) {
    if (Outcome prepared = Prepare(one); !prepared.ok()) return prepared;
    const Result<BenchReport> report = MeasureCase(args_, one, plan_.percentiles, *workload_);
    if (!report.ok()) return DataFailure(report.status());
    for (const measure::SliceSum& sum : report->result.sums) torn_ |= sum.load.torn > 0;
    record->rows = RowsOf(*report);
    record->document = ToJson(*report);
    held_ = report->threshold && report->threshold->held;
    if (args_.profile) {
      progress_.Clear();
      const Status profiled = workload_->Profile(args_.format == BenchFormat::kJson);
      if (!profiled.ok()) return DataFailure(profiled);
    }
    if (!single()) return {};
    record->text = ToText(*report);
    record->markdown = ToMarkdown(*report);
    if (args_.svg.empty()) return {};
    const Status written = WriteChart(args_.svg, *report);
    if (!written.ok()) chart_ = {Exit::kFailed, written};
    return {};
  }

  void Add(const BenchRecord& record) {
    progress_.Clear();
    for (BenchOutput& output : outputs_) output.Add(record);
  }

  Outcome MeasureOne(const BenchCase& one) {
    BenchRecord record;
    Outcome outcome = Measure(one, &record);
    if (!record.rows.empty()) Add(record);
    return outcome;
  }

  // Every probe is a record, in the order of the search; the answer's rows say that they are best.
  Outcome Search(const BenchCase& base) {
    struct Probed {
      double load;
      BenchRecord record;
    };
    std::vector<Probed> probed;
    Outcome outcome;
    const Result<std::optional<double>> best = measure::FindHighest(
        {.low = plan_.search->low, .high = plan_.search->high, .whole = !args_.open_loop()},
        [&](double load) -> Result<bool> {
          BenchCase one = base;
          if (args_.open_loop()) {
            one.rate = load;
          } else {
            one.clients = static_cast<int64_t>(load);
          }
          probed.push_back({load, {}});
          outcome = Measure(one, &probed.back().record);
          if (!outcome.ok()) return Internal(outcome.message());
          return held_;
        });
    for (Probed& probe : probed) {
      if (probe.record.rows.empty()) continue;
      const bool is_best = best.ok() && *best == probe.load;
      for (Json& row : probe.record.rows) row["best"] = is_best;
      probe.record.document["threshold"]["best"] = is_best;
      Add(probe.record);
    }
    if (!outcome.ok()) return outcome;
    if (!best.ok()) return {Exit::kUsage, best.status()};
    if (best->has_value()) return {};
    ++vain_;  // the others are searched nevertheless
    return {};
  }

  const BenchArgs& args_;
  const BenchPlan plan_;
  Progress progress_;
  std::vector<BenchOutput> outputs_;
  std::string saved_;
  std::unique_ptr<BenchWorkload> workload_;
  size_t number_ = 0;  // of the case
  bool held_ = false;  // by the last one
  size_t vain_ = 0;    // searches that found nothing
  bool torn_ = false;
  Outcome chart_;  // what became of the picture
};

Outcome RunBench(const BenchArgs& args) {
  Result<BenchPlan> plan = MakeBenchPlan(args);
  if (!plan.ok()) return {Exit::kUsage, plan.status()};
  if (!args.svg.empty() && (plan->cases.size() > 1 || plan->search)) {
    return {Exit::kUsage, "--svg is a picture of one run, and several were asked for"};
  }
  for (const std::string* path : {&args.save, &args.svg}) {
    if (path->empty()) continue;  // asked before it is worked for
    if (const Status can = FileReplacement::Begin(*path).status(); !can.ok()) {
      return {Exit::kFailed, can};
    }
  }
  return Bench(args, *std::move(plan)).Run();
}

}  // namespace

void AddBench(CLI::App& app, Action* action) {
  auto args = std::make_shared<BenchArgs>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command = AddCommand(
      app, "bench", "Measure latency and throughput, quiet and while weights change",
      "  midstream bench model.ckpt-4000 --clients 2\n"
      "  midstream bench model.ckpt-4000 --backend cpu_blas,reference --batch 1-64*2 --format csv\n"
      "  midstream bench model.ckpt-4000 --rate 100-20000 --latency-threshold 2   highest rate\n"
      "  midstream bench model.ckpt-0 --rate 500 --update-rate 10 --weights "
      "model.ckpt-4000 \\\n"
      "    --duration 30 --svg latency.svg --save latency.json\n"
      "  midstream bench model.ckpt-0 --update-rate max --md\n"
      "\n"
      "A LIST is a number, a list or a range: 4, 1,2,4, 1-8, 1-9+2 (steps of 2) or 1-8*2 (1, 2, "
      "4, 8).\n"
      "Each combination of the values of all LISTs is a run, and a row of the result.\n"
      "With --update-rate, slices of about a second take turns: quiet, under updates, and\n"
      "beside plain memory copies of the same bytes at the same rate.\n",
      json.get());
  AddBenchOptions(*command, args);
  command->callback([=] {
    if (*json) args->format = BenchFormat::kJson;
    *action = [=] { return WithTrace(args->trace, [&] { return RunBench(*args); }); };
  });
}

}  // namespace midstream::cli

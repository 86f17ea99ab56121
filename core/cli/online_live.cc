#include "core/cli/online_live.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <utility>

#include "core/cli/interruption.h"
#include "core/cli/stats_text.h"
#include "core/cli/stopwatch.h"
#include "core/cli/table.h"
#include "core/cli/traffic.h"

namespace midstream::cli {
namespace {

struct LiveRow {
  double seconds = 0;  // since the start
  uint64_t version = 0;
  std::string source;
  AppliedWeights applied;
  std::optional<double> accuracy;
  TrafficReport traffic;  // since the row before
};

constexpr const char* kRow = "{:>8}  {:>7}  {:<28}  {:>7}  {:>8}  {:>9}  {:>7}  {:>7}  {:>9}";

std::string Percent(const std::optional<double>& part) {
  return part ? fmt::format("{:.2f} %", *part * 100) : "";
}

std::string ToText(const LiveRow& row) {
  const bool update = row.applied.version != 0;  // else how it was loaded
  const bool asked = row.traffic.requests > 0;
  const auto three = [](bool known, double number) {
    return known ? fmt::format("{:.3f}", number) : std::string();
  };
  std::string line = fmt::format(
      kRow, fmt::format("{:.1f} s", row.seconds), row.version, row.source,
      update ? std::to_string(row.applied.tensors) : "", Percent(row.accuracy),
      three(update, row.applied.read_ms + row.applied.update_ms), three(asked, row.traffic.p50_ms),
      three(asked, row.traffic.p99_ms), update ? Grouped(row.traffic.requests) : "");
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

Json ToJson(const LiveRow& row) {
  Json json = {{"seconds", row.seconds},
               {"version", row.version},
               {"source", row.source},
               {"requests", row.traffic.requests}};
  if (row.accuracy) json["accuracy"] = *row.accuracy;
  if (row.applied.version != 0) {
    json["tensors"] = row.applied.tensors;
    json["read_ms"] = row.applied.read_ms;
    json["update_ms"] = row.applied.update_ms;
  }
  if (row.traffic.requests > 0) {
    json["p50_ms"] = row.traffic.p50_ms;
    json["p99_ms"] = row.traffic.p99_ms;
  }
  return json;
}

// The rows, their clients and their end. Rows are made on the source's thread, one at a time, and while
// one is made the source makes no other version.
class Live {
 public:
  Live(const OnlineArgs& args, OnlineWorkflow& workflow) : args_(args), workflow_(workflow) {}

  Outcome Run();

 private:
  Status AddFirstRow();
  void OnEvent(const SourceEvent& event);
  Result<std::optional<double>> Accuracy(uint64_t version);
  void Refuse(const SourceEvent& event);
  void Add(LiveRow row);
  Outcome Finish(uint64_t rest);
  bool IsComplete() const { return args_.updates > 0 && updates_ == args_.updates; }

  const OnlineArgs& args_;
  OnlineWorkflow& workflow_;
  const Stopwatch stopwatch_;
  const Interruption* end_ = nullptr;
  Traffic* traffic_ = nullptr;
  std::vector<LiveRow> rows_;
  Json refused_ = Json::array();
  Status failure_;
  int64_t updates_ = 0;
  uint64_t requests_ = 0;
};

// nullopt without labels, and where an answer is of another version.
Result<std::optional<double>> Live::Accuracy(uint64_t version) {
  const Evaluation& evaluation = workflow_.evaluation();
  if (!evaluation.has_labels()) return std::optional<double>();
  int64_t correct = 0;
  std::vector<Tensor> outputs;
  for (size_t batch = 0; batch < evaluation.batches().size(); ++batch) {
    uint64_t answered = 0;
    MS_RETURN_IF_ERROR(workflow_.session().Run(workflow_.InputsOf(batch), &outputs, &answered));
    if (answered != version) return std::optional<double>();
    MS_ASSIGN_OR_RETURN(const int64_t right, evaluation.CountCorrect(batch, outputs.front()));
    correct += right;
  }
  return std::optional(static_cast<double>(correct) / static_cast<double>(evaluation.images()));
}

void Live::Add(LiveRow row) {
  row.seconds = stopwatch_.milliseconds() / 1000;
  requests_ += row.traffic.requests;
  if (!args_.json) PrintText(ToText(row));
  rows_.push_back(std::move(row));
}

Status Live::AddFirstRow() {
  LiveRow row;
  row.version = workflow_.model().version();
  row.source = "as loaded";
  MS_ASSIGN_OR_RETURN(row.accuracy, Accuracy(row.version));
  Add(std::move(row));
  return OkStatus();
}

void Live::Refuse(const SourceEvent& event) {
  if (!args_.json) PrintText(fmt::format("refused: {}\n", event.status.message()));
  refused_.push_back({{"source", event.source},
                      {"code", CodeName(event.status.code())},
                      {"message", event.status.message()}});
}

void Live::OnEvent(const SourceEvent& event) {
  if (!failure_.ok() || IsComplete()) return;  // at the end
  if (!event.status.ok()) return Refuse(event);
  LiveRow row{0, event.applied.version, FileName(event.source), event.applied, {}, {}};
  row.traffic = traffic_->Take();
  auto accuracy = Accuracy(row.version);
  if (accuracy.ok()) {
    row.accuracy = *accuracy;
    Add(std::move(row));
    ++updates_;
  } else {
    failure_ = accuracy.status();
  }
  if (!failure_.ok() || IsComplete()) end_->Finish();
}

// rest: requests after the last row.
Outcome Live::Finish(uint64_t rest) {
  requests_ += rest;
  if (args_.stats) PrintStats(workflow_.model(), workflow_.session(), args_.json);
  if (!args_.json) {
    std::string text = fmt::format(
        "\nSummary of {} updates in {:.1f} s\n"
        "  Requests: {} answered, {} failed\n"
        "  Compilations during the updates: {}\n",
        updates_, stopwatch_.milliseconds() / 1000, Grouped(requests_), traffic_->failures(),
        workflow_.compiles());
    if (rows_.front().accuracy && rows_.back().accuracy) {
      text += fmt::format("  Accuracy: {} as loaded, {} after the last update\n",
                          Percent(rows_.front().accuracy), Percent(rows_.back().accuracy));
    }
    PrintText(text);
    return {};
  }
  const OnlineHead head = workflow_.head();
  Json json = {{"model", head.model},     {"backend", head.backend},
               {"inputs", head.inputs},   {"output", head.output},
               {"batch", args_.batch},    {"clients", args_.clients},
               {"open_ms", head.open_ms}, {"compile_ms", head.compile_ms}};
  json["versions"] = Json::array();
  for (const LiveRow& row : rows_) json["versions"].push_back(ToJson(row));
  json["refused"] = refused_;
  json["summary"] = {{"updates", updates_},
                     {"requests", requests_},
                     {"failed_requests", traffic_->failures()},
                     {"compiles", workflow_.compiles()}};
  PrintJson(json);
  return {};
}

Outcome Live::Run() {
  const Result<Interruption> end = Interruption::Begin();
  if (!end.ok()) return {Exit::kFailed, end.status()};
  end_ = &*end;
  if (!args_.json) {
    const OnlineHead head = workflow_.head();
    PrintText(fmt::format("{}: {} -> {} on {}; batch {}, {} clients; {}\n\n", FileName(head.model),
                          fmt::join(head.inputs, ", "), head.output, head.backend, args_.batch,
                          args_.clients,
                          args_.follow.watch.empty() ? "listening on " + args_.follow.listen
                                                     : "watching " + args_.follow.watch));
    PrintText(fmt::format(kRow, "time", "version", "source", "tensors", "accuracy", "update ms",
                          "p50 ms", "p99 ms", "requests") +
              "\n");
  }
  if (const Status first = AddFirstRow(); !first.ok()) return DataFailure(first);
  std::vector<std::vector<Tensor>> inputs;
  for (size_t batch = 0; batch < workflow_.evaluation().full_batches(); ++batch) {
    inputs.push_back(workflow_.InputsOf(batch));
  }
  const auto make_client = [&] {
    return [&, outputs = std::vector<Tensor>()](uint64_t index) mutable {
      return workflow_.session().Run(inputs[index % inputs.size()], &outputs, nullptr);
    };
  };
  Traffic traffic(static_cast<size_t>(args_.clients), make_client, [&end] { end->Finish(); });
  traffic_ = &traffic;
  Result<Source> source =
      Follow(workflow_.model(), args_.follow, [this](const SourceEvent& event) { OnEvent(event); });
  if (!source.ok()) return DataFailure(source.status());
  end->Wait();
  source->Stop();
  traffic.Stop();
  const Outcome outcome = Finish(traffic.Take().requests);
  if (!failure_.ok()) return DataFailure(failure_);
  return traffic.failures() == 0 ? outcome : DataFailure(traffic.failure());
}

}  // namespace

Outcome OnlineLive(const OnlineArgs& args, OnlineWorkflow& workflow) {
  return Live(args, workflow).Run();
}

std::string FileName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace midstream::cli

// What `midstream policy` prints: the reply, and where the time went.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/cli/policy.h"
#include "core/cli/table.h"
#include "core/cli/tensor_text.h"

namespace midstream::cli {
namespace {

constexpr int64_t kValuesShown = 10;
constexpr std::string_view kFastNote =
    "  These are the model's tokens. The FAST action tokenizer, which turns them into actions, is "
    "no\n"
    "  part of a checkpoint: give --fast-tokenizer with its folder.\n";

Json StagesJson(const policy::RunnerResult& result) {
  Json stages = Json::array();
  for (const policy::StageTime& stage : result.stages) {
    stages.push_back({{"stage", stage.stage}, {"runs", stage.runs}, {"milliseconds", stage.ms}});
  }
  return stages;
}

Json ToJson(const PolicyRun& run) {
  Json arrays = Json::array();
  for (const auto& [name, array] : run.reply) {
    arrays.push_back({{"name", name},
                      {"dtype", DTypeName(array.dtype())},
                      {"shape", ShapeJson(array.shape())},
                      {"first_values", FirstValuesJson(array, kValuesShown)}});
  }
  Json taps = Json::array();
  for (const auto& [name, tap] : run.result.taps) {
    taps.push_back(
        {{"name", name}, {"dtype", DTypeName(tap.dtype())}, {"shape", ShapeJson(tap.shape())}});
  }
  Json json = {{"family", openpi::FamilyName(run.sizes.family)},
               {"robot", run.robot.empty() ? Json() : Json(run.robot)},
               {"images", run.images},
               {"tokens", run.tokens},
               {"steps", run.steps},
               {"reply", arrays},
               {"taps", taps},
               {"stages", StagesJson(run.result)},
               {"load_milliseconds", run.load_ms},
               {"prepare_milliseconds", run.prepare_ms},
               {"run_milliseconds", run.run_ms},
               {"version", run.result.version}};
  return json;
}

std::string StageTable(const PolicyRun& run) {
  Table table("lrrr");
  table.Add({"stage", "runs", "ms", "ms a run"});
  const auto row = [&](const std::string& stage, int64_t runs, double ms) {
    table.Add({stage, std::to_string(runs), fmt::format("{:.3f}", ms),
               fmt::format("{:.3f}", ms / static_cast<double>(std::max<int64_t>(runs, 1)))});
  };
  row("prepare", 1, run.prepare_ms);
  for (const policy::StageTime& stage : run.result.stages) row(stage.stage, stage.runs, stage.ms);
  return table.ToString();
}

}  // namespace

void ReportPolicy(const PolicyRun& run, bool json) {
  if (json) return PrintJson(ToJson(run));
  std::string text;
  for (const auto& [name, array] : run.reply) {
    text += fmt::format("{}  {} {}\n  {}\n", name, DTypeName(array.dtype()),
                        array.shape().ToString(), FirstValuesText(array, kValuesShown));
  }
  for (const auto& [name, tap] : run.result.taps) {
    text += fmt::format("{}  {} {}\n", name, DTypeName(tap.dtype()), tap.shape().ToString());
  }
  if (run.reply.front().first == "tokens") text += kFastNote;
  text += fmt::format("\n{}{}, {} images, {} tokens{}\n", openpi::FamilyName(run.sizes.family),
                      run.robot.empty() ? "" : " for " + run.robot, run.images, run.tokens,
                      run.steps == 0 ? "" : fmt::format(", {} steps", run.steps));
  text += StageTable(run);
  text += fmt::format("  {:.3f} ms from inputs to actions; loaded in {:.3f} ms\n", run.run_ms,
                      run.load_ms);
  PrintText(text);
}

}  // namespace midstream::cli

// midstream check: whether a checkpoint of OpenPI runs, from its names and shapes alone.
#include "core/cli/check.h"

#include <fmt/format.h>

#include <memory>

#include "core/cli/table.h"
#include "core/cli/tensor_text.h"
#include "core/formats/file.h"
#include "core/policy/compatibility.h"
#include "core/policy/presets.h"
#include "core/policy/robot.h"

namespace midstream::cli {
namespace {

using openpi::Family;
using policy::Report;
using policy::Verdict;

constexpr size_t kMostListed = 20;

struct Args {
  std::string checkpoint;
  std::string as;
  std::string against;
  std::vector<std::string> set;
  bool json = false;
};

constexpr Family kFamilies[] = {Family::kPi0, Family::kPi05, Family::kPi0Fast};

// --against is a preset or else a file.
Result<Config> LoadPolicy(const Args& args) {
  ConfigArgs config;
  config.set = args.set;
  const auto found = policy::FindPreset(args.against);
  const bool preset = found.ok();
  if (!preset && !args.against.empty() && !formats::Exists(args.against)) {
    return InvalidArgument("--against " + args.against + " is no file, and " +
                           std::string(found.status().message()));
  }
  if (preset) config.set.insert(config.set.begin(), "policy.preset=" + args.against);
  if (!preset) config.file = args.against;
  return config.Load();
}

std::string StackText(const openpi::GemmaSizes& sizes) {
  return fmt::format("{}: {} layers of {}, {} and {} heads of {}, feed-forward {}",
                     policy::VariantName(sizes), sizes.depth, sizes.width, sizes.heads,
                     sizes.kv_heads, sizes.head_dim, sizes.mlp);
}

std::string Said(int64_t value) { return value == 0 ? "not said" : std::to_string(value); }

std::string CamerasText(const openpi::Sizes& sizes) {
  if (sizes.family == Family::kPi0Fast) return "those of the observation";
  return fmt::format("{}", fmt::join(policy::ModelCameras(), ", "));
}

std::string StatisticsText(const Report& report) {
  if (report.statistics_path.empty()) return "none";
  std::string text = report.statistics_path;
  for (const policy::StatisticsFound& found : report.statistics) {
    text += fmt::format("; {}: {}{}", found.key, found.numbers,
                        found.percentiles ? " with percentiles" : "");
  }
  return text;
}

std::string SizesText(const Report& report) {
  const openpi::Sizes& sizes = *report.sizes;
  Table table("ll");
  const auto row = [&](std::string title, std::string text) {
    table.Add({std::move(title), std::move(text)});
  };
  const openpi::VisionSizes& v = sizes.vision;
  row("recognised", report.recognised_by);
  const std::string heads =
      v.heads == 0 ? "heads not said" : fmt::format("{} heads of {}", v.heads, v.head_dim);
  row("image encoder", fmt::format("{} layers of {}, {}; {}x{} pixels, {} tokens", v.depth, v.width,
                                   heads, v.image, v.image, v.tokens));
  row("language model", StackText(sizes.vlm));
  if (sizes.expert.depth > 0) row("action expert", StackText(sizes.expert));
  row("vocabulary", std::to_string(sizes.vocabulary));
  if (sizes.action_dim > 0) row("action dimension", std::to_string(sizes.action_dim));
  row("cameras", CamerasText(sizes));
  if (report.settings) {
    row("horizon", Said(report.settings->horizon));
    row("tokens of a prompt", Said(report.settings->max_token_len));
  }
  row("statistics", StatisticsText(report));
  return table.ToString();
}

std::string ListText(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = fmt::format("{}:\n", title);
  for (size_t i = 0; i < lines.size() && i < kMostListed; ++i) text += "  - " + lines[i] + "\n";
  if (lines.size() > kMostListed) {
    text += fmt::format("  and {} more; --json lists all\n", lines.size() - kMostListed);
  }
  return text;
}

std::string VerdictText(const Report& report) {
  const std::string because =
      report.obstacles.empty() ? "" : fmt::format(", because {}", report.obstacles.front());
  const std::string more =
      report.obstacles.size() > 1 ? fmt::format(" (and {} more)", report.obstacles.size() - 1) : "";
  const std::string open =
      report.to_be_told.empty() ? "" : ", once it is told what is listed above";
  switch (report.verdict) {
    case Verdict::kRuns:
      return "runs as it is" + open;
    case Verdict::kRunsAdapted:
      return "runs with these adaptations" + open;
    case Verdict::kRetrain:
      return "needs retraining" + because + more;
    case Verdict::kDamaged:
      break;
  }
  return "is damaged or incomplete" + because + more;
}

std::string ToText(const Report& report) {
  std::string text = report.path;
  if (report.sizes) {
    text += fmt::format(": {} ({})", openpi::FamilyName(report.sizes->family), report.layout);
  }
  text += fmt::format("\n{} numbers in {} bytes\n", Grouped(report.count), Grouped(report.bytes));
  if (report.sizes) {
    text += SizesText(report);
    text += fmt::format("parameters: {} match, {} do not, {} unknown\n", report.matched,
                        report.problems.size(), report.extra.size());
  }
  if (report.obstacles.empty()) text += ListText("adapted", report.adaptations);
  text += ListText("to be told", report.to_be_told);
  text += ListText("in the way", report.obstacles);
  return text + "verdict: " + VerdictText(report) + "\n";
}

Json ToJson(const openpi::GemmaSizes& sizes) {
  return {{"variant", policy::VariantName(sizes)},
          {"width", sizes.width},
          {"depth", sizes.depth},
          {"mlp", sizes.mlp},
          {"heads", sizes.heads},
          {"kv_heads", sizes.kv_heads},
          {"head_dim", sizes.head_dim}};
}

Json ToJson(const openpi::Sizes& sizes) {
  const openpi::VisionSizes& v = sizes.vision;
  Json json = {{"vision",
                {{"image", v.image},
                 {"patch", v.patch},
                 {"tokens", v.tokens},
                 {"width", v.width},
                 {"depth", v.depth},
                 {"mlp", v.mlp},
                 {"heads", v.heads},
                 {"head_dim", v.head_dim}}},
               {"language_model", ToJson(sizes.vlm)},
               {"vocabulary", sizes.vocabulary}};
  if (sizes.expert.depth > 0) json["action_expert"] = ToJson(sizes.expert);
  if (sizes.action_dim > 0) json["action_dim"] = sizes.action_dim;
  if (sizes.family != Family::kPi0Fast) json["cameras"] = policy::ModelCameras();
  return json;
}

Json ToJson(const Report& report) {
  Json json = {{"path", report.path}, {"verdict", policy::VerdictName(report.verdict)}};
  if (report.sizes) {
    json["family"] = openpi::FamilyName(report.sizes->family);
    json["recognised"] = report.recognised_by;
    json["layout"] = report.layout;
    json["sizes"] = ToJson(*report.sizes);
  }
  Json problems = Json::array();
  for (const policy::ParameterProblem& problem : report.problems) {
    Json entry = {
        {"name", problem.name}, {"problem", problem.problem}, {"expected", problem.expected}};
    if (!problem.got.empty()) entry["got"] = problem.got;
    problems.push_back(std::move(entry));
  }
  json["parameters"] = {{"numbers", report.count},
                        {"bytes", report.bytes},
                        {"dtypes", report.dtypes},
                        {"matched", report.matched},
                        {"problems", problems},
                        {"unknown", report.extra},
                        {"lora_factors", report.lora_factors}};
  if (report.settings) {
    const auto said = [](int64_t value) { return value == 0 ? Json(nullptr) : Json(value); };
    json["horizon"] = said(report.settings->horizon);
    json["max_token_len"] = said(report.settings->max_token_len);
  }
  Json statistics = nullptr;
  if (!report.statistics_path.empty()) {
    statistics = {{"path", report.statistics_path}};
    for (const policy::StatisticsFound& found : report.statistics) {
      statistics["entries"][found.key] = {{"numbers", found.numbers},
                                          {"percentiles", found.percentiles}};
    }
  }
  json["statistics"] = statistics;
  json["adapted"] = report.adaptations;
  json["to_be_told"] = report.to_be_told;
  json["obstacles"] = report.obstacles;
  return json;
}

Outcome Check(const Args& args) {
  const Result<Config> config = LoadPolicy(args);
  if (!config.ok()) return {Exit::kConfig, config.status()};
  policy::CheckOptions options;
  options.config = *config;
  for (const Family family : kFamilies) {
    if (args.as == openpi::FamilyName(family)) options.as = family;
  }
  const Result<Report> report = policy::CheckCheckpoint(args.checkpoint, options);
  if (!report.ok()) return DataFailure(report.status());
  if (args.json) {
    PrintJson(ToJson(*report));
  } else {
    PrintText(ToText(*report));
  }
  const bool runs = report->verdict == Verdict::kRuns || report->verdict == Verdict::kRunsAdapted;
  return runs ? Outcome() : Outcome(Exit::kData, args.checkpoint + " " + VerdictText(*report));
}

}  // namespace

void AddCheck(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      app, "check", "Tell whether a checkpoint of OpenPI runs, and what it needs",
      "  midstream check checkpoints/pi0_libero/29999 --against pi0_libero\n"
      "  midstream check pi05_droid --as pi05 --json\n\n"
      "Names and shapes are read, not values, so the answer comes at once for any size.\n"
      "It ends with 0 when the checkpoint runs, as it is or adapted, and with 3 when it does not:\n"
      "it is damaged, incomplete, or another model. --json has the verdict: runs, runs_adapted,\n"
      "retrain, damaged.\n",
      &args->json);
  command
      ->add_option("CHECKPOINT", args->checkpoint,
                   "Folder of a step or release, its params/, or a .safetensors file")
      ->required();
  std::vector<std::string> names;
  for (const Family family : kFamilies) names.emplace_back(openpi::FamilyName(family));
  command->add_option("--as", args->as, "The model that it is taken for")
      ->check(CLI::IsMember(names));
  command
      ->add_option("--against", args->against,
                   "What it is to run with: a configuration file, or the name of one of "
                   "OpenPI's configurations, as pi0_libero")
      ->type_name("CONFIG")
      ->check(NotEmpty());
  AddRepeated(*command, "--set", &args->set,
              "Override one key of the configuration, as policy.robot=libero (repeatable)")
      ->type_name("KEY=VALUE");
  command->callback([=] { *action = [=] { return Check(*args); }; });
}

}  // namespace midstream::cli

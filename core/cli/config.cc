// midstream config show|check|docs|import-npu: what a configuration says, whether it is right, what
// it could say, and how to come by one.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/file.h"
#include "core/cli/command.h"
#include "core/config/npu/import.h"
#include "core/config/show.h"

namespace midstream::cli {
namespace {

struct Args {
  ConfigArgs config;
  std::string format = "markdown";
  std::string output;
  bool npu = false;
  bool json = false;
};

Json ToJson(const config::Value& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

Outcome ShowConfig(const Args& args) {
  const Result<Config> config = args.config.Load();
  if (!config.ok()) return {Exit::kConfig, config.status()};
  if (!args.json) {
    PrintText(config::ShowText(*config));
    return {};
  }
  Json json = Json::object();
  for (const config::ShowRow& row : config::Show(*config)) {
    json[row.key] = {{"value", ToJson(row.value)}, {"source", row.source}, {"doc", row.doc}};
  }
  PrintJson(json);
  return {};
}

Json ToJson(const std::vector<config::Problem>& problems) {
  Json json = Json::array();
  for (const config::Problem& problem : problems) {
    json.push_back({{"file", problem.file},
                    {"line", problem.line},
                    {"column", problem.column},
                    {"key", problem.key},
                    {"message", problem.message}});
  }
  return json;
}

Outcome CheckConfig(const Args& args) {
  const auto overrides = args.config.Overrides();
  if (!overrides.ok()) return {Exit::kConfig, overrides.status()};
  std::vector<config::Problem> problems;
  const Result<Config> config = config::LoadConfig(args.config.file, *overrides, &problems);
  if (args.json) {
    PrintJson({{"file", args.config.file}, {"ok", config.ok()}, {"problems", ToJson(problems)}});
  }
  if (!config.ok()) return {Exit::kConfig, config.status()};
  if (!args.json) PrintText(fmt::format("{}: ok\n", args.config.file));
  return {};
}

Json KeysAsJson() {
  Json json = Json::array();
  for (const config::KeyRow& row : config::KeyTable()) {
    json.push_back({{"key", config::WithName(row.key, "\"NAME\"")},
                    {"default", ToJson(row.get(config::DefaultConfig(), {}))},
                    {"legal", config::Expected(row)},
                    {"doc", row.doc}});
  }
  return json;
}

Json NpuOptionsAsJson() {
  Json json = Json::array();
  for (const config::NpuOption& option : config::NpuOptions()) {
    json.push_back({{"option", option.name},
                    {"legal", config::Expected(option)},
                    {"fate", config::FateName(option.fate)},
                    {"key", option.key},
                    {"reason", option.reason}});
  }
  return json;
}

Json ToJson(const config::NpuImport& import) {
  Json report = Json::array();
  for (const config::NpuReportRow& row : import.report) {
    report.push_back({{"option", row.option},
                      {"fate", config::FateName(row.fate)},
                      {"keys", row.keys},
                      {"reason", row.reason},
                      {"notes", row.notes}});
  }
  return {{"toml", import.toml}, {"report", report}};
}

Outcome ImportNpu(const Args& args) {
  constexpr uint64_t kMaxBytes = 1 << 20;
  const Result<std::string> text = ReadFile(args.config.file, kMaxBytes);
  if (!text.ok()) return {Exit::kData, text.status()};
  std::vector<config::Problem> problems;
  const auto import = config::ImportNpu(*text, args.config.file, &problems);
  if (!import.ok()) {
    if (args.json) PrintJson({{"problems", ToJson(problems)}});
    return {Exit::kConfig, import.status()};
  }
  if (!args.output.empty()) {
    std::ofstream file(args.output, std::ios::binary);
    file << import->toml;
    file.close();
    if (!file) {
      return {Exit::kFailed,
              fmt::format("{}: cannot be written: {}", args.output, std::strerror(errno))};
    }
  }
  if (args.json) {
    PrintJson(ToJson(*import));
    return {};
  }
  if (args.output.empty()) PrintText(import->toml);
  fmt::print(stderr, "{}", config::NpuReportText(*import));
  return {};
}

Outcome PrintDocs(const Args& args) {
  if (args.npu) {
    if (args.json) {
      PrintJson(NpuOptionsAsJson());
    } else {
      PrintText(config::NpuMarkdown());
    }
  } else if (args.json) {
    PrintJson(KeysAsJson());
  } else if (args.format == "markdown") {
    PrintText(config::ConfigurationMarkdown());
  } else if (args.format == "toml") {
    PrintText(config::DefaultToml());
  } else {
    PrintText(config::KeysHelp());
  }
  return {};
}

}  // namespace

void AddConfig(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* config = app.add_subcommand("config", "Show, check, document or import configurations");
  config->footer("Every key:\n" + config::KeysHelp());

  CLI::App* show =
      AddCommand(*config, "show", "Print every key, its value, and where the value comes from",
                 "  midstream config show\n"
                 "  midstream config show configs/online.toml --set execution.threads=1\n",
                 &args->json);
  show->add_option("FILE", args->config.file, "Configuration file; without it, the defaults");
  args->config.AddOverrides(*show);
  show->callback([=] { *action = [=] { return ShowConfig(*args); }; });

  CLI::App* check =
      AddCommand(*config, "check", "Report every problem of a configuration with file and line",
                 "  midstream config check configs/online.toml\n", &args->json);
  check->add_option("FILE", args->config.file, "Configuration file")->required();
  args->config.AddOverrides(*check);
  check->callback([=] { *action = [=] { return CheckConfig(*args); }; });

  CLI::App* docs = AddCommand(*config, "docs", "Print what every key means",
                              "  midstream config docs --format text\n"
                              "  midstream config docs --format toml > my.toml\n",
                              &args->json);
  docs->add_option("--format", args->format, "markdown, toml (a commented file) or text")
      ->check(CLI::IsMember({"markdown", "toml", "text"}));
  docs->add_flag("--npu", args->npu, "What becomes of each option of an NPU session, as markdown");
  docs->callback([=] { *action = [=] { return PrintDocs(*args); }; });

  CLI::App* import =
      AddCommand(*config, "import-npu",
                 "Turn the parameter map of an NpuOptimizer into a configuration; say what becomes "
                 "of each option",
                 "  midstream config import-npu configs/npu_sample.json > my.toml\n"
                 "  midstream config import-npu session.json --output my.toml\n",
                 &args->json);
  import->add_option("FILE", args->config.file, "JSON object from option to value")->required();
  import->add_option("--output", args->output, "Write the configuration here, not to stdout")
      ->check(NotEmpty());
  import->callback([=] { *action = [=] { return ImportNpu(*args);
};
}  // namespace midstream::cli
);
}

}  // namespace midstream::cli

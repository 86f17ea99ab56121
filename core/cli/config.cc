// midstream config show|check|docs: what a configuration says, whether it is right, and what it
// could say.
#include <fmt/format.h>

#include "core/cli/command.h"
#include "core/config/show.h"

namespace midstream::cli {
namespace {

struct Args {
  ConfigArgs config;
  std::string format = "markdown";
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

Outcome PrintDocs(const Args& args) {
  if (args.json) {
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
  CLI::App* config = app.add_subcommand("config", "Show, check or document configurations");
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
  docs->callback([=] { *action = [=] { return PrintDocs(*args); }; });
}

}  // namespace midstream::cli

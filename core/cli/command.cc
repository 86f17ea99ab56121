// The pieces that subcommands share.
#include "core/cli/command.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <optional>

#include "core/cli/loader_reserve.h"

namespace midstream::cli {

CLI::App* AddCommand(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& examples, bool* json) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_flag("--json", *json, "Print one JSON document instead of text");
  command->footer("Examples:\n" + examples + "\n" + std::string(kExitCodesHelp));
  return command;
}

CLI::Option* AddRepeated(CLI::App& command, const std::string& name, std::vector<std::string>* to,
                         const std::string& description) {
  return command.add_option(name, *to, description)->allow_extra_args(false)->check(NotEmpty());
}

void AddModel(CLI::App& command, std::string* model, std::string* signature) {
  command
      .add_option("MODEL", *model,
                  "Checkpoint prefix, .meta file, folder of a checkpoint or SavedModel, or .mspkg")
      ->required();
  if (signature == nullptr) return;
  command
      .add_option("--signature", *signature,
                  "Signature of a SavedModel; without it, serving_default or the only one")
      ->type_name("NAME")
      ->check(NotEmpty());
}

CLI::Validator NotEmpty() {
  return CLI::Validator(
      [](const std::string& text) {
        return text.empty() ? "expected a value, got nothing" : std::string();
      },
      "");
}

CLI::Validator NumberFrom(double low, double high) {
  return CLI::Validator(
      [=](const std::string& text) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool number = error == std::errc() && end == text.data() + text.size();
        if (number && value >= low && value <= high) return std::string();
        return fmt::format("expected a number from {:g} to {:g}, got '{}'", low, high, text);
      },
      fmt::format("NUMBER in [{:g} - {:g}]", low, high));
}

CLI::Option* AddSeed(CLI::App& command, uint64_t* seed, const std::string& description) {
  const CLI::Validator whole(
      [](const std::string& text) {
        uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size()) return std::string();
        return fmt::format("expected a whole number from 0 to 2^64 - 1, got '{}'", text);
      },
      "");
  return command.add_option("--seed", *seed, description)->capture_default_str()->check(whole);
}

void ConfigArgs::AddFile(CLI::App& command) {
  command.add_option("--config", file, "Configuration file (TOML); without it, the defaults")
      ->type_name("FILE")
      ->check(NotEmpty());
}

void ConfigArgs::AddOverrides(CLI::App& command) {
  AddRepeated(command, "--set", &set,
              "Override one key of the configuration, as precision.mode=force_fp16 (repeatable)")
      ->type_name("KEY=VALUE");
  command.add_option("--backend", backend, "Short for --set backend=NAME")
      ->type_name("NAME")
      ->check(NotEmpty());
}

Result<std::vector<config::Override>> ConfigArgs::Overrides() const {
  std::vector<config::Override> overrides;
  for (const std::string& text : set) {
    MS_ASSIGN_OR_RETURN(config::Override parsed, config::ParseOverride(text));
    overrides.push_back(std::move(parsed));
  }
  if (!backend.empty()) overrides.push_back({"backend", backend});
  return overrides;
}

Result<Config> ConfigArgs::Load() const {
  MS_ASSIGN_OR_RETURN(const std::vector<config::Override> overrides, Overrides());
  return config::LoadConfig(file, overrides);
}

Outcome OpenEngine(const ConfigArgs& args, Engine* engine) {
  const Result<Config> config = args.Load();
  if (!config.ok()) return {Exit::kConfig, config.status()};
  ReserveForInterpreters(*config);
  Result<Engine> opened = Engine::Open(*config);
  if (!opened.ok()) {
    // What a backend's options or the placement's rules say wrongly is the configuration's fault.
    const bool mistake = opened.status().code() == Code::kInvalidArgument;
    return {mistake ? Exit::kConfig : Exit::kBackend, opened.status()};
  }
  *engine = *std::move(opened);
  return {};
}

void PrintText(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void PrintJson(const Json& json) {
  PrintText(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void PrintJsonLine(const Json& json) {
  PrintText(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace midstream::cli

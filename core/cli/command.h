// What the subcommands share: how they register themselves, and the options that several have.
//
// Each subcommand is one file with one function below. It adds its options to the application and,
// when it is the one that was typed, leaves what to do in *action; main.cc runs that and turns the
// Outcome into a message on stderr and an exit code. Results go to stdout, everything else to
// stderr.
#ifndef MIDSTREAM_CORE_CLI_COMMAND_H_
#define MIDSTREAM_CORE_CLI_COMMAND_H_

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/cli/exit_code.h"
#include "core/engine/engine.h"

namespace midstream::cli {

using Action = std::function<Outcome()>;
using Json = nlohmann::ordered_json;

void AddInspect(CLI::App& app, Action* action);
void AddRun(CLI::App& app, Action* action);
void AddOnline(CLI::App& app, Action* action);
void AddBench(CLI::App& app, Action* action);
void AddCompare(CLI::App& app, Action* action);
void AddPush(CLI::App& app, Action* action);
void AddBackends(CLI::App& app, Action* action);
void AddConfig(CLI::App& app, Action* action);

// Parses the command line, runs what it asks for, reports. Returns the exit code.
int Main(int argc, const char* const* argv);

// A subcommand with --json and the footer of every --help: examples and exit codes.
CLI::App* AddCommand(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& examples, bool* json);

// --config, --set, --backend.
struct ConfigArgs {
  std::string file;
  std::vector<std::string> set;
  std::string backend;

  void AddFile(CLI::App& command);
  void AddOverrides(CLI::App& command);

  // Errors: one problem per line.
  Result<std::vector<config::Override>> Overrides() const;
  Result<Config> Load() const;
};

// An option that takes one value each time it is given.
CLI::Option* AddRepeated(CLI::App& command, const std::string& name, std::vector<std::string>* to,
                         const std::string& description);

// MODEL and, for commands that choose one, --signature NAME. signature: may be null.
void AddModel(CLI::App& command, std::string* model, std::string* signature);

// A number from `low` to `high`, and no NaN, which every comparison lets through.
CLI::Validator NumberFrom(double low, double high);
// --seed: a whole number that fits, without a sign.
CLI::Option* AddSeed(CLI::App& command, uint64_t* seed, const std::string& description);

// For options whose value may come from an unset shell variable: nothing is a mistake, not a default.
CLI::Validator NotEmpty();

// Loads the configuration and opens the engine.
Outcome OpenEngine(const ConfigArgs& args, Engine* engine);

void PrintText(std::string_view text);
// One document, indented, with a newline. Text that is not UTF-8 is written with replacement
// characters.
void PrintJson(const Json& json);
// The same on one line, for commands that go on.
void PrintJsonLine(const Json& json);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_COMMAND_H_

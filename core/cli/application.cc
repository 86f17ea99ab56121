// The application: every subcommand, what is common to all, and how the end is reported.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "core/base/log.h"
#include "core/cli/check.h"
#include "core/cli/command.h"
#include "core/cli/package.h"
#include "core/cli/policy.h"
#include "core/cli/weights.h"

namespace midstream::cli {
namespace {

constexpr const char* kVersion = MS_VERSION;

constexpr const char* kDescription =
    "Midstream runs trained models on the backend that a configuration names, and takes new\n"
    "weights while it serves, without compiling again.";

constexpr const char* kFooter =
    "MODEL is a TensorFlow checkpoint (its prefix, its .meta file, or a folder with a `checkpoint` "
    "file),\nthe folder of a SavedModel, that of an OpenPI checkpoint (docs/openpi.md), or a "
    "package of "
    "Python\ncode (.mspkg, docs/package.md).\n"
    "`midstream COMMAND --help` explains each command with examples.\n\n";

void Complain(std::string_view message) {
  fmt::print(stderr, "midstream: {}\n", message);
  std::fflush(stderr);
}

void LogTo(FILE* file, LogLevel minimum) {
  SetLogSink(
      [file](LogLevel level, std::string_view text) {
        fmt::print(file, "midstream: {}: {}\n", LogLevelName(level), text);
      },
      minimum);
}

// "midstream config show": the command line as far as it was understood.
std::string Understood(const CLI::App& app) {
  const std::string& text = app.get_name();
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? text : text + " " + Understood(*parsed.front());
}

Outcome Parse(CLI::App& app, int argc, const char* const* argv, const Action& action) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    app.exit(request);
    return {};
  } catch (const CLI::ParseError& error) {
    return {Exit::kUsage, fmt::format("{} (see {} --help)", error.what(), Understood(app))};
  }
  if (action) return {};
  return {Exit::kUsage, fmt::format("a command is missing (see {} --help)", Understood(app))};
}

// The libraries below the command report errors as values, but memory can run out anywhere.
Outcome Perform(const Action& action) {
  try {
    return action ? action() : Outcome();
  } catch (const std::bad_alloc&) {
    return {Exit::kFailed, "out of memory"};
  } catch (const std::exception& error) {
    return {Exit::kFailed, fmt::format("internal error: {}", error.what())};
  }
}

}  // namespace

int Main(int argc, const char* const* argv) {
  CLI::App app(kDescription, "midstream");
  app.set_version_flag("--version", fmt::format("midstream {}", kVersion));
  app.footer(kFooter + std::string(kExitCodesHelp));
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Also print informational messages on stderr");
  app.fallthrough();

  Action action;
  AddInspect(app, &action);
  AddRun(app, &action);
  AddOnline(app, &action);
  AddBench(app, &action);
  AddCompare(app, &action);
  AddPolicy(app, &action);
  AddPush(app, &action);
  AddBackends(app, &action);
  AddConfig(app, &action);
  AddCheck(app, &action);
  AddWeights(app, &action);
  AddPackage(app, &action);

  Outcome outcome = Parse(app, argc, argv, action);
  if (outcome.ok()) {
    LogTo(stderr, verbose ? LogLevel::kInfo : LogLevel::kWarning);
    outcome = Perform(action);
    SetLogSink({});
  }
  if (outcome.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    outcome = {Exit::kFailed, "cannot write to standard output"};
  }
  if (!outcome.ok()) Complain(outcome.message());
  return static_cast<int>(outcome.exit());
}

}  // namespace midstream::cli

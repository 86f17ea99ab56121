// A configuration file with its overrides and everything that `config show` prints of it; the
// options of an NPU session, whose translation is a configuration.
#include <algorithm>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/config/npu/import.h"
#include "core/config/show.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {

void FuzzConfig(std::string_view input) {
  size_t nul = input.find('\0');
  std::string_view text = input.substr(0, nul);
  std::string_view rest = nul == std::string_view::npos ? "" : input.substr(nul + 1);
  std::vector<config::Override> overrides;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (auto parsed = config::ParseOverride(line); parsed.ok()) overrides.push_back(*parsed);
  }
  std::vector<config::Problem> problems;
  auto parsed = config::ParseConfig(text, "fuzz.toml", overrides, &problems);
  MS_FUZZ_CHECK(parsed.ok() == problems.empty());
  for (const config::Problem& problem : problems) {
    MS_FUZZ_CHECK(!problem.message.empty());
    MS_FUZZ_CHECK(problem.ToString().find('\n') == std::string::npos);
  }
  // What `config show` prints; a value of any kind has a spelling.
  if (parsed.ok()) MS_FUZZ_CHECK(!config::ShowText(*parsed).empty());
}

void FuzzNpuOptions(std::string_view input) {
  size_t nul = input.find('\0');
  WriteScratch("side", nul == std::string_view::npos ? "" : input.substr(nul + 1));
  std::vector<config::Problem> problems;
  auto import = config::ImportNpu(input.substr(0, nul), ScratchPath("session.json"), &problems);
  MS_FUZZ_CHECK(import.ok() == problems.empty());
  if (!import.ok()) return;
  MS_FUZZ_CHECK(config::ParseConfig(import->toml, "imported").ok());
  MS_FUZZ_CHECK(import->report.empty() == config::NpuReportText(*import).empty());
}

}  // namespace midstream::fuzz

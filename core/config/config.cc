#include "core/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <tuple>

#include "core/base/file.h"
#include "core/config/conflicts.h"
#include "core/config/reader.h"

namespace midstream::config {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

Status Refuse(const std::vector<Problem>& problems) {
  if (problems.size() == 1) return InvalidArgument(problems.front().ToString());
  std::string message = fmt::format("the configuration has {} problems:", problems.size());
  for (const Problem& problem : problems) message += fmt::format("\n  {}", problem.ToString());
  return InvalidArgument(std::move(message));
}

// Who asks for a backend beside a file means it, whatever order the file has.
void PutFirst(Config& config) {
  std::vector<std::string>& order = config.placement.order;
  const auto set = [&](const char* key) {
    return config.origin(key).source == Origin::Source::kSet;
  };
  if (!set("backend") || set("placement.order") || order.empty() || config.backend == "auto") {
    return;
  }
  std::erase(order, config.backend);
  order.insert(order.begin(), config.backend);
}

}  // namespace

std::string Origin::ToString() const {
  switch (source) {
    case Source::kDefault:
      break;
    case Source::kFile:
      return fmt::format("{}:{}:{}", file, line, column);
    case Source::kSet:
      return "--set";
  }
  return "default";
}

std::string Problem::ToString() const {
  std::string text = file;
  if (line != 0) text += fmt::format(":{}:{}", line, column);
  if (!key.empty()) text += ": " + key;
  return text + ": " + message;
}

const Origin& Config::origin(std::string_view key) const {
  static const Origin kDefault;
  const auto found = origins.find(key);
  return found == origins.end() ? kDefault : found->second;
}

Result<Override> ParseOverride(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view key = Trim(text.substr(0, equals));
  if (equals == std::string_view::npos || key.empty()) {
    return InvalidArgument(
        fmt::format("--set {}: expected section.key=value, as in precision.mode=fp16", text));
  }
  return Override{std::string(key), std::string(Trim(text.substr(equals + 1)))};
}

const Config& DefaultConfig() {
  static const Config& config = *new Config;
  return config;
}

Result<Config> ParseConfig(std::string_view text, const std::string& name,
                           const std::vector<Override>& overrides,
                           std::vector<Problem>* problems) try {
  Config config;
  std::vector<Problem> found;
  ReadText(text, name, config, found);
  for (const Override& override : overrides) ReadOverride(override, config, found);
  PutFirst(config);
  FindConflicts(config, found);
  // The parser hands tables over in the order of their names; overrides come last.
  std::stable_sort(found.begin(), found.end(), [](const Problem& a, const Problem& b) {
    return std::tuple(a.line == 0, a.line, a.column) < std::tuple(b.line == 0, b.line, b.column);
  });
  if (problems != nullptr) *problems = found;
  if (!found.empty()) return Refuse(found);
  return config;
} catch (const std::exception& error) {
  return ResourceExhausted(name + ": cannot be read: " + error.what());
}

Result<Config> LoadConfig(const std::string& path, const std::vector<Override>& overrides,
                          std::vector<Problem>* problems) {
  if (path.empty()) return ParseConfig("", "", overrides, problems);
  MS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return ParseConfig(text, path, overrides, problems);
}

}  // namespace midstream::config

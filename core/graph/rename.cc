#include "core/graph/rename.h"

#include <algorithm>

namespace midstream {
namespace {

std::string Text(const RenameRule& rule) { return "'" + rule.from + "=" + rule.to + "'"; }

// What the rule's "*" stands for in `name`; false: the rule does not match.
bool Match(std::string_view name, std::string_view from, std::string_view* kept) {
  if (from.ends_with('*')) {
    from.remove_suffix(1);
    if (!name.starts_with(from)) return false;
    *kept = name.substr(from.size());
    return true;
  }
  if (from.starts_with('*')) {
    from.remove_prefix(1);
    if (!name.ends_with(from)) return false;
    *kept = name.substr(0, name.size() - from.size());
    return true;
  }
  return name == from;
}

Status Check(const RenameRule& rule) {
  const auto stars = [](std::string_view text) {
    return std::count(text.begin(), text.end(), '*');
  };
  const bool prefix = rule.from.ends_with('*');
  const bool suffix = rule.from.starts_with('*');
  if (rule.from.empty() || rule.to.empty()) {
    return InvalidArgument("rename rule " + Text(rule) + " has an empty side");
  }
  if (stars(rule.from) != stars(rule.to) || stars(rule.from) > 1 ||
      (stars(rule.from) == 1 && !prefix && !suffix)) {
    return InvalidArgument(
        "rename rule " + Text(rule) +
        ": expected two whole names, or one \"*\" on each side, at the beginning "
        "or the end");
  }
  const bool fits = rule.to == "*" || rule.from == "*" ||
                    (prefix ? rule.to.ends_with('*') : !suffix || rule.to.starts_with('*'));
  if (!fits) {
    return InvalidArgument("rename rule " + Text(rule) + " has its \"*\" at different ends");
  }
  return OkStatus();
}

}  // namespace

Result<RenameRule> ParseRenameRule(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return InvalidArgument("rename rule '" + std::string(text) + "': expected FROM=TO");
  }
  RenameRule rule{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  MS_RETURN_IF_ERROR(Check(rule));
  return rule;
}

Status CheckRenameRules(const std::vector<RenameRule>& rules) {
  for (const RenameRule& rule : rules) MS_RETURN_IF_ERROR(Check(rule));
  return OkStatus();
}

std::string Renamed(std::string_view name, const std::vector<RenameRule>& rules) {
  for (const RenameRule& rule : rules) {
    std::string_view kept;
    if (!Match(name, rule.from, &kept)) continue;
    std::string result = rule.to;
    const size_t star = result.find('*');
    if (star != std::string::npos) result.replace(star, 1, kept);
    return result;
  }
  return std::string(name);
}

}  // namespace midstream

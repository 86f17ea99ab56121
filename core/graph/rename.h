// Rules that turn the names that somebody gives into the model's own.
#ifndef MIDSTREAM_CORE_GRAPH_RENAME_H_
#define MIDSTREAM_CORE_GRAPH_RENAME_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/export.h"
#include "core/base/status.h"

namespace midstream {

// `from` and `to` are whole names, or have one "*" each at the same end: "actor/*" -> "policy/*" replaces a prefix,
// "*.weight" -> "*/kernel" a suffix, and "*" stands for what is kept. "actor/*" -> "*" drops the
// prefix.
struct RenameRule {
  std::string from;
  std::string to;
};

// "FROM=TO" as the command line has it. Errors: INVALID_ARGUMENT.
MS_API Result<RenameRule> ParseRenameRule(std::string_view text);
// Errors: INVALID_ARGUMENT naming the rule.
MS_API Status CheckRenameRules(const std::vector<RenameRule>& rules);
// The first rule that matches is applied, once; without one the name stays. Requires: checked rules.
MS_API std::string Renamed(std::string_view name, const std::vector<RenameRule>& rules);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_RENAME_H_

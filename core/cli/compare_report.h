// The report of `midstream compare` as text, markdown and JSON; core/compare/html.h is the fourth.
#ifndef MIDSTREAM_CORE_CLI_COMPARE_REPORT_H_
#define MIDSTREAM_CORE_CLI_COMPARE_REPORT_H_

#include <string>

#include "core/cli/command.h"
#include "core/compare/report.h"

namespace midstream::cli {

// At most 100 columns wide; long names lose their beginning.
std::string ToText(const compare::Report& report);
std::string ToMarkdown(const compare::Report& report);
// Everything, the latencies as quantiles.
Json ToJson(const compare::Report& report);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_COMPARE_REPORT_H_

// The parameter map of an NpuOptimizer, as a configuration.
//
// Nothing is dropped silently: each option of the map has a row in the report. Files that options
// name are read relative to the map's folder.
// Threads: any.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_IMPORT_H_
#define MIDSTREAM_CORE_CONFIG_NPU_IMPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.h"
#include "core/config/npu/options.h"

namespace midstream::config {

struct NpuReportRow {
  std::string option;
  NpuFate fate = NpuFate::kIgnored;
  std::vector<std::string> keys;  // of the configuration, full
  std::string reason;
  std::vector<std::string> notes;  // what of a file or text has no counterpart
};

struct NpuImport {
  std::string toml;                  // ParseConfig accepts it
  std::vector<NpuReportRow> report;  // in the order of the table of options
};

// json is the text of file, an object from option to value. All problems are found at once: the
// status lists one per line, and *problems, when given, receives them too. Errors:
// INVALID_ARGUMENT.
Result<NpuImport> ImportNpu(std::string_view json, const std::string& file,
                            std::vector<Problem>* problems = nullptr);

// The report for a person: one line per row, and its notes below it.
std::string NpuReportText(const NpuImport& import);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_IMPORT_H_

// Rows of `midstream bench`: one flat record for each kind of slice of each run, the same columns in
// each, for csv, jsonl and tables of several runs. docs/bench.md says what each column means.
#ifndef MIDSTREAM_CORE_CLI_BENCH_ROW_H_
#define MIDSTREAM_CORE_CLI_BENCH_ROW_H_

#include <string>
#include <vector>

#include "core/cli/bench_report.h"

namespace midstream::cli {

// Objects of plain values: column -> value.
std::vector<Json> RowsOf(const BenchReport& report);

// RFC 4180. Without the end of the line.
std::string CsvHead(const Json& row);
std::string CsvLine(const Json& row);

// A table of what differs between the rows and of what was found, below lines of what all share; as
// markdown or as text. Requires: rows with the same columns.
std::string RowTable(const std::vector<Json>& rows, bool markdown);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_ROW_H_

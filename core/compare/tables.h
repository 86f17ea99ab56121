// The tables of a report, as text in cells: one source for the terminal, markdown and HTML.
#ifndef MIDSTREAM_CORE_COMPARE_TABLES_H_
#define MIDSTREAM_CORE_COMPARE_TABLES_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/compare/report.h"

namespace midstream::compare {

struct TextTable {
  std::string title;
  std::string alignment;                       // one letter a column: 'l' left, 'r' right
  std::vector<std::vector<std::string>> rows;  // the first one is the head
  std::vector<std::string> notes;              // below it
};

// Accuracy, speed, cost and, where there are any, updates, layers and nodes; in this order.
std::vector<TextTable> MakeTables(const Report& report);

// "model.meta: x float32[16,784]; baseline reference; seed 0".
std::vector<std::string> HeadLines(const Report& report);
// Machine, system, compiler, load, versions.
std::vector<std::pair<std::string, std::string>> EnvironmentRows(const Report& report);

// What --layers found for an arm, a sentence a line.
std::vector<std::string> LayerLines(const ArmReport& arm);

// "1.2e-07", "0"; "inf".
std::string ErrorText(double error);
// Three digits or a few more: "0.0412", "3.14", "812", "12345".
std::string Short(double value);
// "812 B", "1.5 MiB".
std::string BytesText(uint64_t bytes);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_TABLES_H_

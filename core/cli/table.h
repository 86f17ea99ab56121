// Aligned columns for text output.
#ifndef MIDSTREAM_CORE_CLI_TABLE_H_
#define MIDSTREAM_CORE_CLI_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace midstream::cli {

class Table {
 public:
  // One letter a column: 'l' aligned left, 'r' aligned right.
  explicit Table(std::string alignment) : alignment_(std::move(alignment)) {}

  // Requires: at most one cell a column; missing ones are empty.
  void Add(std::vector<std::string> cells);
  // Each row on a line, after `indent` spaces, columns two spaces apart, nothing trailing.
  std::string ToString(size_t indent = 2) const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

// "13,098,536"
std::string Grouped(uint64_t number);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_TABLE_H_

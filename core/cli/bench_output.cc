#include "core/cli/bench_output.h"

#include "core/cli/bench_row.h"

namespace midstream::cli {
namespace {

constexpr auto kReplace = Json::error_handler_t::replace;  // of what is not UTF-8

}  // namespace

void BenchOutput::Add(const BenchRecord& record) {
  const bool first = rows_.empty();
  rows_.insert(rows_.end(), record.rows.begin(), record.rows.end());
  switch (format_) {
    case BenchFormat::kCsv:
      if (first) write_(CsvHead(record.rows.front()) + "\n");
      for (const Json& row : record.rows) write_(CsvLine(row) + "\n");
      break;
    case BenchFormat::kJsonLines:
      for (const Json& row : record.rows) write_(row.dump(-1, ' ', false, kReplace) + "\n");
      break;
    case BenchFormat::kJson:
      documents_.push_back(record.document);
      break;
    case BenchFormat::kText:
      if (first) only_ = record.text;
      break;
    case BenchFormat::kMarkdown:
      if (first) only_ = record.markdown;
      break;
  }
}

void BenchOutput::End() {
  if (rows_.empty()) return;
  if (format_ == BenchFormat::kJson) {
    const Json json = {{"rows", rows_}, {"runs", documents_}};
    write_(json.dump(2, ' ', false, kReplace) + "\n");
  } else if (format_ == BenchFormat::kText || format_ == BenchFormat::kMarkdown) {
    write_(only_.empty() ? RowTable(rows_, format_ == BenchFormat::kMarkdown) : only_);
  }
}

}  // namespace midstream::cli

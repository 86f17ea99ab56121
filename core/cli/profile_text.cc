#include "core/cli/profile_text.h"

#include <fmt/format.h>

#include <cstdio>

#include "core/cli/table.h"

namespace midstream::cli {
namespace {

std::string Microseconds(double nanoseconds) { return fmt::format("{:.1f}", nanoseconds * 1e-3); }

double Mean(const NodeProfile& row) {
  return row.count == 0 ? 0 : static_cast<double>(row.total_ns) / static_cast<double>(row.count);
}

uint64_t Total(const std::vector<NodeProfile>& profile) {
  uint64_t total = 0;
  for (const NodeProfile& row : profile) total += row.total_ns;
  return total;
}

}  // namespace

std::string ProfileText(const std::vector<NodeProfile>& profile) {
  const auto total = static_cast<double>(Total(profile));
  const auto share = [&](double part) {
    return total == 0 ? std::string("-") : fmt::format("{:.1f} %", 100 * part / total);
  };
  Table table("llllrrrr");
  table.Add({"node", "operator", "backend", "kernel", "mean us", "least us", "share", "times"});
  double sum = 0;
  for (const NodeProfile& row : profile) {
    sum += Mean(row);
    table.Add({row.node, row.op, row.backend, row.kernel, Microseconds(Mean(row)),
               Microseconds(static_cast<double>(row.min_ns)),
               share(static_cast<double>(row.total_ns)), Grouped(row.count)});
  }
  table.Add({"all", "", "", "", Microseconds(sum), "", share(total), ""});
  return "profile\n" + table.ToString();
}

Json ProfileJson(const std::vector<NodeProfile>& profile) {
  const auto total = static_cast<double>(Total(profile));
  Json rows = Json::array();
  for (const NodeProfile& row : profile) {
    rows.push_back({{"node", row.node},
                    {"operator", row.op},
                    {"backend", row.backend},
                    {"kernel", row.kernel},
                    {"count", row.count},
                    {"total_ns", row.total_ns},
                    {"mean_ns", Mean(row)},
                    {"min_ns", row.min_ns},
                    {"max_ns", row.max_ns},
                    {"share", total == 0 ? 0 : static_cast<double>(row.total_ns) / total}});
  }
  return rows;
}

void AddProfile(CLI::App& command, bool* profile) {
  command.add_flag("--profile", *profile,
                   "Time every node by the clock of its backend and print the times to stderr at "
                   "the end; with --trace they are in the trace as well");
}

void PrintProfile(const Session& session, bool json) {
  std::string text = ProfileText(session.profile());
  if (json) {
    const Json document = {{"profile", ProfileJson(session.profile())}};
    text = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace midstream::cli

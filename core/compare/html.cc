#include "core/compare/html.h"

#include <fmt/format.h>

#include <string_view>

#include "core/compare/plots.h"
#include "core/compare/svg.h"
#include "core/compare/tables.h"

namespace midstream::compare {
namespace {

// Colours that colour-blind readers can tell apart (Okabe and Ito), one a backend.
constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2024; --dim: #5d6670; --rule: #d5dae0;
  --panel: #f6f8fa; --good: #00734d; --bad: #b3261e;
  --a0: #0072b2; --a1: #d55e00; --a2: #009e73; --a3: #cc79a7; --a4: #b58900; --a5: #56b4e9; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e4e8ec; --dim: #9aa4ae;
  --rule: #363d45; --panel: #1d2126; --good: #4cc38a; --bad: #ff8a80; --a0: #4aa8e0; --a1: #f28b4b;
  --a2: #3fc79d; --a3: #e39cc4; --a4: #dcb43c; --a5: #8ccdf2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 28px 24px 48px; background: var(--paper);
  color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 36px 0 10px; }
h3 { font-size: 14px; margin: 0 0 6px; } p { margin: 4px 0; } .dim { color: var(--dim); }
code, td, th { font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 6px 0; }
th { text-align: left; color: var(--dim); font-weight: 600; border-bottom: 2px solid var(--rule); }
th, td { padding: 4px 16px 4px 0; white-space: nowrap; vertical-align: top; }
td { border-bottom: 1px solid var(--rule); } .r { text-align: right; }
.wrap { white-space: normal; overflow-wrap: anywhere; }
.ok { color: var(--good); } .differs { color: var(--bad); font-weight: 600; }
ul { margin: 6px 0; padding-left: 18px; } li { margin: 2px 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 6px 0; padding: 10px 14px;
  background: var(--panel); border-radius: 6px; font-size: 13px; }
figure { margin: 14px 0 26px; } figcaption { color: var(--dim); font-size: 13px; max-width: 720px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 2px 0 8px; font-size: 13px; }
.legend span { display: inline-flex; align-items: center; gap: 7px; }
.key { width: 22px; height: 4px; border-radius: 2px; }
svg { max-width: 100%; height: auto; display: block; }
svg text { fill: var(--dim); font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif;
  font-variant-numeric: tabular-nums; }
svg text.name { fill: var(--ink); }
.grid { stroke: var(--rule); stroke-width: 1; } .grid.faint { opacity: 0.45; }
.frame { stroke: var(--dim); stroke-width: 1; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; } .whisker { stroke-width: 3; }
.dot { stroke: var(--paper); stroke-width: 1; } .dot.bad { stroke: var(--bad); stroke-width: 2.5; }
)";

constexpr size_t kColors = 6;

std::string ArmColors() {
  std::string css;
  for (size_t i = 0; i < kColors; ++i) {
    css += fmt::format(
        ".curve.arm{0}, .whisker.arm{0} {{ stroke: var(--a{0}); }}\n"
        ".dot.arm{0}, .bar.arm{0} {{ fill: var(--a{0}); }} .key.arm{0} {{ background: var(--a{0}); "
        "}}\n",
        i);
  }
  return css;
}

std::string CellClass(const std::string& text, char alignment) {
  std::string name = alignment == 'r' ? "r" : "";
  if (text == "ok" || text == "faster") name += " ok";
  if (text == "DIFFERS" || text == "slower" || text == "failed") name += " differs";
  return name;
}

std::string TableHtml(const TextTable& table) {
  std::string html = fmt::format("<h2>{}</h2>\n", Escaped(table.title));
  if (!table.rows.empty()) {
    html += "<div class=\"scroll\"><table>\n";
    for (size_t r = 0; r < table.rows.size(); ++r) {
      html += "<tr>";
      const char* tag = r == 0 ? "th" : "td";
      for (size_t i = 0; i < table.rows[r].size(); ++i) {
        html +=
            fmt::format("<{0} class=\"{1}\">{2}</{0}>", tag,
                        CellClass(table.rows[r][i], table.alignment[i]), Escaped(table.rows[r][i]));
      }
      html += "</tr>\n";
    }
    html += "</table></div>\n";
  }
  if (table.notes.empty()) return html;
  if (table.rows.empty()) {  // text alone
    html += "<pre>";
    for (const std::string& note : table.notes) html += Escaped(note) + "\n";
    return html + "</pre>\n";
  }
  html += "<ul class=\"dim\">";
  for (const std::string& note : table.notes) html += "<li>" + Escaped(note) + "</li>";
  return html + "</ul>\n";
}

std::string Legend(const Report& report) {
  std::string html = "<div class=\"legend\">";
  for (size_t i = 0; i < report.arms.size(); ++i) {
    if (!report.arms[i].ran()) continue;
    html += fmt::format("<span><i class=\"key {}\"></i>{}{}</span>", ArmClass(i),
                        Escaped(report.arms[i].name), i == report.baseline ? " (baseline)" : "");
  }
  return html + "</div>\n";
}

std::string Figure(const std::string& id, const std::string& title, const std::string& picture,
                   const std::string& caption, const std::string& legend) {
  if (picture.empty()) return "";
  return fmt::format(
      "<figure id=\"{}\">\n<h3>{}</h3>\n{}{}<figcaption>{}</figcaption>\n</figure>\n", id,
      Escaped(title), legend, picture, Escaped(caption));
}

std::string Figures(const Report& report) {
  const std::string legend = Legend(report);
  std::string html;
  html += Figure("latency", "Latency", LatencyPlot(report),
                 "How many of an arm's calls took at most so long; further left is faster, steeper "
                 "is steadier. Dots: p50, p90, p99.",
                 legend);
  html += Figure("ratio", "Against the baseline", RatioPlot(report),
                 "Ratio of the medians, paired by round, with its 95 % bootstrap interval. An arm "
                 "is called faster or slower only where the whole interval is beyond 2 %.",
                 "");
  html +=
      Figure("accuracy", "Accuracy against speed", AccuracyPlot(report),
             "Lower is nearer to the baseline, further left is faster. The error is the largest "
             "of all outputs and versions, in units of the output's largest element.",
             legend);
  html += Figure("layers", "Error along the graph", LayerPlot(report),
                 "Values that --layers compared, both sides computing the arm's compiled graph; "
                 "ringed ones are outside the tolerance.",
                 legend);
  for (size_t i = 0; i < report.arms.size(); ++i) {
    html += Figure(fmt::format("nodes-{}", i), "Time per node: " + report.arms[i].name,
                   NodePlot(report, i),
                   "Mean of profiled runs, by the backend's own clock. Each arm has a scale of its "
                   "own.",
                   "");
  }
  return html.empty() ? "" : "<h2>Plots</h2>\n" + html;
}

}  // namespace

std::string ToHtml(const Report& report) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src "
      "'unsafe-inline'\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<title>midstream compare: {}</title>\n<style>{}{}</style>\n</head>\n<body>\n"
      "<h1>midstream compare</h1>\n",
      Escaped(report.model), kStyle, ArmColors());
  for (const std::string& line : HeadLines(report)) {
    html += fmt::format("<p class=\"dim\">{}</p>\n", Escaped(line));
  }
  const std::vector<TextTable> tables = MakeTables(report);
  for (const TextTable& table : tables) html += TableHtml(table);
  html += Figures(report);
  html += "<h2>Environment</h2>\n<table>\n";
  for (const auto& [name, value] : EnvironmentRows(report)) {
    html += fmt::format("<tr><td class=\"dim\">{}</td><td class=\"wrap\">{}</td></tr>\n",
                        Escaped(name), Escaped(value));
  }
  return html + "</table>\n</body>\n</html>\n";
}

}  // namespace midstream::compare

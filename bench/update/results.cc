#include "bench/update/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace midstream::bench {
namespace {

std::string Number(double value) {
  if (std::fabs(value) >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, std::fabs(value) >= 100 ? 1 : 2);
}

}  // namespace

Results::Question& Results::Find(const std::string& name) {
  for (Question& question : questions_) {
    if (question.name == name) return question;
  }
  return questions_.emplace_back(Question{name, {}, {}});
}

void Results::Add(const std::string& question, const std::string& row, Figures figures) {
  Find(question).rows.emplace_back(row, std::move(figures));
}

void Results::Skip(const std::string& question, const std::string& why) {
  Find(question).skipped.push_back(why);
}

std::string Results::ToText(bool markdown) const {
  std::string text;
  for (const Question& question : questions_) {
    if (!question.rows.empty()) {
      const auto line = [&](const std::string& name, const auto& cell) {
        text += markdown ? fmt::format("| {} |", name) : fmt::format("{:<58}", name);
        for (size_t i = 0; i < question.rows.front().second.size(); ++i) {
          text += markdown ? fmt::format(" {} |", cell(i)) : fmt::format(" {:>15}", cell(i));
        }
        text += "\n";
      };
      const Figures& head = question.rows.front().second;
      text += "\n";
      line(question.name, [&](size_t i) { return head[i].first; });
      if (markdown) {
        text += "|---|";
        for (size_t i = 0; i < head.size(); ++i) text += "---:|";
        text += "\n";
      }
      for (const auto& [name, figures] : question.rows) {
        line(name, [&, &values = figures](size_t i) { return Number(values[i].second); });
      }
    }
    for (const std::string& why : question.skipped) {
      text += fmt::format("\n{}: left out, {}\n", question.name, why);
    }
  }
  return text;
}

std::string Results::ToJson(const measure::Environment& environment) const {
  using Json = nlohmann::ordered_json;
  Json json = {{"environment",
                {{"cpu", environment.cpu},
                 {"cores", environment.cores},
                 {"system", environment.system},
                 {"compiler", environment.compiler},
                 {"load_average", environment.load_average}}}};
  for (const Question& question : questions_) {
    Json rows = Json::array();
    for (const auto& [name, figures] : question.rows) {
      Json row = {{"name", name}};
      for (const auto& [figure, value] : figures) row[figure] = value;
      rows.push_back(std::move(row));
    }
    json["questions"].push_back(
        {{"name", question.name}, {"rows", rows}, {"left_out", question.skipped}});
  }
  return json.dump(2) + "\n";
}

double QuantileUs(const Histogram::Snapshot& snapshot, double q) {
  return static_cast<double>(snapshot.Quantile(q)) * 1e-3;
}

}  // namespace midstream::bench

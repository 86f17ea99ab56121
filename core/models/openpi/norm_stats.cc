#include "core/models/openpi/norm_stats.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/json.h"

namespace midstream::openpi {
namespace {

using formats::Quoted;
using Json = nlohmann::json;

constexpr uint64_t kMostBytes = uint64_t{4} << 20;

// Python writes NaN and infinities as bare words. As strings they mean the same.
std::string WithWordsQuoted(std::string_view json) {
  std::string text;
  bool in_string = false;
  for (size_t at = 0; at < json.size();) {
    if (!in_string) {
      std::string_view word;
      for (std::string_view known : {"NaN", "Infinity", "-Infinity"}) {
        if (json.substr(at).starts_with(known)) word = known;
      }
      if (!word.empty()) {
        text += '"' + std::string(word) + '"';
        at += word.size();
        continue;
      }
    } else if (json[at] == '\\' && at + 1 < json.size()) {
      text += json[at++];
      text += json[at++];
      continue;
    }
    if (json[at] == '"') in_string = !in_string;
    text += json[at++];
  }
  return text;
}

std::optional<double> ParseNumber(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size() && text.find('(') == text.npos;
  if (!whole || (error != std::errc() && error != std::errc::result_out_of_range)) {
    return std::nullopt;
  }
  if (error == std::errc()) return value;
  // Too large or too small for a double: Python takes infinity or zero.
  const size_t exponent = text.find_first_of("eE");
  const bool small = exponent != text.npos && text.substr(exponent + 1).starts_with('-');
  const double magnitude = small ? 0.0 : std::numeric_limits<double>::infinity();
  return text.starts_with('-') ? -magnitude : magnitude;
}

Result<std::vector<double>> ReadNumbers(const Json& json) {
  if (!json.is_array()) return DataLoss("is no list of numbers");
  std::vector<double> numbers;
  numbers.reserve(json.size());
  for (const Json& item : json) {
    std::optional<double> number;
    if (item.is_number()) number = item.get<double>();
    if (item.is_string()) number = ParseNumber(item.get_ref<const std::string&>());
    if (!number) {
      return DataLoss("has " + Quoted(item.dump(-1, ' ', true, Json::error_handler_t::replace)) +
                      " where a number was expected, at position " +
                      std::to_string(numbers.size()));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::optional<std::vector<double>>> ReadPercentile(const Json& json, const char* field) {
  const auto at = json.find(field);
  if (at == json.end() || at->is_null()) return std::optional<std::vector<double>>();
  MS_ASSIGN_OR_RETURN(std::vector<double> numbers, ReadNumbers(*at));
  return std::optional<std::vector<double>>(std::move(numbers));
}

Result<std::vector<double>> ReadMoment(const Json& json, const char* field) {
  const auto at = json.find(field);
  if (at == json.end()) return DataLoss("is missing");
  return ReadNumbers(*at);
}

Result<Statistics> ReadStatistics(const std::string& key, const Json& json) {
  const std::string where = "norm_stats." + key;
  if (!json.is_object()) return DataLoss(Quoted(where) + " is no object");
  Statistics statistics;
  const auto named = [&](const char* field, const Status& status) {
    return Status(status.code(), Quoted(where + "." + field) + " " + std::string(status.message()));
  };
  const std::pair<const char*, std::vector<double>*> moments[] = {{"mean", &statistics.mean},
                                                                  {"std", &statistics.deviation}};
  for (const auto& [field, to] : moments) {
    auto numbers = ReadMoment(json, field);
    if (!numbers.ok()) return named(field, numbers.status());
    *to = *std::move(numbers);
  }
  const std::pair<const char*, std::optional<std::vector<double>>*> percentiles[] = {
      {"q01", &statistics.q01}, {"q99", &statistics.q99}};
  for (const auto& [field, to] : percentiles) {
    auto numbers = ReadPercentile(json, field);
    if (!numbers.ok()) return named(field, numbers.status());
    *to = *std::move(numbers);
  }
  return statistics;
}

}  // namespace

Result<NormStats> ParseNormStats(std::string_view text) {
  const Json json = formats::ParseJson(WithWordsQuoted(text));
  if (json.is_discarded()) return DataLoss("is malformed JSON");
  const auto root = json.is_object() ? json.find("norm_stats") : json.end();
  if (!json.is_object() || root == json.end() || !root->is_object()) {
    return DataLoss("has no object 'norm_stats'");
  }
  NormStats stats;
  for (const auto& [key, entry] : root->items()) {
    MS_ASSIGN_OR_RETURN(stats[key], ReadStatistics(key, entry));
  }
  return stats;
}

Result<NormStats> ReadNormStats(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const std::string json, ReadFile(path, kMostBytes));
  auto stats = ParseNormStats(json);
  if (stats.ok()) return stats;
  return Status(stats.status().code(), path + ": " + std::string(stats.status().message()));
}

}  // namespace midstream::openpi

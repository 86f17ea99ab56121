#include "core/policy/fast_tokenizer.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string_view>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/json.h"
#include "core/policy/text.h"

namespace midstream::policy {
namespace {

using formats::Quoted;
using Json = nlohmann::json;

constexpr uint64_t kMostBytes = uint64_t{1} << 20;
constexpr int64_t kLargest = 65'536;
// PaliGemma's last tokens, which openpi leaves alone.
constexpr int64_t kSkipped = 128;

// A whole number from `low` to `high`; `otherwise` where it is missing or null.
Result<int64_t> ReadInteger(const Json& json, const char* key, int64_t low, int64_t high,
                            int64_t otherwise) {
  const auto at = json.find(key);
  if (at == json.end() || at->is_null()) return otherwise;
  const bool fits = at->is_number_integer() && at->get<int64_t>() >= low &&
                    at->get<int64_t>() <= high &&
                    (!at->is_number_unsigned() || at->get<uint64_t>() <= INT64_MAX);
  if (fits) return at->get<int64_t>();
  return DataLoss(fmt::format("{}: expected a whole number from {} to {}", Quoted(key), low, high));
}

// The text of an answer that stands for actions. openpi's split leaves out a second "Action: ".
Result<std::string_view> ActionText(std::string_view answer) {
  constexpr std::string_view kBegin = "Action: ";
  const size_t begin = answer.find(kBegin);
  if (begin == answer.npos) {
    return OutOfRange("the model's answer " + Quoted(std::string(answer.substr(0, 100))) +
                      " holds no actions: expected \"Action: \" in it");
  }
  answer.remove_prefix(begin + kBegin.size());
  answer = answer.substr(0, answer.find(kBegin));
  return Strip(answer.substr(0, answer.find('|')));
}

// The inverse of the orthonormal cosine transform of type II along the rows.
void InverseCosine(std::span<const double> coefficients, size_t rows, size_t columns,
                   std::span<double> to) {
  const auto n = static_cast<double>(rows);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      double sum = coefficients[column] * std::sqrt(1 / n);
      for (size_t k = 1; k < rows; ++k) {
        const double angle = std::numbers::pi * static_cast<double>((2 * row + 1) * k) / (2 * n);
        sum += coefficients[k * columns + column] * std::sqrt(2 / n) * std::cos(angle);
      }
      to[row * columns + column] = sum;
    }
  }
}

}  // namespace

Result<FastTokenizer> FastTokenizer::Open(const std::string& folder) {
  MS_ASSIGN_OR_RETURN(ByteLevelBpe bpe, ByteLevelBpe::Open(folder + "/tokenizer.json"));
  FastTokenizer tokenizer(std::move(bpe));
  const std::string config = folder + "/processor_config.json";
  const Status read = tokenizer.ReadConfig(config);
  if (!read.ok()) return read.code() == Code::kDataLoss ? read.WithContext(config) : read;
  return tokenizer;
}

Status FastTokenizer::ReadConfig(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  const Json json = formats::ParseJson(text);
  if (json.is_discarded() || !json.is_object()) return DataLoss("is no JSON object");
  for (const char* key : {"scale", "min_token"}) {
    if (!json.contains(key)) return DataLoss(Quoted(key) + " is missing");
  }
  const Json& scale = json["scale"];
  scale_ = scale.is_number() ? scale.get<double>() : 0;
  if (!std::isfinite(scale_) || scale_ <= 0) {
    return DataLoss("'scale': expected a number above 0");
  }
  MS_ASSIGN_OR_RETURN(min_token_, ReadInteger(json, "min_token", -1'114'111, 1'114'111, 0));
  MS_ASSIGN_OR_RETURN(time_horizon_, ReadInteger(json, "time_horizon", 1, kLargest, 0));
  MS_ASSIGN_OR_RETURN(action_dim_, ReadInteger(json, "action_dim", 1, kLargest, 0));
  const auto tokens = static_cast<int64_t>(bpe_.size());
  MS_ASSIGN_OR_RETURN(const int64_t vocabulary,
                      ReadInteger(json, "vocab_size", 1, INT32_MAX, tokens));
  if (tokens <= vocabulary) return OkStatus();
  return DataLoss(
      fmt::format("'vocab_size' is {}, and tokenizer.json has {} tokens", vocabulary, tokens));
}

Result<Tensor> FastTokenizer::Actions(const Tokenizer& prompts, std::span<const int32_t> tokens,
                                      int64_t horizon, int64_t action_dim) const {
  MS_ASSIGN_OR_RETURN(const std::string answer, prompts.Decode(tokens));
  MS_ASSIGN_OR_RETURN(const std::string_view text, ActionText(answer));
  MS_ASSIGN_OR_RETURN(const std::vector<int32_t> written, prompts.Encode(text));
  std::vector<int64_t> ids;
  for (const int32_t token : written) ids.push_back(prompts.vocabulary() - 1 - kSkipped - token);
  return Decode(ids, horizon, action_dim);
}

Result<Tensor> FastTokenizer::Decode(std::span<const int64_t> ids, int64_t horizon,
                                     int64_t action_dim) const {
  for (const int64_t id : ids) {
    if (id < 0) return OutOfRange("the model's answer has a token that stands for no action");
  }
  const auto text = bpe_.Decode(ids);
  if (!text.ok()) return OutOfRange("the model's actions: " + std::string(text.status().message()));
  const Shape shape = {horizon, action_dim};
  if (static_cast<int64_t>(text->size()) != horizon * action_dim) {
    return OutOfRange(fmt::format("the model's answer has {} coefficients, expected {} for {}",
                                  text->size(), horizon * action_dim, shape.ToString()));
  }
  std::vector<double> coefficients;
  for (const char32_t character : *text) {
    coefficients.push_back(static_cast<double>(static_cast<int64_t>(character) + min_token_) /
                           scale_);
  }
  MS_ASSIGN_OR_RETURN(Tensor actions, Tensor::Allocate(DType::kF64, shape));
  InverseCosine(coefficients, static_cast<size_t>(horizon), static_cast<size_t>(action_dim),
                actions.mutable_as<double>());
  return actions;
}

}  // namespace midstream::policy

#include "core/policy/prompt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/policy/text.h"

namespace midstream::policy {
namespace {

constexpr int kBins = 256;

void Append(const std::vector<int32_t>& more, std::vector<int32_t>* to) {
  to->insert(to->end(), more.begin(), more.end());
}

std::string StateText(std::span<const double> state) {
  return fmt::format("{}", fmt::join(Discretise(state), " "));
}

// The sentences of the formats. openpi encodes the line feed of kInstruction by itself.
Result<std::vector<std::string>> Sentences(PromptFormat format, std::string_view text,
                                           std::span<const double> state) {
  if (format == PromptFormat::kFast) {
    MS_ASSIGN_OR_RETURN(const std::string lower, Lower(text));
    return std::vector<std::string>{
        fmt::format("Task: {}, State: {};\n", Replaced(Strip(lower), '_', ' '), StateText(state))};
  }
  const std::string clean = Replaced(Replaced(Strip(text), '_', ' '), '\n', ' ');
  if (format == PromptFormat::kInstruction) return std::vector<std::string>{clean, "\n"};
  return std::vector<std::string>{
      fmt::format("Task: {}, State: {};\nAction: ", clean, StateText(state))};
}

}  // namespace

// numpy's digitize(value, linspace(-1, 1, 257)[:-1]) - 1. The edges are exact in binary.
std::vector<int> Discretise(std::span<const double> state) {
  std::array<double, kBins> edges;
  for (int i = 0; i < kBins; ++i) edges[static_cast<size_t>(i)] = -1 + i / (kBins / 2.0);
  std::vector<int> bins;
  for (const double value : state) {
    // numpy sorts NaN behind all numbers.
    const auto* above =
        std::isnan(value) ? edges.end() : std::upper_bound(edges.begin(), edges.end(), value);
    bins.push_back(static_cast<int>(above - edges.begin()) - 1);
  }
  return bins;
}

Result<Prompt> TokenisePrompt(const Tokenizer& tokenizer, PromptFormat format,
                              std::string_view text, std::span<const double> state,
                              int64_t length) {
  if (!IsUtf8(text)) return InvalidArgument("a prompt that is not UTF-8");
  MS_ASSIGN_OR_RETURN(const std::vector<std::string> sentences, Sentences(format, text, state));
  std::vector<int32_t> tokens = {tokenizer.begin()};
  for (const std::string& sentence : sentences) {
    MS_ASSIGN_OR_RETURN(const std::vector<int32_t> more, tokenizer.Encode(sentence));
    Append(more, &tokens);
  }
  Prompt prompt;
  const auto size = static_cast<size_t>(length);
  prompt.cut = std::max<int64_t>(0, static_cast<int64_t>(tokens.size()) - length);
  prompt.mask.assign(std::min(tokens.size(), size), true);
  prompt.mask.resize(size, false);
  prompt.tokens = std::move(tokens);
  prompt.tokens.resize(size, 0);
  return prompt;
}

}  // namespace midstream::policy

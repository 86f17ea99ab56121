// The loop of pi0-FAST: the most likely token, one after the other.
//
// Keys and values of the prefix and of the tokens so far lie in a cache of fixed size, so one plan
// serves every step; a mask tells which of its rows are there.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/policy/runner_call.h"

namespace midstream::policy {
namespace {

constexpr int32_t kEndOfSequence = 1;

int32_t MostLikely(const Tensor& logits) {
  const auto values = logits.as<float>();
  return static_cast<int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace

// The cache as inputs of the decoder, the prefix's valid rows first.
Status RunnerCall::GrowCache(std::vector<NamedTensor>* cache) const {
  const std::vector<std::string> names = CacheValues(impl_.sizes, "decode", "_cache");
  const std::vector<std::string> sources = CacheValues(impl_.sizes, "prefix");
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor& from = prefix_.find(sources[i])->second;
    const Shape shape = {1, layout_.rows() + options_.max_new_tokens, from.shape()[2]};
    MS_ASSIGN_OR_RETURN(Tensor rows, Tensor::Allocate(DType::kF32, shape));
    std::memset(rows.mutable_data(), 0, rows.byte_size());
    std::memcpy(rows.mutable_data(), from.data(), from.byte_size());
    cache->push_back({names[i], std::move(rows)});
  }
  return OkStatus();
}

Status RunnerCall::Decode() {
  std::vector<NamedTensor> cache;
  MS_RETURN_IF_ERROR(GrowCache(&cache));
  const std::vector<std::string> added = CacheValues(impl_.sizes, "decode");
  const auto valid = static_cast<int64_t>(layout_.valid().size());
  const int64_t rows = cache.front().value.shape()[1];
  MS_ASSIGN_OR_RETURN(Tensor mask, Tensor::Allocate(DType::kBool, {1, 1, 1, rows + 1}));
  std::memset(mask.mutable_data(), 0, mask.byte_size());
  std::fill_n(mask.mutable_as<bool>().begin(), valid, true);
  mask.mutable_as<bool>().back() = true;  // the token sees itself

  std::vector<float> all_logits;
  const Tensor& prefill = prefix_.find("prefill.logits")->second;
  if (!IsFinite(prefill)) return NotFinite("stage 'prefix'");
  int32_t token = MostLikely(prefill);
  for (int64_t i = 0;; ++i) {
    result_.tokens.push_back(token);
    const bool last = token == kEndOfSequence || i + 1 == options_.max_new_tokens;
    const bool tapped = !ValuesOf(taps_, TapStage::kDecode).empty();
    if (last && !tapped) break;
    // openpi leaves one position out between the prefix and the first token.
    const Tensor position = Tensor::Scalar(DType::kI64, valid + i + 1);
    MS_ASSIGN_OR_RETURN(Tensor at, position.Reshaped({1, 1}));
    MS_ASSIGN_OR_RETURN(Tensor id, Tensor::Scalar(DType::kI32, token).Reshaped({1, 1}));
    std::vector<NamedTensor> inputs = cache;
    inputs.push_back({"decode.token", std::move(id)});
    inputs.push_back({"decode.position", std::move(at)});
    inputs.push_back({"decode.mask", mask});
    MS_ASSIGN_OR_RETURN(const Tensors values, Call(impl_.decode, inputs));
    const Tensor& logits = values.find("decode.logits")->second;
    if (!IsFinite(logits)) {
      return NotFinite("token " + std::to_string(i + 2) + " of stage 'decode'");
    }
    all_logits.insert(all_logits.end(), logits.as<float>().begin(), logits.as<float>().end());
    if (last) break;
    const int64_t row = valid + i;
    for (size_t c = 0; c < cache.size(); ++c) {
      const Tensor& own = values.find(added[c])->second;
      std::memcpy(static_cast<std::byte*>(cache[c].value.mutable_data()) +
                      static_cast<size_t>(row) * own.byte_size(),
                  own.data(), own.byte_size());
    }
    mask.mutable_as<bool>()[static_cast<size_t>(row)] = true;
    token = MostLikely(logits);
  }
  const auto count = static_cast<int64_t>(result_.tokens.size());
  for (const Tap& tap : taps_) {
    if (tap.stage != TapStage::kDecode) continue;
    const bool tokens = tap.value == "decode.tokens";
    const Shape shape = tokens ? Shape{1, count} : Shape{1, count, impl_.sizes.vocabulary};
    auto value = tokens ? Tensor::Copy(DType::kI32, shape, std::as_bytes(std::span(result_.tokens)))
                        : Tensor::Copy(DType::kF32, shape, std::as_bytes(std::span(all_logits)));
    if (!value.ok()) return value.status();
    Keep(tap.name, *std::move(value));
  }
  return OkStatus();
}

}  // namespace midstream::policy

// FastTokenizer: the tokens that a pi0-FAST gives become actions.
//
// A chunk of actions was written as the coefficients of its discrete cosine transform along time, each
// a character, and these as tokens of BPE; PaliGemma's tokens stand for them, from the last one that
// openpi uses downwards. Its files are no part of a checkpoint: openpi loads them from Hugging Face
// (physical-intelligence/fast), here the user names the folder.
// Threads: immutable after construction.
#ifndef MIDSTREAM_CORE_POLICY_FAST_TOKENIZER_H_
#define MIDSTREAM_CORE_POLICY_FAST_TOKENIZER_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"
#include "core/policy/byte_level_bpe.h"
#include "core/policy/tokenizer.h"

namespace midstream::policy {

class FastTokenizer {
 public:
  // folder: with tokenizer.json and processor_config.json. Errors: as ReadFile; DATA_LOSS naming the
  // file, the key and what was expected.
  static Result<FastTokenizer> Open(const std::string& folder);

  // What its files say of a chunk; 0: nothing.
  int64_t time_horizon() const { return time_horizon_; }
  int64_t action_dim() const { return action_dim_; }

  // The actions, normalised, [horizon, action_dim] float64, of what a model answered: tokens of
  // `prompts`, PaliGemma's tokenizer. Errors: OUT_OF_RANGE when the answer is no such chunk.
  Result<Tensor> Actions(const Tokenizer& prompts, std::span<const int32_t> tokens, int64_t horizon,
                         int64_t action_dim) const;
  // The same, of its own tokens.
  Result<Tensor> Decode(std::span<const int64_t> ids, int64_t horizon, int64_t action_dim) const;

 private:
  explicit FastTokenizer(ByteLevelBpe bpe) : bpe_(std::move(bpe)) {}
  Status ReadConfig(const std::string& path);

  ByteLevelBpe bpe_;
  double scale_ = 1;       // of coefficients
  int64_t min_token_ = 0;  // the coefficient of the character 0
  int64_t time_horizon_ = 0;
  int64_t action_dim_ = 0;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_FAST_TOKENIZER_H_

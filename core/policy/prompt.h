// Prompts: what an OpenPI model reads as its instruction, as tokens.
//
// pi0 reads the instruction; pi0.5 and pi0-FAST read a sentence that holds the state too, each of its
// numbers as one of 256 bins.
// Threads: any.
#ifndef MIDSTREAM_CORE_POLICY_PROMPT_H_
#define MIDSTREAM_CORE_POLICY_PROMPT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/policy/tokenizer.h"

namespace midstream::policy {

enum class PromptFormat {
  kInstruction,  // pi0, and pi0.5 models that were trained without the state in the text
  kWithState,    // pi0.5
  kFast,         // pi0-FAST
};

struct Prompt {
  std::vector<int32_t> tokens;  // padded with 0, or cut off, to the length asked for
  std::vector<bool> mask;       // of the same length: false where tokens pads
  int64_t cut = 0;              // tokens that did not fit
};

// 0 to 255 for numbers from -1 to 1, in bins of equal width: -1 for a number below, 255 for one above
// and for NaN.
std::vector<int> Discretise(std::span<const double> state);

// state: normalised and not padded; kInstruction has none of it. Errors: INVALID_ARGUMENT when the
// text is not UTF-8.
Result<Prompt> TokenisePrompt(const Tokenizer& tokenizer, PromptFormat format,
                              std::string_view text, std::span<const double> state, int64_t length);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_PROMPT_H_

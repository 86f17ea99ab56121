// ByteLevelBpe: the tokens of a Hugging Face tokenizer.json with byte-level BPE, back to text.
//
// Decoding needs neither merges nor the pre-tokenizer: each token stands for bytes, spelled as the
// printable characters that GPT-2 has for them.
// Threads: immutable after construction.
#ifndef MIDSTREAM_CORE_POLICY_BYTE_LEVEL_BPE_H_
#define MIDSTREAM_CORE_POLICY_BYTE_LEVEL_BPE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "core/base/status.h"

namespace midstream::policy {

class ByteLevelBpe {
 public:
  // Errors: as ReadFile; DATA_LOSS naming the file and what was expected of it.
  static Result<ByteLevelBpe> Open(const std::string& path);

  size_t size() const { return bytes_.size(); }  // tokens that it has
  // Ids without a token are left out, as Hugging Face does. Errors: INVALID_ARGUMENT when the bytes
  // are no UTF-8.
  Result<std::u32string> Decode(std::span<const int64_t> ids) const;

 private:
  std::map<int64_t, std::string> bytes_;  // of each token, by its id
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_BYTE_LEVEL_BPE_H_

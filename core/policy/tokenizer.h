// Tokenizer: text to the token ids of a SentencePiece model and back, as PaliGemma's tokenizer does.
//
// The model is not part of a checkpoint; openpi downloads it (paligemma_tokenizer.model), here the
// user names the file. Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_POLICY_TOKENIZER_H_
#define MIDSTREAM_CORE_POLICY_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::policy {

class Tokenizer {
 public:
  // Errors: as ReadFile; DATA_LOSS when the file is no SentencePiece model.
  static Result<Tokenizer> Open(const std::string& path);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Neither the begin nor the end of a text is marked. Errors: INVALID_ARGUMENT when it is not UTF-8.
  Result<std::vector<int32_t>> Encode(std::string_view text) const;
  // Errors: INVALID_ARGUMENT for an id that the model does not have.
  Result<std::string> Decode(std::span<const int32_t> ids) const;

  int32_t vocabulary() const;
  int32_t begin() const;  // the id that marks the beginning of a text

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_TOKENIZER_H_

#include "core/policy/tokenizer.h"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include <utility>

#include "core/base/file.h"
#include "core/policy/text.h"

namespace midstream::policy {
namespace {

// PaliGemma's has 4.2 MB.
constexpr uint64_t kLargestModel = uint64_t{256} << 20;

Status FromLibrary(const sentencepiece::util::Status& status) {
  return status.ok() ? OkStatus() : InvalidArgument(status.error_message());
}

}  // namespace

struct Tokenizer::Impl {
  sentencepiece::SentencePieceProcessor processor;
};

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::Open(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kLargestModel));
  auto impl = std::make_unique<Impl>();
  const auto loaded = impl->processor.LoadFromSerializedProto(bytes);
  if (!loaded.ok() || impl->processor.GetPieceSize() == 0) {
    return DataLoss(path + ": not a SentencePiece model");
  }
  if (impl->processor.bos_id() < 0) {
    return DataLoss(path + ": the SentencePiece model has no token that begins a text (bos)");
  }
  return Tokenizer(std::move(impl));
}

Result<std::vector<int32_t>> Tokenizer::Encode(std::string_view text) const {
  // The library would encode the replacement character instead.
  if (!IsUtf8(text)) return InvalidArgument("a text to tokenise is not UTF-8");
  std::vector<int> ids;
  MS_RETURN_IF_ERROR(FromLibrary(impl_->processor.Encode(text, &ids)));
  return std::vector<int32_t>(ids.begin(), ids.end());
}

Result<std::string> Tokenizer::Decode(std::span<const int32_t> ids) const {
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocabulary()) {
      return InvalidArgument(
          fmt::format("token {} is outside the {} of the tokenizer", id, vocabulary()));
    }
  }
  std::string text;
  MS_RETURN_IF_ERROR(
      FromLibrary(impl_->processor.Decode(std::vector<int>(ids.begin(), ids.end()), &text)));
  return text;
}

int32_t Tokenizer::vocabulary() const { return impl_->processor.GetPieceSize(); }
int32_t Tokenizer::begin() const { return impl_->processor.bos_id(); }

}  // namespace midstream::policy

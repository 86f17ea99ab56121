#include "core/policy/byte_level_bpe.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/json.h"
#include "core/policy/text.h"

namespace midstream::policy {
namespace {

using formats::Quoted;
using Json = nlohmann::json;

constexpr uint64_t kMostBytes = uint64_t{64} << 20;
constexpr size_t kMostTokens = size_t{1} << 20;
constexpr int kFirstStandIn = 256;

// Printable in Latin-1, and no space.
bool StandsForItself(int byte) {
  return (byte > ' ' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
}

// The byte that a character spells; all others than those are spelled by 256 and what follows, in
// their order.
std::optional<char> ByteOf(char32_t character) {
  static const auto kStandIns = [] {
    std::array<char, 256> bytes{};
    size_t count = 0;
    for (int byte = 0; byte < 256; ++byte) {
      if (!StandsForItself(byte)) bytes[count++] = static_cast<char>(byte);
    }
    return std::pair(bytes, count);
  }();
  if (character < kFirstStandIn) {
    const int byte = static_cast<int>(character);
    return StandsForItself(byte) ? std::optional(static_cast<char>(byte)) : std::nullopt;
  }
  const size_t index = character - kFirstStandIn;
  return index < kStandIns.second ? std::optional(kStandIns.first[index]) : std::nullopt;
}

// A token with a character that spells no byte is its own text.
std::string BytesOf(const std::string& token) {
  std::string bytes;
  for (const char32_t character : CodePoints(token)) {
    const std::optional<char> byte = ByteOf(character);
    if (!byte) return token;
    bytes += *byte;
  }
  return bytes;
}

const Json* Member(const Json* json, const char* key) {
  if (json == nullptr || !json->is_object()) return nullptr;
  const auto at = json->find(key);
  return at == json->end() ? nullptr : &*at;
}

bool IsText(const Json* json, std::string_view text) {
  return json != nullptr && json->is_string() && json->get_ref<const std::string&>() == text;
}

bool IsId(const Json& json) {
  return json.is_number_integer() && json.get<int64_t>() >= 0 && json.get<int64_t>() <= INT32_MAX;
}

}  // namespace

Result<ByteLevelBpe> ByteLevelBpe::Open(const std::string& path) {
  MS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  const Json json = formats::ParseJson(text);
  const auto unfit = [&](const std::string& what) { return DataLoss(path + ": " + what); };
  if (json.is_discarded()) return unfit("is malformed JSON");
  const Json* model = Member(&json, "model");
  const Json* vocab = Member(model, "vocab");
  if (!IsText(Member(model, "type"), "BPE") || vocab == nullptr || !vocab->is_object() ||
      vocab->empty()) {
    return unfit("expected a tokenizer whose 'model' is BPE with a 'vocab'");
  }
  if (!IsText(Member(Member(&json, "decoder"), "type"), "ByteLevel")) {
    return unfit("expected a 'decoder' of the type ByteLevel, which alone is known here");
  }
  if (vocab->size() > kMostTokens) return unfit("has more than a million tokens");
  ByteLevelBpe bpe;
  for (const auto& [token, id] : vocab->items()) {
    if (!IsId(id)) return unfit("the id of token " + Quoted(token) + " is no whole number from 0");
    if (!bpe.bytes_.emplace(id.get<int64_t>(), BytesOf(token)).second) {
      return unfit(fmt::format("two tokens have the id {}", id.get<int64_t>()));
    }
  }
  return bpe;
}

Result<std::u32string> ByteLevelBpe::Decode(std::span<const int64_t> ids) const {
  std::string bytes;
  for (const int64_t id : ids) {
    const auto at = bytes_.find(id);
    if (at != bytes_.end()) bytes += at->second;
  }
  if (!IsUtf8(bytes)) return InvalidArgument("the tokens spell no UTF-8");
  return CodePoints(bytes);
}

}  // namespace midstream::policy

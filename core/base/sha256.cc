#include "core/base/sha256.h"

#include <openssl/evp.h>

namespace midstream {
namespace {

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

void Sha256::Free::operator()(void* context) const { EVP_MD_CTX_free(Context(context)); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ != nullptr &&
      EVP_DigestInit_ex(Context(context_.get()), EVP_sha256(), nullptr) != 1) {
    context_.reset();
  }
}

void Sha256::Add(const void* data, size_t size) {
  if (context_ != nullptr && EVP_DigestUpdate(Context(context_.get()), data, size) != 1) {
    context_.reset();
  }
}

void Sha256::AddNumber(uint64_t number) {
  std::array<uint8_t, 8> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  Add(bytes.data(), bytes.size());
}

Result<Sha256Digest> Sha256::Finish() {
  Sha256Digest digest;
  if (context_ == nullptr ||
      EVP_DigestFinal_ex(Context(context_.get()), digest.data(), nullptr) != 1) {
    return Internal("libcrypto cannot compute SHA-256");
  }
  return digest;
}

Result<Sha256Digest> Sha256Of(const void* data, size_t size) {
  Sha256 hash;
  hash.Add(data, size);
  return hash.Finish();
}

std::string Hex(const Sha256Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : digest) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

}  // namespace midstream

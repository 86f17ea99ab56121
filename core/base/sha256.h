// SHA-256, by OpenSSL's libcrypto, which uses the processor's instructions for it.
//
// Threads: one at a time for each object.
#ifndef MIDSTREAM_CORE_BASE_SHA256_H_
#define MIDSTREAM_CORE_BASE_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/status.h"

namespace midstream {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();

  void Add(const void* data, size_t size);
  // Eight bytes, the least significant first.
  void AddNumber(uint64_t number);
  // Of all that was added. Nothing may be added afterwards. Errors: INTERNAL when libcrypto
  // refused, as one that is configured without SHA-256 does.
  Result<Sha256Digest> Finish();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;  // null: libcrypto refused
};

Result<Sha256Digest> Sha256Of(const void* data, size_t size);

// 64 lower-case digits.
std::string Hex(const Sha256Digest& digest);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_SHA256_H_

#include "core/weights/finite.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/backend/host.h"

namespace midstream::weights {
namespace {

constexpr int64_t kPiece = 1 << 18;  // elements
constexpr int64_t kBlock = 1 << 10;  // elements looked at together

// NaN and infinity are the values whose exponent is all ones. `data` may have any alignment.
template <typename Bits>
int64_t FirstIn(const std::byte* data, int64_t begin, int64_t end, Bits exponent) {
  for (int64_t block = begin; block < end; block += kBlock) {
    const int64_t stop = std::min(end, block + kBlock);
    Bits bad = 0;
    for (int64_t i = block; i < stop; ++i) {
      Bits bits;
      std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof(Bits)), sizeof(Bits));
      bad |= static_cast<Bits>((bits & exponent) == exponent);
    }
    if (bad == 0) continue;
    for (int64_t i = block;; ++i) {
      Bits bits;
      std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof(Bits)), sizeof(Bits));
      if ((bits & exponent) == exponent) return i;
    }
  }
  return end;
}

template <typename Bits>
std::optional<int64_t> Search(const Tensor& tensor, Bits exponent) {
  const auto* data = static_cast<const std::byte*>(tensor.data());
  const int64_t count = tensor.count();
  std::atomic<int64_t> first{count};
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  backend::ParallelFor(static_cast<uint32_t>(pieces), [&](uint32_t i) {
    const int64_t begin = i * kPiece;
    if (begin >= first.load(std::memory_order_relaxed)) return;
    const int64_t end = std::min(count, begin + kPiece);
    const int64_t found = FirstIn(data, begin, end, exponent);
    if (found == end) return;
    int64_t seen = first.load(std::memory_order_relaxed);
    while (found < seen && !first.compare_exchange_weak(seen, found, std::memory_order_relaxed)) {
    }
  });
  return first == count ? std::nullopt : std::optional(first.load());
}

}  // namespace

std::optional<int64_t> FirstNotFinite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kF64:
      return Search<uint64_t>(tensor, 0x7ff0'0000'0000'0000);
    case DType::kF32:
      return Search<uint32_t>(tensor, 0x7f80'0000);
    case DType::kF16:
      return Search<uint16_t>(tensor, 0x7c00);
    case DType::kBF16:
      return Search<uint16_t>(tensor, 0x7f80);
    default:
      return std::nullopt;
  }
}

}  // namespace midstream::weights

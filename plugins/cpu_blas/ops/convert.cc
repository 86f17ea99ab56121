// Conversions between dtypes, and Cast.
#include <bit>
#include <cmath>
#include <cstring>

#include "ops/elements.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr int64_t kBlock = 1024;  // 16-bit floats pass through so many float32

struct Bool {  // a byte whose conversions are those of a truth value
  uint8_t value;
};

template <typename To, typename From>
To ConvertElement(From x) {
  constexpr bool kFromReal = std::is_floating_point_v<From>;
  if constexpr (std::is_same_v<To, Bool>) {
    if constexpr (std::is_same_v<From, Bool>)
      return x;
    else
      return Bool{static_cast<uint8_t>(x != From{0})};
  } else if constexpr (std::is_same_v<From, Bool>) {
    return static_cast<To>(x.value != 0);
  } else if constexpr (kFromReal && std::is_same_v<To, uint64_t>) {
    const bool upper = x >= From(0x1p63) && x < From(0x1p64);
    const bool lower = x > From(-0x1p63) && x < From(0x1p63);
    const auto rest = static_cast<int64_t>(upper ? x - From(0x1p63) : lower ? x : From(0));
    return static_cast<uint64_t>(rest) + (upper ? uint64_t{1} << 63 : 0);
  } else if constexpr (kFromReal && std::is_integral_v<To>) {
    // By way of a wider integer that holds every value with an answer; others give the least one.
    using Wide =
        std::conditional_t<(sizeof(To) < 4 || std::is_same_v<To, int32_t>), int32_t, int64_t>;
    constexpr From kEnd = sizeof(Wide) == 4 ? From(0x1p31) : From(0x1p63);
    const bool fits = x > (sizeof(Wide) < sizeof(From) ? -kEnd - 1 : -kEnd) && x < kEnd;
    return static_cast<To>(fits ? static_cast<Wide>(x) : std::numeric_limits<Wide>::min());
  } else {
    return static_cast<To>(x);
  }
}

template <typename Body>
void WithType(ms_dtype dtype, Body&& body) {
  if (IsBool(dtype)) return body(Bool{});
  WithElement(*ElementTypeOf(dtype), body);
}

// The float32 next to x that is odd unless the conversion is exact: rounding it once more, to fewer
// bits, gives what rounding x at once would give.
float RoundToOdd(double x) {
  const auto nearest = static_cast<float>(x);
  const auto bits = std::bit_cast<uint32_t>(nearest);
  const bool keep = static_cast<double>(nearest) == x || x != x || (bits & 1u) != 0 ||
                    (bits & 0x7fffffffu) == 0x7f800000u;
  const bool beyond = std::fabs(static_cast<double>(nearest)) > std::fabs(x);
  return std::bit_cast<float>(keep ? bits : beyond ? bits - 1u : bits + 1u);
}

// Neither side is a 16-bit float.
void ConvertWide(ms_dtype from, const void* x, ms_dtype to, void* out, int64_t n) {
  WithType(from, [&](auto from_type) {
    WithType(to, [&](auto to_type) {
      using From = decltype(from_type);
      using To = decltype(to_type);
      const auto* a = static_cast<const From*>(x);
      auto* b = static_cast<To*>(out);
      for (int64_t i = 0; i < n; ++i) b[i] = ConvertElement<To>(a[i]);
    });
  });
}

bool IsHalf(ms_dtype dtype) { return IsFloatStorage(dtype) && dtype.bits == 16; }

// To a 16-bit float; at most kBlock elements.
void ConvertToHalf(const KernelTable& isa, ms_dtype from, const void* x, ms_dtype to, void* out,
                   int64_t n) {
  const Storage storage = StorageOf(to);
  if (sdk::Same(from, sdk::kF32)) {
    return isa.narrow(storage, static_cast<const float*>(x), out, n);
  }
  double wide[kBlock];
  float odd[kBlock];
  ConvertWide(from, x, sdk::kF64, wide, n);
  for (int64_t i = 0; i < n; ++i) odd[i] = RoundToOdd(wide[i]);
  isa.narrow(storage, odd, out, n);
}

class CastKernel final : public sdk::Kernel {
 public:
  explicit CastKernel(const KernelTable& isa) : isa_(isa) {}

  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    const int64_t n = x.count();
    ForRange(*args.host, static_cast<double>(n) / 2e3, n, kBlock, [&](int64_t begin, int64_t end) {
      ConvertElements(isa_, x.dtype, Address(x, begin), out.dtype, Address(out, begin),
                      end - begin);
    });
  }

 private:
  const KernelTable& isa_;
};

Claim ClaimCast(const NodeView& node) {
  const ms_dtype from = node.input(0).dtype(), to = node.output(0).dtype();
  if (!ElementTypeOf(from) || !ElementTypeOf(to)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(to, to);
}

}  // namespace

void ConvertElements(const KernelTable& isa, ms_dtype from, const void* x, ms_dtype to, void* out,
                     int64_t n) {
  const auto from_width = static_cast<int64_t>(sdk::ByteWidth(from));
  const auto to_width = static_cast<int64_t>(sdk::ByteWidth(to));
  if (n == 0) return;
  if (sdk::Same(from, to)) {
    std::memcpy(out, x, static_cast<size_t>(n * to_width));
    return;
  }
  if (!IsHalf(from) && !IsHalf(to)) return ConvertWide(from, x, to, out, n);
  if (IsHalf(from) && sdk::Same(to, sdk::kF32)) {
    return isa.widen(StorageOf(from), x, static_cast<float*>(out), n);
  }
  for (int64_t at = 0; at < n; at += kBlock) {
    const int64_t count = std::min(kBlock, n - at);
    const void* source = static_cast<const std::byte*>(x) + at * from_width;
    void* target = static_cast<std::byte*>(out) + at * to_width;
    float wide[kBlock];
    if (!IsHalf(from)) {
      ConvertToHalf(isa, from, source, to, target, count);
      continue;
    }
    isa.widen(StorageOf(from), source, wide, count);
    if (IsHalf(to)) {
      ConvertToHalf(isa, sdk::kF32, wide, to, target, count);
    } else {
      ConvertWide(sdk::kF32, wide, to, target, count);
    }
  }
}

void AddCastOps(OpList* list) {
  list->push_back({kOnnx, "Cast", ClaimCast, [](const NodeView&, const Setup& setup) {
                     return std::unique_ptr<sdk::Kernel>(std::make_unique<CastKernel>(setup.isa));
                   }});
}

}  // namespace midstream::cpu_blas

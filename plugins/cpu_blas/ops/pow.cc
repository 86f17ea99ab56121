// Pow. The exponent may have a dtype of its own.
//
// Two tensors of one 16 or 32 bit float dtype are computed in float32, integers to integer powers
// exactly (they wrap), everything else in float64; a block at a time.
#include <cmath>

#include "ops/broadcast.h"
#include "ops/elements.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr int64_t kBlock = 256;

// By squaring, modulo 2^64. A negative exponent gives the quotient, cut off.
int64_t IntegerPower(int64_t base, int64_t exponent, bool is_signed) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1 && is_signed) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (auto left = static_cast<uint64_t>(exponent); left != 0; left >>= 1) {
    if ((left & 1) != 0) result *= factor;
    factor *= factor;
  }
  return static_cast<int64_t>(result);
}

class PowKernel final : public sdk::Kernel {
 public:
  explicit PowKernel(const KernelTable& isa) : isa_(isa) {}

  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    Broadcast broadcast(out, args.inputs, 2);
    const int64_t n = broadcast.row_length(), rows = broadcast.row_count();
    const bool steps[2] = {broadcast.advances(0), broadcast.advances(1)};
    const double microseconds = static_cast<double>(n * rows) / 100;
    if (rows == 1) {
      return ForRange(*args.host, microseconds, n, kBlock, [&](int64_t begin, int64_t end) {
        RunRow(args, steps, {steps[0] ? begin : 0, steps[1] ? begin : 0, begin}, end - begin);
      });
    }
    ForRange(*args.host, microseconds, rows, 1, [&](int64_t begin, int64_t end) {
      broadcast.ForRows(begin, end, [&](int64_t at, const auto& offsets) {
        RunRow(args, steps, {offsets[0], offsets[1], at}, n);
      });
    });
  }

 private:
  struct Offsets {
    int64_t base, exponent, out;
  };

  void RunRow(const KernelArgs& args, const bool* steps, Offsets at, int64_t n) const {
    const ms_dtype base = args.inputs[0].dtype, exponent = args.inputs[1].dtype;
    if (sdk::Same(base, exponent) && IsFloatStorage(base)) {
      RunIn<float>(args, steps, at, n, sdk::kF32, [&](const BinaryRow& row) {
        isa_.binary[static_cast<uint32_t>(ElementType::kF32)][static_cast<uint32_t>(Binary::kPow)](
            row);
      });
    } else if (IsInteger(base) && IsInteger(exponent)) {
      const bool is_signed = base.code == MS_DTYPE_INT;
      RunIn<int64_t>(args, steps, at, n, sdk::kI64, [&](const BinaryRow& row) {
        const auto* a = static_cast<const int64_t*>(row.a);
        const auto* b = static_cast<const int64_t*>(row.b);
        for (int64_t i = 0; i < row.n; ++i) {
          static_cast<int64_t*>(row.out)[i] =
              IntegerPower(a[row.a_step ? i : 0], b[row.b_step ? i : 0], is_signed);
        }
      });
    } else {
      RunIn<double>(args, steps, at, n, sdk::kF64, [&](const BinaryRow& row) {
        isa_.binary[static_cast<uint32_t>(ElementType::kF64)][static_cast<uint32_t>(Binary::kPow)](
            row);
      });
    }
  }

  template <typename T, typename Body>
  void RunIn(const KernelArgs& args, const bool* steps, Offsets at, int64_t n, ms_dtype dtype,
             Body&& body) const {
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t count = std::min(kBlock, n - begin);
      T sides[2][kBlock], result[kBlock];
      const int64_t from[2] = {at.base, at.exponent};
      for (uint32_t side = 0; side < 2; ++side) {
        const TensorView& x = args.inputs[side];
        const void* data = Address(x, from[side] + (steps[side] ? begin : 0));
        ConvertElements(isa_, x.dtype, data, dtype, sides[side], steps[side] ? count : 1);
      }
      body(BinaryRow{sides[0], sides[1], result, count, steps[0], steps[1]});
      const TensorView& out = args.outputs[0];
      ConvertElements(isa_, dtype, result, out.dtype, Address(out, at.out + begin), count);
    }
  }

  const KernelTable& isa_;
};

Claim ClaimPow(const NodeView& node) {
  for (size_t i = 0; i < 2; ++i) {
    const ms_dtype dtype = node.input(i).dtype();
    if (!IsReal(dtype) && !IsInteger(dtype)) return Claim::No(MS_REASON_DTYPE);
    if (node.input(i).info().rank > kMaxBroadcastRank) return Claim::No(MS_REASON_SHAPE);
  }
  const ms_dtype base = node.input(0).dtype(), exponent = node.input(1).dtype();
  const bool same = sdk::Same(base, exponent) || (IsInteger(base) && IsInteger(exponent));
  const ms_dtype compute = same ? ComputeDType(base) : sdk::kF64;
  return Claim::Yes(compute, compute);
}

}  // namespace

void AddPowOps(OpList* list) {
  list->push_back({kOnnx, "Pow", ClaimPow, [](const NodeView&, const Setup& setup) {
                     return std::unique_ptr<sdk::Kernel>(std::make_unique<PowKernel>(setup.isa));
                   }});
}

}  // namespace midstream::cpu_blas

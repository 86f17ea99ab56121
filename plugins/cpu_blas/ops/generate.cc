// Operators that make elements from a few parameters: Range, ConstantOfShape.
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

constexpr int64_t kBlock = 4096;

// start + i * delta: floats in float64, rounded once; integers wrap.
class RangeKernel final : public sdk::Kernel {
 public:
  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    const int64_t n = out.count();
    WithElement(*ElementTypeOf(out.dtype), [&](auto zero) {
      using T = decltype(zero);
      const T start = *args.inputs[0].as<T>(), delta = *args.inputs[2].as<T>();
      ForRange(*args.host, static_cast<double>(n) / 2e3, n, kBlock,
               [&](int64_t begin, int64_t end) {
                 for (int64_t at = begin; at < end; at += kBlock) {
                   Fill(start, delta, at, std::min(kBlock, end - at), out.as<T>() + at);
                 }
               });
    });
  }

 private:
  template <typename T>
  static void Fill(T start, T delta, int64_t first, int64_t n, T* out) {
    for (int32_t i = 0; i < static_cast<int32_t>(n); ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        const double place = static_cast<double>(first) + i;
        out[i] = static_cast<T>(static_cast<double>(start) + place * static_cast<double>(delta));
      } else {
        const uint64_t place = static_cast<uint64_t>(first) + static_cast<uint64_t>(i);
        out[i] =
            static_cast<T>(static_cast<uint64_t>(start) + place * static_cast<uint64_t>(delta));
      }
    }
  }
};

class ConstantKernel final : public sdk::Kernel {
 public:
  ConstantKernel(const KernelTable& isa, const NodeView& node) {
    const ms_dtype dtype = node.output(0).dtype();
    const int64_t integer = node.Int("value", 0);
    const double real = node.Float("value", static_cast<double>(integer));
    if (IsReal(dtype) || integer == 0) {
      ConvertElements(isa, sdk::kF64, &real, dtype, value_, 1);
    } else {
      ConvertElements(isa, sdk::kI64, &integer, dtype, value_, 1);
    }
  }

  void Run(const KernelArgs& args) const override {
    switch (sdk::ByteWidth(args.outputs[0].dtype)) {
      case 1:
        return Fill<uint8_t>(args.outputs[0]);
      case 2:
        return Fill<uint16_t>(args.outputs[0]);
      case 4:
        return Fill<uint32_t>(args.outputs[0]);
      default:
        return Fill<uint64_t>(args.outputs[0]);
    }
  }

 private:
  template <typename T>
  void Fill(const TensorView& out) const {
    T value;
    std::memcpy(&value, value_, sizeof value);
    std::fill_n(out.as<T>(), out.count(), value);
  }

  std::byte value_[8] = {};
};

Claim ClaimGenerated(const NodeView& node) {
  const ms_dtype dtype = node.output(0).dtype();
  if (!ElementTypeOf(dtype)) return Claim::No(MS_REASON_DTYPE);
  const bool real = node.op() == "Range" && IsReal(dtype);
  return Claim::Yes(real ? sdk::kF64 : dtype, real ? sdk::kF64 : dtype);
}

}  // namespace

void AddGenerateOps(OpList* list) {
  using Created = std::unique_ptr<sdk::Kernel>;
  list->push_back({kOnnx, "Range", ClaimGenerated, [](const NodeView&, const Setup&) {
                     return Created(std::make_unique<RangeKernel>());
                   }});
  list->push_back(
      {kOnnx, "ConstantOfShape", ClaimGenerated, [](const NodeView& node, const Setup& setup) {
         return Created(std::make_unique<ConstantKernel>(setup.isa, node));
       }});
}

}  // namespace midstream::cpu_blas

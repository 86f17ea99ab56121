#include "ops/matmul_bf16.h"

#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::KernelArgs;
using sdk::TensorView;

constexpr int64_t kPanel = 32, kRowTile = 14;  // of the kernel
constexpr double kProductsPerMicrosecond = 80e3;

class BF16MatMulKernel final : public sdk::Kernel {
 public:
  BF16MatMulKernel(const KernelTable& isa, const BF16Arithmetic& arithmetic, bool transpose_b,
                   const Activation& activation)
      : isa_(isa), arithmetic_(arithmetic), transpose_b_(transpose_b), activation_(activation) {}

  uint64_t PackedBytes(uint32_t input, const TensorView& value) const override {
    if (input != 1) return 0;
    PackShape shape = ShapeOf(value);
    return static_cast<uint64_t>(arithmetic_.elements(shape.k, shape.n)) * sizeof(uint16_t);
  }
  void Pack(uint32_t, const TensorView& value, std::byte* packed,
            const sdk::Host& host) const override {
    const PackShape shape = ShapeOf(value);
    auto* to = reinterpret_cast<uint16_t*>(packed);
    ForRange(host, static_cast<double>(value.count()) / 1e3, Panels(shape.n), 1,
             [&](int64_t begin, int64_t end) {
               arithmetic_.pack(shape, value.as<const uint16_t>(), to, begin, end);
             });
  }
  void Unpack(uint32_t, const std::byte* packed, const TensorView& value) const override {
    arithmetic_.unpack(ShapeOf(value), reinterpret_cast<const uint16_t*>(packed),
                       value.as<uint16_t>());
  }

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    ScratchCutter scratch(nullptr);
    if (shapes.n_inputs > 2) AsFloats(isa_, shapes.inputs[2], &scratch);
    OutputFloats(shapes.outputs[0], &scratch);
    return scratch.used();
  }

  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    ScratchCutter scratch(args.scratch);
    const float* bias = args.n_inputs > 2 ? AsFloats(isa_, args.inputs[2], &scratch) : nullptr;
    float* c = OutputFloats(out, &scratch);
    const PackShape shape = ShapeOf(args.inputs[1]);
    avx512_bf16::PairArgs pairs{args.inputs[0].as<const uint16_t>(),
                                shape.k,
                                reinterpret_cast<const uint16_t*>(args.packed[1]),
                                shape.n,
                                c,
                                bias,
                                activation_.clip,
                                activation_.low,
                                activation_.high};
    Multiply(pairs, out.count() / shape.n, *args.host);
    activation_.RunPass(isa_, c, out.count());
    FinishFloats(isa_, c, out);
  }

 private:
  static int64_t Panels(int64_t n) { return (n + kPanel - 1) / kPanel; }

  PackShape ShapeOf(const TensorView& b) const {
    if (transpose_b_) return {b.dim(1), b.dim(0), 1, b.dim(1)};
    return {b.dim(0), b.dim(1), b.dim(1), 1};
  }

  void Multiply(const avx512_bf16::PairArgs& pairs, int64_t rows, const sdk::Host& host) const {
    const int64_t panels = Panels(pairs.n);
    double products =
        static_cast<double>(pairs.k * pairs.n) * static_cast<double>(std::max<int64_t>(rows, 4));
    double microseconds = products / kProductsPerMicrosecond;
    if (panels * kRowTile >= rows) {
      ForRange(host, microseconds, panels, 1, [&](int64_t begin, int64_t end) {
        arithmetic_.multiply(pairs, 0, rows, begin, end);
      });
    } else {
      ForRange(host, microseconds, rows, kRowTile, [&](int64_t begin, int64_t end) {
        arithmetic_.multiply(pairs, begin, end, 0, panels);
      });
    }
  }

  const KernelTable& isa_;
  const BF16Arithmetic& arithmetic_;
  const bool transpose_b_;
  const Activation activation_;
};

}  // namespace

std::unique_ptr<sdk::Kernel> CreateBF16MatMul(const sdk::NodeView& node, const Setup& setup) {
  const sdk::ValueView x = node.input(0), w = node.input(1);
  bool fits = sdk::Same(x.dtype(), sdk::kBF16) && sdk::Same(w.dtype(), sdk::kBF16) && IsHeld(w) &&
              w.info().rank == 2;
  const BF16Arithmetic* arithmetic = fits ? UsefulBF16Arithmetic(setup.isa) : nullptr;
  if (arithmetic == nullptr) return nullptr;
  return std::make_unique<BF16MatMulKernel>(setup.isa, *arithmetic, node.Int("transpose_b", 0) != 0,
                                            *ParseActivation(node));
}

}  // namespace midstream::cpu_blas

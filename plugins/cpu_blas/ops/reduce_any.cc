// Reductions of float64 and integers, made of the row functions of two operands: blocks are folded
// into a block, and that one in halves. The order is fixed by the shape, whatever the threads.
#include <cstring>
#include <limits>

#include "ops/reduce_shape.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

constexpr int64_t kBlock = 256;

Binary FoldOf(Reduce op) {
  switch (op) {
    case Reduce::kProd:
      return Binary::kMul;
    case Reduce::kMax:
      return Binary::kMax;
    case Reduce::kMin:
      return Binary::kMin;
    default:
      return Binary::kAdd;
  }
}

// Integer means are sums of 64 bits, divided; everything else is folded in its own type.
ms_dtype FoldDType(Reduce op, ms_dtype dtype) {
  return op == Reduce::kMean && !IsF64(dtype) ? ms_dtype{dtype.code, 64, 1} : dtype;
}

class AnyReduction {
 public:
  AnyReduction(const KernelTable& isa, Reduce op, const ReduceShape& shape,
               const sdk::TensorView& x, const sdk::TensorView& out)
      : isa_(isa),
        op_(op),
        shape_(shape),
        x_(x),
        out_(out),
        dtype_(FoldDType(op, x.dtype)),
        type_(*ElementTypeOf(dtype_)),
        width_(WidthOf(type_)),
        fold_(isa.binary[static_cast<uint32_t>(type_)][static_cast<uint32_t>(FoldOf(op))]) {}

  void Run(const sdk::Host& host) const {
    const double microseconds = static_cast<double>(shape_.outputs * shape_.reduced) / 2e3;
    const bool empty = shape_.reduced == 0;
    const bool folds_rows = shape_.rank == 0 || shape_.axes[shape_.rank - 1].reduced;
    if (empty || folds_rows) {
      ForRange(host, microseconds, shape_.outputs, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) FoldRows(i);
      });
      return;
    }
    const int64_t columns = shape_.axes[shape_.rank - 1].size;
    ForRange(host, microseconds, shape_.outputs / columns, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t at = 0; at < columns; at += kBlock) {
          FoldColumns(row * columns + at, std::min(kBlock, columns - at));
        }
      }
    });
  }

 private:
  using Space = std::array<uint64_t, kBlock>;  // a block of any type

  // Elements of the input in the folding type: in place, or converted.
  const void* Load(int64_t at, int64_t n, Space* space) const {
    const void* from = x_.as<std::byte>() + at * static_cast<int64_t>(sdk::ByteWidth(x_.dtype));
    if (sdk::Same(x_.dtype, dtype_)) return from;
    ConvertElements(isa_, x_.dtype, from, dtype_, space->data(), n);
    return space->data();
  }

  void Fold(void* into, const void* more, int64_t n) const {
    fold_({into, more, into, n, true, true});
  }

  void Start(Space* total, int64_t n) const {
    WithElement(type_, [&](auto zero) {
      using T = decltype(zero);
      using Limits = std::numeric_limits<T>;
      const T lowest = Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::min();
      const T highest = Limits::has_infinity ? Limits::infinity() : Limits::max();
      const T value = op_ == Reduce::kProd  ? T{1}
                      : op_ == Reduce::kMax ? lowest
                      : op_ == Reduce::kMin ? highest
                                            : T{0};
      for (int64_t i = 0; i < n; ++i) std::memcpy(Place(total, i), &value, sizeof value);
    });
  }

  std::byte* Place(Space* space, int64_t element) const {
    return reinterpret_cast<std::byte*>(space->data()) + element * width_;
  }

  // One output: all runs of the innermost reduced axis, each folded in halves.
  void FoldRows(int64_t output) const {
    Space total, block, space;
    Start(&total, 1);
    const int64_t run = shape_.rank == 0 ? 1 : shape_.axes[shape_.rank - 1].size;
    const int64_t base = shape_.Offset(output, false);
    for (int64_t r = 0; r < shape_.reduced; r += run) {
      const int64_t begin = base + shape_.Offset(r, true);
      int64_t n = std::min(kBlock, run);
      std::memcpy(block.data(), Load(begin, n, &space), static_cast<size_t>(n * width_));
      for (int64_t at = n; at < run; at += kBlock) {
        const int64_t count = std::min(kBlock, run - at);
        Fold(block.data(), Load(begin + at, count, &space), count);
      }
      for (; n > 1; n -= n / 2) Fold(block.data(), Place(&block, n - n / 2), n / 2);
      Fold(total.data(), block.data(), 1);
    }
    Finish(&total, output, 1);
  }

  // n neighbouring outputs: whole rows at a time.
  void FoldColumns(int64_t output, int64_t n) const {
    Space total, space;
    Start(&total, n);
    const int64_t base = shape_.Offset(output, false);
    for (int64_t r = 0; r < shape_.reduced; ++r) {
      Fold(total.data(), Load(base + shape_.Offset(r, true), n, &space), n);
    }
    Finish(&total, output, n);
  }

  void Finish(Space* total, int64_t output, int64_t n) const {
    if (op_ == Reduce::kMean) {
      const int64_t integer = shape_.reduced;
      const auto real = static_cast<double>(integer);
      const void* count = IsF64(dtype_) ? static_cast<const void*>(&real) : &integer;
      isa_.binary[static_cast<uint32_t>(type_)][static_cast<uint32_t>(Binary::kDiv)](
          {total->data(), count, total->data(), n, true, false});
    }
    auto* to = out_.as<std::byte>() + output * static_cast<int64_t>(sdk::ByteWidth(out_.dtype));
    ConvertElements(isa_, dtype_, total->data(), out_.dtype, to, n);
  }

  const KernelTable& isa_;
  const Reduce op_;
  const ReduceShape& shape_;
  const sdk::TensorView &x_, &out_;
  const ms_dtype dtype_;
  const ElementType type_;
  const int64_t width_;
  const BinaryRowFunction fold_;
};

}  // namespace

void ReduceAny(const KernelTable& isa, Reduce op, const ReduceShape& shape,
               const sdk::TensorView& x, const sdk::TensorView& out, const sdk::Host& host) {
  AnyReduction(isa, op, shape, x, out).Run(host);
}

}  // namespace midstream::cpu_blas

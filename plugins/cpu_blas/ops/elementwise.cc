// Unary, binary and variadic elementwise operators.
//
// 16-bit floats are computed in float32, a block at a time that stays in the first-level cache;
// everything else in its own type.
#include <limits>
#include <optional>

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

constexpr int64_t kBlock = 512;  // elements that are converted together
constexpr double kElementsPerMicrosecond = 2e3;

bool IsHalf(ms_dtype d) { return IsFloatStorage(d) && d.bits == 16; }

// ---- Unary ----

struct UnaryName {
  std::string_view op;
  Unary unary;
};
constexpr UnaryName kUnaryNames[] = {
    {"Abs", Unary::kAbs},
    {"Neg", Unary::kNeg},
    {"Exp", Unary::kExp},
    {"Log", Unary::kLog},
    {"Sqrt", Unary::kSqrt},
    {"Reciprocal", Unary::kReciprocal},
    {"Floor", Unary::kFloor},
    {"Ceil", Unary::kCeil},
    {"Round", Unary::kRound},
    {"Tanh", Unary::kTanh},
    {"Sigmoid", Unary::kSigmoid},
    {"Erf", Unary::kErf},
    {"Sign", Unary::kSign},
    {"Relu", Unary::kRelu},
    {"LeakyRelu", Unary::kLeakyRelu},
    {"Elu", Unary::kElu},
    {"Selu", Unary::kSelu},
    {"Softplus", Unary::kSoftplus},
    {"Softsign", Unary::kSoftsign},
    {"Clip", Unary::kClip},
    {"Gelu", Unary::kGelu},
};

std::optional<Unary> FindUnary(std::string_view op) {
  for (const UnaryName& row : kUnaryNames) {
    if (row.op == op) return row.unary;
  }
  return std::nullopt;
}

class UnaryKernel final : public sdk::Kernel {
 public:
  UnaryKernel(const KernelTable& isa, Unary unary, double p0, double p1)
      : isa_(isa), unary_(unary), p0_(p0), p1_(p1) {}

  void Run(const KernelArgs& args) const override {
    const ms_dtype dtype = args.inputs[0].dtype;
    const int64_t n = args.inputs[0].count();
    ForRange(*args.host, static_cast<double>(n) / kElementsPerMicrosecond, n, kBlock,
             [&](int64_t begin, int64_t end) {
               if (IsHalf(dtype)) return RunHalves(args, begin, end);
               if (!IsReal(dtype)) return RunIntegers(args, begin, end);
               IsF64(dtype) ? RunReals<double>(args, begin, end)
                            : RunReals<float>(args, begin, end);
             });
  }

 private:
  // Clip's bounds are inputs; everything else has its parameters as attributes.
  bool HasBound(const KernelArgs& args, uint32_t input) const {
    return unary_ == Unary::kClip && input < args.n_inputs && args.inputs[input].present();
  }
  template <typename T>
  T Parameter(const KernelArgs& args, uint32_t index) const {
    const TensorView& bound = args.inputs[index + 1];
    T value = static_cast<T>(index == 0 ? p0_ : p1_);
    if (HasBound(args, index + 1)) {
      ConvertElements(isa_, bound.dtype, bound.data, {MS_DTYPE_FLOAT, sizeof(T) * 8, 1}, &value, 1);
    }
    return value;
  }

  template <typename T>
  void RunReals(const KernelArgs& args, int64_t begin, int64_t end) const {
    RealsOf(isa_, T{}).unary[static_cast<uint32_t>(unary_)](
        args.inputs[0].as<T>() + begin, args.outputs[0].as<T>() + begin, end - begin,
        Parameter<T>(args, 0), Parameter<T>(args, 1));
  }

  void RunHalves(const KernelArgs& args, int64_t begin, int64_t end) const {
    UnaryRow row = isa_.unary[static_cast<uint32_t>(unary_)];
    const auto p0 = Parameter<float>(args, 0), p1 = Parameter<float>(args, 1);
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    const Storage storage = StorageOf(x.dtype);
    for (int64_t at = begin; at < end; at += kBlock) {
      float block[kBlock];
      int64_t n = std::min(kBlock, end - at);
      isa_.widen(storage, x.as<uint16_t>() + at, block, n);
      row(block, block, n, p0, p1);
      isa_.narrow(storage, block, out.as<uint16_t>() + at, n);
    }
  }

  void RunIntegers(const KernelArgs& args, int64_t begin, int64_t end) const {
    const ElementType type = *ElementTypeOf(args.inputs[0].dtype);
    IntegerRow row = isa_.integer_unary[static_cast<uint32_t>(type)][static_cast<uint32_t>(unary_)];
    WithElement(type, [&](auto zero) {
      using T = decltype(zero);
      const T low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
      row(args.inputs[0].as<T>() + begin, args.outputs[0].as<T>() + begin, end - begin,
          HasBound(args, 1) ? args.inputs[1].as<T>() : &low,
          HasBound(args, 2) ? args.inputs[2].as<T>() : &high);
    });
  }

  const KernelTable& isa_;
  const Unary unary_;
  const double p0_, p1_;
};

bool WorksOnIntegers(Unary unary) {
  return unary == Unary::kAbs || unary == Unary::kNeg || unary == Unary::kSign ||
         unary == Unary::kRelu || unary == Unary::kClip || unary == Unary::kErf;
}

Claim ClaimUnary(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  const bool mine = IsReal(dtype) || (IsInteger(dtype) && WorksOnIntegers(*FindUnary(node.op())));
  if (!mine) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreateUnary(const NodeView& node, const Setup& setup) {
  Unary unary = *FindUnary(node.op());
  if (unary == Unary::kGelu && node.String("approximate", "none") == "tanh") {
    unary = Unary::kGeluTanh;
  }
  double p0 = 0.0, p1 = 0.0;
  if (unary == Unary::kLeakyRelu) p0 = node.Float("alpha", 0.01);
  if (unary == Unary::kElu) p0 = node.Float("alpha", 1.0);
  if (unary == Unary::kSelu) {
    p0 = node.Float("alpha", 1.67326319217681884765625);
    p1 = node.Float("gamma", 1.05070102214813232421875);
  }
  if (unary == Unary::kClip) {
    p0 = -std::numeric_limits<double>::infinity();
    p1 = std::numeric_limits<double>::infinity();
  }
  return std::make_unique<UnaryKernel>(setup.isa, unary, p0, p1);
}

// ---- Binary ----

struct BinaryName {
  std::string_view op;
  Binary binary;
};
// Less is greater with the sides exchanged.
constexpr BinaryName kBinaryNames[] = {
    {"Add", Binary::kAdd},
    {"Sub", Binary::kSub},
    {"Mul", Binary::kMul},
    {"Div", Binary::kDiv},
    {"Max", Binary::kMax},
    {"Min", Binary::kMin},
    {"Mod", Binary::kMod},
    {"Equal", Binary::kEqual},
    {"And", Binary::kAnd},
    {"Greater", Binary::kGreater},
    {"Or", Binary::kOr},
    {"GreaterOrEqual", Binary::kGreaterOrEqual},
    {"Xor", Binary::kXor},
    {"Less", Binary::kGreater},
    {"LessOrEqual", Binary::kGreaterOrEqual},
};

Binary BinaryOf(const NodeView& node) {
  for (const BinaryName& row : kBinaryNames) {
    if (row.op != node.op()) continue;
    return row.binary == Binary::kMod && node.Int("fmod", 0) != 0 ? Binary::kFmod : row.binary;
  }
  return Binary::kCount;
}

class BinaryKernel final : public sdk::Kernel {
 public:
  BinaryKernel(const KernelTable& isa, BinaryRowFunction row, bool exchange)
      : isa_(isa), row_(row), exchange_(exchange) {}

  // More than two inputs (Max, Min) are joined one after the other.
  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    TensorView pair[2] = {args.inputs[0], args.inputs[args.n_inputs > 1 ? 1 : 0]};
    if (exchange_) std::swap(pair[0], pair[1]);
    RunPair(pair, out, *args.host);
    for (uint32_t i = 2; i < args.n_inputs; ++i) {
      pair[0] = out;
      pair[1] = args.inputs[i];
      RunPair(pair, out, *args.host);
    }
  }

 private:
  void RunPair(const TensorView* pair, const TensorView& out, const sdk::Host& host) const {
    Broadcast broadcast(out, pair, 2);
    const int64_t n = broadcast.row_length(), rows = broadcast.row_count();
    const double microseconds = static_cast<double>(n * rows) / kElementsPerMicrosecond;
    if (rows == 1) {  // one long row: cut it
      const int64_t a_step = broadcast.advances(0), b_step = broadcast.advances(1);
      ForRange(host, microseconds, n, kBlock, [&](int64_t begin, int64_t end) {
        RunRow(pair, out, broadcast, begin * a_step, begin * b_step, begin, end - begin);
      });
      return;
    }
    ForRange(host, microseconds, rows, 1, [&](int64_t begin, int64_t end) {
      broadcast.ForRows(begin, end, [&](int64_t at, const auto& offsets) {
        RunRow(pair, out, broadcast, offsets[0], offsets[1], at, n);
      });
    });
  }

  void RunRow(const TensorView* pair, const TensorView& out, const Broadcast& broadcast, int64_t a,
              int64_t b, int64_t at, int64_t n) const {
    BinaryRow row{Address(pair[0], a),   Address(pair[1], b),  Address(out, at), n,
                  broadcast.advances(0), broadcast.advances(1)};
    if (IsHalf(pair[0].dtype)) {
      RunHalves(pair[0].dtype, out.dtype, row);
    } else {
      row_(row);
    }
  }

  void RunHalves(ms_dtype in, ms_dtype out, const BinaryRow& row) const {
    const Storage storage = StorageOf(in);
    const auto* a = static_cast<const uint16_t*>(row.a);
    const auto* b = static_cast<const uint16_t*>(row.b);
    const int64_t out_width = static_cast<int64_t>(sdk::ByteWidth(out));
    for (int64_t at = 0; at < row.n; at += kBlock) {
      float left[kBlock], right[kBlock], result[kBlock];
      int64_t n = std::min(kBlock, row.n - at);
      isa_.widen(storage, row.a_step ? a + at : a, left, row.a_step ? n : 1);
      isa_.widen(storage, row.b_step ? b + at : b, right, row.b_step ? n : 1);
      auto* to = static_cast<std::byte*>(row.out) + at * out_width;
      bool comparison = out_width == 1;
      row_({left, right, comparison ? static_cast<void*>(to) : result, n, row.a_step, row.b_step});
      if (!comparison) isa_.narrow(storage, result, to, n);
    }
  }

  const KernelTable& isa_;
  const BinaryRowFunction row_;
  const bool exchange_;
};

Claim ClaimBinary(const NodeView& node) {
  const Binary binary = BinaryOf(node);
  const ms_dtype dtype = node.input(0).dtype();
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!sdk::Same(node.input(i).dtype(), dtype)) return Claim::No(MS_REASON_DTYPE);
    if (node.input(i).info().rank > kMaxBroadcastRank) return Claim::No(MS_REASON_SHAPE);
  }
  const bool logical = binary == Binary::kAnd || binary == Binary::kOr || binary == Binary::kXor;
  const bool mine = IsBool(dtype) ? logical || binary == Binary::kEqual
                                  : !logical && (IsReal(dtype) || IsInteger(dtype));
  if (!mine || (IsReal(dtype) && binary == Binary::kMod)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreateBinary(const NodeView& node, const Setup& setup) {
  const ElementType type = *ElementTypeOf(node.input(0).dtype());
  BinaryRowFunction row =
      setup.isa.binary[static_cast<uint32_t>(type)][static_cast<uint32_t>(BinaryOf(node))];
  return std::make_unique<BinaryKernel>(setup.isa, row, node.op().starts_with("Less"));
}

}  // namespace

void AddElementwiseOps(OpList* list) {
  for (const UnaryName& row : kUnaryNames)
    list->push_back({kOnnx, row.op, ClaimUnary, CreateUnary});
  for (const BinaryName& row : kBinaryNames) {
    list->push_back({kOnnx, row.op, ClaimBinary, CreateBinary});
  }
}

}  // namespace midstream::cpu_blas

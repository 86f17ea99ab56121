// Unary, binary and variadic elementwise operators.
//
// 16-bit floats are computed in float32, a block at a time that stays in the first-level cache.
// Integers are offered where the operator is about data rather than about real functions.
#include <array>
#include <limits>
#include <optional>

#include "ops/broadcast.h"
#include "ops/floats.h"
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

bool IsInt32(ms_dtype d) { return sdk::Same(d, sdk::kI32); }
bool IsInt64(ms_dtype d) { return sdk::Same(d, sdk::kI64); }

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
};

std::optional<Unary> FindUnary(std::string_view op) {
  for (const UnaryName& row : kUnaryNames) {
    if (row.op == op) return row.unary;
  }
  return std::nullopt;
}

bool WorksOnIntegers(Unary unary) {
  return unary == Unary::kAbs || unary == Unary::kNeg || unary == Unary::kSign ||
         unary == Unary::kRelu || unary == Unary::kClip;
}

template <typename T>
T ApplyToInteger(Unary unary, T x, T low, T high) {
  T negative = static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
  switch (unary) {
    case Unary::kAbs:
      return x < 0 ? negative : x;
    case Unary::kNeg:
      return negative;
    case Unary::kSign:
      return static_cast<T>(x > 0) - static_cast<T>(x < 0);
    case Unary::kRelu:
      return x < 0 ? T{0} : x;
    default:
      return std::min(std::max(x, low), high);
  }
}

class UnaryKernel final : public sdk::Kernel {
 public:
  UnaryKernel(const KernelTable& isa, Unary unary, float p0, float p1)
      : isa_(isa), unary_(unary), p0_(p0), p1_(p1) {}

  void Run(const KernelArgs& args) const override {
    const ms_dtype dtype = args.inputs[0].dtype;
    const int64_t n = args.inputs[0].count();
    ForRange(*args.host, static_cast<double>(n) / kElementsPerMicrosecond, n, kBlock,
             [&](int64_t begin, int64_t end) {
               if (IsInt32(dtype)) return RunIntegers<int32_t>(args, begin, end);
               if (IsInt64(dtype)) return RunIntegers<int64_t>(args, begin, end);
               RunFloats(args, begin, end);
             });
  }

 private:
  // Clip's bounds are inputs; everything else has its parameters as attributes.
  float Bound(const KernelArgs& args, uint32_t input, float fallback) const {
    if (unary_ != Unary::kClip || input >= args.n_inputs || !args.inputs[input].present()) {
      return fallback;
    }
    float value;
    isa_.widen(StorageOf(args.inputs[input].dtype), args.inputs[input].data, &value, 1);
    return value;
  }

  void RunFloats(const KernelArgs& args, int64_t begin, int64_t end) const {
    UnaryRow row = isa_.unary[static_cast<uint32_t>(unary_)];
    const float p0 = Bound(args, 1, p0_), p1 = Bound(args, 2, p1_);
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    if (sdk::Same(x.dtype, sdk::kF32)) {
      return row(x.as<float>() + begin, out.as<float>() + begin, end - begin, p0, p1);
    }
    const Storage storage = StorageOf(x.dtype);
    for (int64_t at = begin; at < end; at += kBlock) {
      float block[kBlock];
      int64_t n = std::min(kBlock, end - at);
      isa_.widen(storage, x.as<uint16_t>() + at, block, n);
      row(block, block, n, p0, p1);
      isa_.narrow(storage, block, out.as<uint16_t>() + at, n);
    }
  }

  template <typename T>
  void RunIntegers(const KernelArgs& args, int64_t begin, int64_t end) const {
    auto bound = [&](uint32_t i, T fallback) {
      return i < args.n_inputs && args.inputs[i].present() ? *args.inputs[i].as<T>() : fallback;
    };
    const T low = bound(1, std::numeric_limits<T>::min());
    const T high = bound(2, std::numeric_limits<T>::max());
    const T* x = args.inputs[0].as<T>();
    T* out = args.outputs[0].as<T>();
    for (int64_t i = begin; i < end; ++i) out[i] = ApplyToInteger(unary_, x[i], low, high);
  }

  const KernelTable& isa_;
  const Unary unary_;
  const float p0_, p1_;
};

Claim ClaimUnary(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (IsFloatStorage(dtype)) return Claim::Yes(sdk::kF32, sdk::kF32);
  bool integer = IsInt32(dtype) || IsInt64(dtype);
  if (integer && WorksOnIntegers(*FindUnary(node.op()))) return Claim::Yes(dtype, dtype);
  return Claim::No(MS_REASON_DTYPE);
}

std::unique_ptr<sdk::Kernel> CreateUnary(const NodeView& node, const Setup& setup) {
  Unary unary = *FindUnary(node.op());
  auto attribute = [&](std::string_view name, double fallback) {
    return static_cast<float>(node.Float(name, fallback));
  };
  float p0 = 0.0f, p1 = 0.0f;
  if (unary == Unary::kLeakyRelu) p0 = attribute("alpha", 0.01);
  if (unary == Unary::kElu) p0 = attribute("alpha", 1.0);
  if (unary == Unary::kSelu) {
    p0 = attribute("alpha", 1.67326319217681884765625);
    p1 = attribute("gamma", 1.05070102214813232421875);
  }
  if (unary == Unary::kClip) {
    p0 = -std::numeric_limits<float>::infinity();
    p1 = std::numeric_limits<float>::infinity();
  }
  return std::make_unique<UnaryKernel>(setup.isa, unary, p0, p1);
}

// ---- Binary ----

struct BinaryName {
  std::string_view op;
  Binary binary;
};
constexpr BinaryName kBinaryNames[] = {
    {"Add", Binary::kAdd},     {"Sub", Binary::kSub},
    {"Mul", Binary::kMul},     {"Div", Binary::kDiv},
    {"Max", Binary::kMax},     {"Min", Binary::kMin},
    {"Pow", Binary::kPow},     {"Mod", Binary::kMod},
    {"Equal", Binary::kEqual}, {"Greater", Binary::kGreater},
    {"Less", Binary::kLess},   {"GreaterOrEqual", Binary::kGreaterOrEqual},
    {"And", Binary::kAnd},     {"LessOrEqual", Binary::kLessOrEqual},
    {"Or", Binary::kOr},       {"Xor", Binary::kXor},
};

Binary BinaryOf(const NodeView& node) {
  for (const BinaryName& row : kBinaryNames) {
    if (row.op != node.op()) continue;
    return row.binary == Binary::kMod && node.Int("fmod", 0) != 0 ? Binary::kFmod : row.binary;
  }
  return Binary::kCount;
}

std::optional<ElementType> ElementTypeOf(ms_dtype dtype) {
  if (IsFloatStorage(dtype)) return ElementType::kF32;
  if (IsInt32(dtype)) return ElementType::kI32;
  if (IsInt64(dtype)) return ElementType::kI64;
  if (sdk::Same(dtype, sdk::kBool)) return ElementType::kU8;
  return std::nullopt;
}

class BinaryKernel final : public sdk::Kernel {
 public:
  explicit BinaryKernel(const KernelTable& isa, BinaryRowFunction row) : isa_(isa), row_(row) {}

  // More than two inputs (Max, Min) are joined one after the other.
  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    TensorView pair[2] = {args.inputs[0], args.inputs[args.n_inputs > 1 ? 1 : 0]};
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
    bool halves = sdk::ByteWidth(pair[0].dtype) == 2;
    if (halves) {
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

  static void* Address(const TensorView& x, int64_t element) {
    return static_cast<std::byte*>(x.data) +
           element * static_cast<int64_t>(sdk::ByteWidth(x.dtype));
  }

  const KernelTable& isa_;
  const BinaryRowFunction row_;
};

bool HasIntegerResult(Binary binary, const NodeView& node) {
  // A zero divisor has no answer and is reported by the reference alone.
  bool divides = binary == Binary::kDiv || binary == Binary::kMod || binary == Binary::kFmod;
  return !divides && binary != Binary::kPow && !IsFloatStorage(node.input(0).dtype());
}

Claim ClaimBinary(const NodeView& node) {
  const Binary binary = BinaryOf(node);
  const auto type = ElementTypeOf(node.input(0).dtype());
  if (!type) return Claim::No(MS_REASON_DTYPE);
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!sdk::Same(node.input(i).dtype(), node.input(0).dtype())) return Claim::No(MS_REASON_DTYPE);
    if (node.input(i).info().rank > kMaxBroadcastRank) return Claim::No(MS_REASON_SHAPE);
  }
  bool logical = binary == Binary::kAnd || binary == Binary::kOr || binary == Binary::kXor;
  bool boolean = *type == ElementType::kU8;
  if (logical != boolean && !(boolean && binary == Binary::kEqual))
    return Claim::No(MS_REASON_DTYPE);
  if (*type == ElementType::kF32) return Claim::Yes(sdk::kF32, sdk::kF32);
  if (!boolean && !HasIntegerResult(binary, node)) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(node.input(0).dtype(), node.input(0).dtype());
}

std::unique_ptr<sdk::Kernel> CreateBinary(const NodeView& node, const Setup& setup) {
  ElementType type = *ElementTypeOf(node.input(0).dtype());
  BinaryRowFunction row =
      setup.isa.binary[static_cast<uint32_t>(type)][static_cast<uint32_t>(BinaryOf(node))];
  return std::make_unique<BinaryKernel>(setup.isa, row);
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

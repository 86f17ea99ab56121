#include "core/graph/ops/infer.h"

#include <algorithm>
#include <array>

namespace midstream::infer {
namespace {

DTypeSet SetOf(DType dtype) {
  if (IsFloat(dtype)) return kFloats;
  if (IsSignedInteger(dtype)) return kSigned;
  if (IsUnsignedInteger(dtype)) return kUnsigned;
  return dtype == DType::kBool ? kBools : 0;
}

std::string SetName(DTypeSet set) {
  static constexpr std::array<std::string_view, 4> kNames = {"float", "signed integer",
                                                             "unsigned integer", "bool"};
  std::string text;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if ((set & (1u << i)) == 0) continue;
    if (!text.empty()) text += " or ";
    text += kNames[i];
  }
  return text;
}

std::string Ordinal(size_t input) { return "input " + std::to_string(input); }

// TensorProto.DataType.
DType FromOnnx(int64_t code) {
  static constexpr std::array<DType, 17> kTable = {
      DType::kInvalid, DType::kF32, DType::kU8,      DType::kI8,      DType::kU16, DType::kI16,
      DType::kI32,     DType::kI64, DType::kString,  DType::kBool,    DType::kF16, DType::kF64,
      DType::kU32,     DType::kU64, DType::kInvalid, DType::kInvalid, DType::kBF16};
  return code >= 0 && code < static_cast<int64_t>(kTable.size()) ? kTable[static_cast<size_t>(code)]
                                                                 : DType::kInvalid;
}

}  // namespace

std::string ToText(const std::vector<int64_t>& values) { return Shape(values).ToString(); }

Status CheckDType(const InferContext& context, size_t input, DTypeSet allowed) {
  if (!context.HasInput(input)) return context.Error(Ordinal(input) + " is missing");
  DType dtype = context.dtype(input);
  if ((SetOf(dtype) & allowed) != 0) return OkStatus();
  return context.Error("expected " + Ordinal(input) + " to be " + SetName(allowed) + ", got " +
                       std::string(DTypeName(dtype)));
}

Status CheckSameDType(const InferContext& context, size_t a, size_t b) {
  if (context.dtype(a) == context.dtype(b)) return OkStatus();
  return context.Error("expected " + Ordinal(a) + " and " + Ordinal(b) + " of one dtype, got " +
                       std::string(DTypeName(context.dtype(a))) + " and " +
                       std::string(DTypeName(context.dtype(b))));
}

Status CheckRank(const InferContext& context, size_t input, size_t rank) {
  const Shape& shape = context.shape(input);
  if (!shape.rank_known() || shape.rank() == rank) return OkStatus();
  return context.Error("expected " + Ordinal(input) + " of rank " + std::to_string(rank) +
                       ", got " + shape.ToString());
}

Status CheckMinRank(const InferContext& context, size_t input, size_t rank) {
  const Shape& shape = context.shape(input);
  if (!shape.rank_known() || shape.rank() >= rank) return OkStatus();
  return context.Error("expected " + Ordinal(input) + " of rank " + std::to_string(rank) +
                       " or more, got " + shape.ToString());
}

Result<size_t> NormalizeAxis(const InferContext& context, int64_t axis, size_t rank) {
  auto n = static_cast<int64_t>(rank);
  if (axis >= -n && axis < n) return static_cast<size_t>(axis < 0 ? axis + n : axis);
  return context.Error("expected an axis in [" + std::to_string(-n) + "," + std::to_string(n - 1) +
                       "] for rank " + std::to_string(rank) + ", got " + std::to_string(axis));
}

Result<std::vector<bool>> MarkAxes(const InferContext& context, const std::vector<int64_t>& axes,
                                   size_t rank) {
  std::vector<bool> marked(rank, false);
  for (int64_t axis : axes) {
    MS_ASSIGN_OR_RETURN(size_t normal, NormalizeAxis(context, axis, rank));
    if (marked[normal]) return context.Error("expected distinct axes, got " + ToText(axes));
    marked[normal] = true;
  }
  return marked;
}

Result<std::optional<std::vector<int64_t>>> KnownInts(const InferContext& context, size_t input) {
  std::optional<std::vector<int64_t>> unknown;
  if (!context.HasInput(input)) return unknown;
  DType dtype = context.dtype(input);
  if (dtype != DType::kI64 && dtype != DType::kI32) {
    return context.Error("expected " + Ordinal(input) + " to be int32 or int64, got " +
                         std::string(DTypeName(dtype)));
  }
  const Shape& shape = context.shape(input);
  if (shape.rank_known() && shape.rank() > 1) {
    return context.Error("expected " + Ordinal(input) + " to be a vector, got " + shape.ToString());
  }
  const Tensor* tensor = context.constant(input);
  if (tensor == nullptr) return unknown;
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> values, tensor->ToInts());
  return std::optional(std::move(values));
}

int64_t VectorLength(const InferContext& context, size_t input) {
  const Shape& shape = context.shape(input);
  if (!shape.rank_known()) return kUnknownDim;
  return shape.rank() == 0 ? 1 : shape[0];
}

Status CheckSizes(const InferContext& context, const std::vector<int64_t>& sizes) {
  for (int64_t size : sizes) {
    if (size < 0) return context.Error("expected sizes >= 0, got " + ToText(sizes));
  }
  return OkStatus();
}

Result<Shape> UnknownOfRank(const InferContext& context, int64_t rank) {
  if (rank < 0) return Shape::UnknownRank();
  if (rank <= static_cast<int64_t>(kMaxRank)) {
    return Shape(std::vector<int64_t>(static_cast<size_t>(rank), kUnknownDim));
  }
  return context.Error("expected at most " + std::to_string(kMaxRank) + " dimensions, got " +
                       std::to_string(rank));
}

Result<DType> DTypeAttr(const InferContext& context, std::string_view name, DType fallback) {
  auto it = context.node().attrs.find(name);
  if (it == context.node().attrs.end()) return fallback;
  DType dtype = DType::kInvalid;
  std::string text;
  if (const auto* code = std::get_if<int64_t>(&it->second)) {
    dtype = FromOnnx(*code);
    text = std::to_string(*code);
  } else if (const auto* spelling = std::get_if<std::string>(&it->second)) {
    dtype = DTypeFromName(*spelling);
    text = "'" + *spelling + "'";
  }
  if (DTypeSize(dtype) != 0) return dtype;
  return context.Error("expected attribute '" + std::string(name) +
                       "' to name a dtype of fixed size, got " + text);
}

Result<Shape> Broadcast(const InferContext& context, const Shape& a, const Shape& b) {
  if (!a.rank_known() || !b.rank_known()) return Shape::UnknownRank();
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  std::vector<int64_t> dims = longer.dims();
  size_t offset = longer.rank() - shorter.rank();
  for (size_t i = 0; i < shorter.rank(); ++i) {
    int64_t x = dims[offset + i];
    int64_t y = shorter[i];
    if (x == y || y == 1) continue;
    if (x == 1 || x < 0) {
      dims[offset + i] = y;
    } else if (y >= 0) {
      return context.Error("expected shapes that broadcast, got " + a.ToString() + " and " +
                           b.ToString());
    }
  }
  return Shape(std::move(dims));
}

Result<int64_t> SameDim(const InferContext& context, std::string_view what, int64_t a, int64_t b) {
  if (a < 0) return b;
  if (b < 0 || a == b) return a;
  return context.Error("expected equal " + std::string(what) + ", got " + std::to_string(a) +
                       " and " + std::to_string(b));
}

Result<int64_t> Add(const InferContext& context, int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return context.Error("the size " + std::to_string(a) + " + " + std::to_string(b) +
                       " is too large");
}

Result<int64_t> Multiply(const InferContext& context, int64_t a, int64_t b) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return context.Error("the size " + std::to_string(a) + " x " + std::to_string(b) +
                       " is too large");
}

Result<int64_t> Product(const InferContext& context, const std::vector<int64_t>& dims, size_t begin,
                        size_t end) {
  auto first = dims.begin() + static_cast<ptrdiff_t>(begin);
  auto last = dims.begin() + static_cast<ptrdiff_t>(end);
  if (std::find(first, last, 0) != last) return int64_t{0};
  int64_t product = 1;
  for (auto it = first; it != last; ++it) {
    if (*it < 0) return kUnknownDim;
    MS_ASSIGN_OR_RETURN(product, Multiply(context, product, *it));
  }
  return product;
}

Status CheckActivation(const InferContext& context) {
  struct Row {
    std::string_view name;
    size_t params;
  };
  static constexpr std::array<Row, 8> kRows = {{{"", 0},
                                                {"Relu", 0},
                                                {"Clip", 2},
                                                {"LeakyRelu", 1},
                                                {"Elu", 1},
                                                {"Sigmoid", 0},
                                                {"Tanh", 0},
                                                {"Gelu", 0}}};
  std::string name = context.node().String("activation", "");
  size_t params = 0;
  auto it = context.node().attrs.find("activation_params");
  if (it != context.node().attrs.end()) {
    const auto* floats = std::get_if<std::vector<double>>(&it->second);
    if (floats == nullptr) return context.Error("expected 'activation_params' to be floats");
    params = floats->size();
  }
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    if (row.params == params) return OkStatus();
    return context.Error("expected " + std::to_string(row.params) +
                         " activation_params for activation '" + name + "', got " +
                         std::to_string(params));
  }
  return context.Error(
      "expected activation Relu, Clip, LeakyRelu, Elu, Sigmoid, Tanh or Gelu, got '" + name + "'");
}

Result<bool> IsChannelsLast(const InferContext& context) {
  std::string layout = context.node().String("data_layout", "NCHW");
  if (layout == "NHWC") return true;
  if (layout == "NCHW") return false;
  return context.Error("expected data_layout NCHW or NHWC, got '" + layout + "'");
}

}  // namespace midstream::infer

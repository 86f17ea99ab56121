// What the shape inference functions have in common: checks of dtypes, ranks, axes and attributes,
// broadcasting, and arithmetic on dimensions that may be unknown.
//
// Rules: a dimension or rank that is not known makes what depends on it unknown and is never an
// error; sizes come from files, so every sum and product of them is checked.
#ifndef MIDSTREAM_CORE_GRAPH_OPS_INFER_H_
#define MIDSTREAM_CORE_GRAPH_OPS_INFER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/op_schema.h"

namespace midstream::infer {

// No tensor has more dimensions; it bounds what a shape computed from file content may ask for.
constexpr size_t kMaxRank = 32;

// Sets of dtypes that an operator accepts.
using DTypeSet = unsigned;
constexpr DTypeSet kFloats = 1;
constexpr DTypeSet kSigned = 2;
constexpr DTypeSet kUnsigned = 4;
constexpr DTypeSet kBools = 8;
constexpr DTypeSet kInts = kSigned | kUnsigned;
constexpr DTypeSet kNumeric = kFloats | kInts;
constexpr DTypeSet kAny = kNumeric | kBools;

Status CheckDType(const InferContext& context, size_t input, DTypeSet allowed);
Status CheckSameDType(const InferContext& context, size_t a, size_t b);
// Rank of input i is `rank`, if it is known.
Status CheckRank(const InferContext& context, size_t input, size_t rank);
Status CheckMinRank(const InferContext& context, size_t input, size_t rank);

// Axis in [-rank, rank) -> [0, rank).
Result<size_t> NormalizeAxis(const InferContext& context, int64_t axis, size_t rank);
// Axes normalised and marked; a repeated axis is an error.
Result<std::vector<bool>> MarkAxes(const InferContext& context, const std::vector<int64_t>& axes,
                                   size_t rank);

// The integers of input i when they are known. Errors: the input is present and not a vector (or
// scalar) of int32 or int64.
Result<std::optional<std::vector<int64_t>>> KnownInts(const InferContext& context, size_t input);
// Entries of the 1-d input i, or kUnknownDim. Requires: KnownInts succeeded.
int64_t VectorLength(const InferContext& context, size_t input);

// Sizes that a tensor of integers asks for. Errors: one is negative.
Status CheckSizes(const InferContext& context, const std::vector<int64_t>& sizes);
// All dimensions unknown; unknown rank for kUnknownDim. Errors: more than kMaxRank.
Result<Shape> UnknownOfRank(const InferContext& context, int64_t rank);

// An attribute that names a dtype: a dtype name ("float16") or an ONNX TensorProto code (10).
Result<DType> DTypeAttr(const InferContext& context, std::string_view name, DType fallback);

// Multidirectional broadcasting. A dimension of 1 meets any size, 0 included.
Result<Shape> Broadcast(const InferContext& context, const Shape& a, const Shape& b);
// The one size that two descriptions of a dimension allow; kUnknownDim when both are unknown.
Result<int64_t> SameDim(const InferContext& context, std::string_view what, int64_t a, int64_t b);

// Arithmetic on known sizes. Errors: the result leaves int64.
Result<int64_t> Add(const InferContext& context, int64_t a, int64_t b);
Result<int64_t> Multiply(const InferContext& context, int64_t a, int64_t b);
// Product of dims[begin, end): 0 if one is 0, else kUnknownDim if one is unknown.
Result<int64_t> Product(const InferContext& context, const std::vector<int64_t>& dims, size_t begin,
                        size_t end);

// `activation` and `activation_params` of the fused operators of domain "midstream".
Status CheckActivation(const InferContext& context);
// "data_layout" is NHWC. Errors: neither NCHW nor NHWC.
Result<bool> IsChannelsLast(const InferContext& context);

std::string ToText(const std::vector<int64_t>& values);  // "[1,2]"

}  // namespace midstream::infer

#endif  // MIDSTREAM_CORE_GRAPH_OPS_INFER_H_

// What claims have in common.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_CLAIMS_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_CLAIMS_H_

#include "kernel.h"
#include "ops/elements.h"

namespace midstream::opencl {

inline sdk::Claim ClaimDType(bool mine, ms_dtype dtype) {
  return mine ? sdk::Claim::Yes(ComputeDType(dtype), ComputeDType(dtype))
              : sdk::Claim::No(MS_REASON_DTYPE);
}
// By the dtype of input 0: floats; floats and integers; everything that can be moved.
inline sdk::Claim ClaimReal(const sdk::NodeView& node, const Traits& traits) {
  return ClaimDType(IsReal(node.input(0).dtype(), traits), node.input(0).dtype());
}
inline sdk::Claim ClaimNumber(const sdk::NodeView& node, const Traits& traits) {
  const ms_dtype dtype = node.input(0).dtype();
  return ClaimDType(IsReal(dtype, traits) || IsInteger(dtype), dtype);
}
inline sdk::Claim ClaimElement(const sdk::NodeView& node, const Traits&) {
  const ms_dtype dtype = node.input(0).dtype();
  return IsElement(dtype) ? sdk::Claim::Yes(dtype, dtype) : sdk::Claim::No(MS_REASON_DTYPE);
}

// An operator whose kernel K is made from the node, or from nothing.
template <typename K>
OpEntry Entry(std::string_view domain, std::string_view op,
              sdk::Claim (*claim)(const sdk::NodeView&, const Traits&)) {
  return {domain, op, claim, [](const sdk::NodeView& node) -> std::unique_ptr<Kernel> {
            if constexpr (std::is_constructible_v<K, const sdk::NodeView&>) {
              return std::make_unique<K>(node);
            } else {
              return std::make_unique<K>();
            }
          }};
}

// The value of an input that tells sizes or axes is a constant, or comes from shapes and is known
// when a plan is made.
inline bool IsKnownLater(const sdk::NodeView& node, uint32_t input) {
  if (!node.HasInput(input)) return true;
  const uint32_t kind = node.input(input).info().kind;
  return kind == MS_VALUE_CONSTANT || kind == MS_VALUE_NODE;
}

// Integers (of 32 or 64 bits) that are known at plan time. Throws Error(MS_UNIMPLEMENTED).
std::vector<int64_t> KnownInts(const PlanBuilder& plan, uint32_t input);

inline size_t NormalAxis(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

inline bool IsChannelsLast(const sdk::NodeView& node) {
  return node.String("data_layout", "NCHW") == "NHWC";
}

// A real attribute for a kernel that works on `dtype`.
inline Arg RealArg(ms_dtype dtype, double value) {
  return IsF64(dtype) ? Arg(Scalar::Of(static_cast<cl_double>(value))) : F32(value);
}

// The tensor's elements as bits, for kernels that only move them.
inline Operand AsBits(Operand operand) {
  operand.dtype = {MS_DTYPE_UINT, operand.dtype.bits, 1};
  return operand;
}
// The tensor from element `first` on.
inline Operand From(Operand operand, int64_t first) {
  operand.place.offset += static_cast<uint64_t>(first) * sdk::ByteWidth(operand.dtype);
  return operand;
}

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_CLAIMS_H_

// Precision modes by the names of the Ascend session options, v1 (precision_mode) and v2
// (precision_mode_v2). "cube" there is a matrix operator (Conv, MatMul, Gemm) here, "vector" any
// other.
//
//   v1                        v2                    matrix operands -> result   other operators
//   must_keep_origin_dtype    origin                float32 -> float32          float32
//   allow_fp32_to_bf16                              float32 -> float32          float32
//   force_fp32,                                     float16 -> float32          float32
//     cube_fp16in_fp32out     cube_fp16in_fp32out
//   allow_fp32_to_fp16                              float16 -> float32          float32
//   force_fp16                fp16                  float16 -> float16          float16
//   allow_mix_precision(_fp16) mixed_float16        float16 -> float16          by list
//   allow_mix_precision_bf16  mixed_bfloat16        bfloat16 -> bfloat16        by list
//                             cube_hif8, mixed_hif8 no backend has it
//
// The "allow" modes keep what the device supports, and every backend supports float32, so only the
// matrix operators of allow_fp32_to_fp16, which prefer half, change. force_fp32 is the same mode as
// cube_fp16in_fp32out by the documentation of the options, whatever its name says. "By list":
// precision.cc.
#include <array>

#include "core/passes/passes.h"

namespace midstream::passes {
namespace {

struct Mode {
  std::string_view name;
  DType matrix;
  DType matrix_output;
  DType other;
  bool follow_operands;
};

constexpr Mode Keep(std::string_view name) {
  return {name, DType::kF32, DType::kF32, DType::kF32, false};
}
constexpr Mode HalfIn(std::string_view name) {
  return {name, DType::kF16, DType::kF32, DType::kF32, false};
}
constexpr Mode Half(std::string_view name) {
  return {name, DType::kF16, DType::kF16, DType::kF16, false};
}
constexpr Mode Mixed(std::string_view name, DType dtype) {
  return {name, dtype, dtype, DType::kF32, true};
}

constexpr std::array kModes = {
    Keep("must_keep_origin_dtype"),
    Keep("origin"),
    Keep("allow_fp32_to_bf16"),
    HalfIn("force_fp32"),
    HalfIn("cube_fp16in_fp32out"),
    HalfIn("allow_fp32_to_fp16"),
    Half("force_fp16"),
    Half("fp16"),
    Mixed("allow_mix_precision", DType::kF16),
    Mixed("allow_mix_precision_fp16", DType::kF16),
    Mixed("mixed_float16", DType::kF16),
    Mixed("allow_mix_precision_bf16", DType::kBF16),
    Mixed("mixed_bfloat16", DType::kBF16),
};

}  // namespace

Result<PrecisionPolicy> PolicyForMode(std::string_view mode) {
  for (const Mode& row : kModes) {
    if (row.name == mode) {
      return PrecisionPolicy{row.matrix, row.matrix_output, row.other, row.follow_operands, {}};
    }
  }
  if (mode == "cube_hif8" || mode == "mixed_hif8") {
    std::string nearest = mode == "cube_hif8" ? "cube_fp16in_fp32out" : "mixed_bfloat16";
    return Unimplemented("precision mode '" + std::string(mode) +
                         "' is not available: no backend has hif8; the nearest mode is '" +
                         nearest + "'");
  }
  std::string known;
  for (const Mode& row : kModes) known += (known.empty() ? "" : ", ") + std::string(row.name);
  return InvalidArgument("expected a precision mode (" + known + "), got '" + std::string(mode) +
                         "'");
}

}  // namespace midstream::passes

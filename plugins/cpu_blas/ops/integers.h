// Small integer inputs (axes, starts, pads ...), read when a kernel runs.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_INTEGERS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_INTEGERS_H_

#include <cstdint>

#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

inline bool IsIndexType(ms_dtype dtype) {
  return sdk::Same(dtype, sdk::kI64) || sdk::Same(dtype, sdk::kI32);
}

// A tensor of int32 or int64, as int64.
class Integers {
 public:
  // Absent when the kernel has no such input.
  Integers(const sdk::KernelArgs& args, uint32_t input)
      : tensor_(input < args.n_inputs ? args.inputs[input] : sdk::TensorView{}) {}
  bool present() const { return tensor_.present(); }
  int64_t size() const { return present() ? tensor_.count() : 0; }
  int64_t operator[](int64_t i) const {
    return sdk::Same(tensor_.dtype, sdk::kI32) ? tensor_.as<int32_t>()[i]
                                               : tensor_.as<int64_t>()[i];
  }

 private:
  sdk::TensorView tensor_;
};

// [-rank, rank) -> [0, rank).
inline uint32_t PositiveAxis(int64_t axis, uint32_t rank) {
  return static_cast<uint32_t>(axis < 0 ? axis + rank : axis);
}

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_INTEGERS_H_

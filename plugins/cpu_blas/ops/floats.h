// Float tensors of any storage, seen as float32.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_FLOATS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_FLOATS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.h"
#include "midstream/arena.hpp"
#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

inline bool IsFloatStorage(ms_dtype dtype) {
  return sdk::Same(dtype, sdk::kF32) || sdk::Same(dtype, sdk::kBF16) || sdk::Same(dtype, sdk::kF16);
}

// Requires: IsFloatStorage(dtype).
inline Storage StorageOf(ms_dtype dtype) {
  if (sdk::Same(dtype, sdk::kBF16)) return Storage::kBF16;
  return sdk::Same(dtype, sdk::kF16) ? Storage::kF16 : Storage::kF32;
}

// A weight or constant: it is packed when it is staged, not on each run.
inline bool IsHeld(const sdk::ValueView& value) {
  return value.info().kind == MS_VALUE_WEIGHT || value.info().kind == MS_VALUE_CONSTANT;
}

// Cuts a kernel's scratch memory into aligned pieces. With a null base it only counts, so that
// ScratchBytes and Run can share one walk.
class ScratchCutter {
 public:
  explicit ScratchCutter(std::byte* base) : base_(base) {}
  template <typename T>
  T* Take(int64_t count) {
    uint64_t at = used_;
    used_ += sdk::AlignUp(static_cast<uint64_t>(count) * sizeof(T));
    return base_ != nullptr ? reinterpret_cast<T*>(base_ + at) : nullptr;
  }
  uint64_t used() const { return used_; }

 private:
  std::byte* base_;
  uint64_t used_ = 0;
};

// The bytes that `cut` takes.
template <typename Cut>
uint64_t ScratchUsed(const Cut& cut) {
  ScratchCutter scratch(nullptr);
  cut(&scratch);
  return scratch.used();
}

// The elements as float32: in place, or widened into a piece of scratch memory. Null for an absent
// tensor (and for any while only counting).
inline const float* AsFloats(const KernelTable& isa, const sdk::TensorView& x,
                             ScratchCutter* scratch) {
  if (!x.present()) return nullptr;
  if (sdk::Same(x.dtype, sdk::kF32)) return static_cast<const float*>(x.data);
  int64_t count = x.count();
  auto* floats = scratch->Take<float>(count);
  if (floats != nullptr) isa.widen(StorageOf(x.dtype), x.data, floats, count);
  return floats;
}

// Where to write results of the output: itself, or a piece of scratch memory for FinishFloats.
inline float* OutputFloats(const sdk::TensorView& out, ScratchCutter* scratch) {
  if (sdk::Same(out.dtype, sdk::kF32)) return static_cast<float*>(out.data);
  return scratch->Take<float>(out.count());
}
inline void FinishFloats(const KernelTable& isa, const float* floats, const sdk::TensorView& out) {
  if (!sdk::Same(out.dtype, sdk::kF32))
    isa.narrow(StorageOf(out.dtype), floats, out.data, out.count());
}

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_FLOATS_H_

// One row of scratch memory for each task that runs at once: for rows that are stored in another
// dtype than they are computed in.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ROW_BUFFERS_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ROW_BUFFERS_H_

#include "ops/elements.h"
#include "parallel.h"

namespace midstream::cpu_blas {

template <typename T>
class RowBuffers {
 public:
  static constexpr ms_dtype kDType{MS_DTYPE_FLOAT, sizeof(T) * 8, 1};

  // Takes memory only for a dtype other than T.
  RowBuffers(const KernelTable& isa, const sdk::Host& host, ms_dtype dtype, int64_t length,
             ScratchCutter* scratch)
      : isa_(isa), dtype_(dtype), length_(length), width_(sdk::ByteWidth(dtype)) {
    if (direct()) return;
    count_ = Threads(host);
    rows_ = scratch->Take<T>(length * count_);
  }

  // body(const T* from, T* to, row) for rows [begin, end) of x and out, which have the dtype and are
  // made of rows of the length. from may be to.
  template <typename Body>
  void ForRows(const sdk::Host& host, double microseconds, const void* x, void* out, int64_t rows,
               Body&& body) const {
    ScratchSlots slots(count_);
    ForRange(host, microseconds, rows, 1, [&](int64_t begin, int64_t end) {
      if (direct()) {
        for (int64_t row = begin; row < end; ++row) {
          body(static_cast<const T*>(x) + row * length_, static_cast<T*>(out) + row * length_, row);
        }
        return;
      }
      ScratchSlots::Lease lease(&slots);
      T* buffer = rows_ + lease.index() * length_;
      for (int64_t row = begin; row < end; ++row) {
        const uint64_t at = static_cast<uint64_t>(row * length_) * width_;
        ConvertElements(isa_, dtype_, static_cast<const std::byte*>(x) + at, kDType, buffer,
                        length_);
        body(buffer, buffer, row);
        ConvertElements(isa_, kDType, buffer, dtype_, static_cast<std::byte*>(out) + at, length_);
      }
    });
  }

 private:
  bool direct() const { return sdk::Same(dtype_, kDType); }

  const KernelTable& isa_;
  const ms_dtype dtype_;
  const int64_t length_;
  const uint64_t width_;
  uint32_t count_ = 1;
  T* rows_ = nullptr;
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_ROW_BUFFERS_H_

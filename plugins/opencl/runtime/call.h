// What kernels are described with: operands, calls of OpenCL kernels, packed forms. Plain data;
// commands.h turns it into something that can be enqueued.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CALL_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CALL_H_

#include <array>
#include <cstring>
#include <string>
#include <variant>
#include <vector>

#include "runtime/cl.h"

namespace midstream::opencl {

// Where bytes lie when a plan executes.
enum class Where : uint8_t { kNowhere, kInput, kOutput, kScratch, kSlot, kFixed };

struct Place {
  Where where = Where::kNowhere;
  uint32_t idx = 0;     // which input, output or slot
  uint32_t form = 0;    // kSlot: 0 the plain value, else the packed form with this number
  uint64_t offset = 0;  // bytes
  Mem mem{};            // kFixed: a constant, or a value that the shapes determine
};

// A tensor, or bytes that no tensor describes (dtype of 0 bits, one dimension).
struct Operand {
  Place place;
  ms_dtype dtype{};
  std::vector<int64_t> shape;

  int64_t dim(size_t axis) const { return shape[axis]; }
  size_t rank() const { return shape.size(); }
  int64_t count() const { return sdk::Count(shape); }
  uint64_t bytes() const { return static_cast<uint64_t>(count()) * sdk::ByteWidth(dtype); }
};

// A value that a kernel takes by copy.
struct Scalar {
  uint32_t size = 0;
  std::array<std::byte, 128> bytes{};

  template <typename T>
  static Scalar Of(const T& value) {
    static_assert(sizeof(T) <= 128 && std::is_trivially_copyable_v<T>);
    Scalar scalar;
    scalar.size = sizeof(T);
    std::memcpy(scalar.bytes.data(), &value, sizeof(T));
    return scalar;
  }
};

// `local` memory of a work-group.
struct LocalBytes {
  uint32_t bytes = 0;
};

// An operand takes two parameters of the kernel (its buffer, and the index of its first element),
// the others one.
using Arg = std::variant<Operand, Scalar, LocalBytes>;
inline Arg I32(int64_t value) { return Scalar::Of(static_cast<cl_int>(value)); }
inline Arg I64(int64_t value) { return Scalar::Of(static_cast<cl_long>(value)); }
inline Arg F32(double value) { return Scalar::Of(static_cast<cl_float>(value)); }

using Size3 = std::array<size_t, 3>;

// One launch: the kernel `kernel` of kernels/`source`.cl, built with `defines` ("-DTX=f32 -DN=4").
struct Call {
  std::string source;
  std::string kernel;
  std::string defines;
  std::vector<Arg> args{};
  Size3 global{1, 1, 1};  // work-items; rounded up to whole work-groups, so kernels check bounds
  Size3 local{1, 1, 1};
  bool fixed_local = false;  // the kernel counts on this work-group size; else it may get a smaller
};

// A weight or constant in the layout that a kernel wants. `pack` reads input 0 (the value) and
// writes output 0 (`bytes` bytes); `unpack` the other way round, bit for bit. Equal keys promise
// equal bytes from equal values, so readers of one tensor share the form.
struct Packing {
  std::string key;
  uint64_t bytes = 0;
  std::vector<Call> pack;
  std::vector<Call> unpack;  // empty: there is no way back, and the plain value is kept beside

  static Operand From(ms_dtype dtype, std::vector<int64_t> shape) {
    return {Place{Where::kInput}, dtype, std::move(shape)};
  }
  static Operand To(ms_dtype dtype, std::vector<int64_t> shape) {
    return {Place{Where::kOutput}, dtype, std::move(shape)};
  }
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_CALL_H_

// Shape and Tensor: host values with a dtype, contiguous and row-major.
//
// A Tensor shares its bytes: copies are cheap and refer to the same memory. Bytes that several
// owners can see are treated as immutable; only the maker of a fresh tensor writes to it. Sizes are
// computed with overflow checks here and nowhere else.
#ifndef MIDSTREAM_CORE_GRAPH_TENSOR_H_
#define MIDSTREAM_CORE_GRAPH_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/export.h"
#include "core/base/status.h"
#include "core/graph/dtype.h"

namespace midstream {

constexpr int64_t kUnknownDim = -1;

// Dimensions, or "rank unknown". A dimension of kUnknownDim is not known yet.
class MS_API Shape {
 public:
  Shape() = default;  // a scalar
  Shape(std::vector<int64_t> dims)
      : dims_(std::move(dims)) {}  // NOLINT: a list of dimensions is a shape
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  static Shape UnknownRank() {
    Shape shape;
    shape.rank_known_ = false;
    return shape;
  }

  bool rank_known() const { return rank_known_; }
  size_t rank() const { return dims_.size(); }
  int64_t operator[](size_t axis) const { return dims_[axis]; }
  const std::vector<int64_t>& dims() const { return dims_; }
  std::vector<int64_t>& mutable_dims() { return dims_; }
  // Rank and every dimension known.
  bool IsFullyKnown() const;
  // True if a tensor of the fully known shape `actual` may be used where this shape is declared.
  bool Accepts(const Shape& actual) const;
  // "[2,3]", "[?,784]", "[]" for a scalar, "<unknown rank>".
  std::string ToString() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<int64_t> dims_;
  bool rank_known_ = true;
};

// Product of the dimensions. Errors: INVALID_ARGUMENT for an unknown or negative dimension or when
// it passes 2^62.
MS_API Result<int64_t> ElementCount(const Shape& shape);
// ElementCount times DTypeSize. Errors: as ElementCount; INVALID_ARGUMENT for a dtype without a
// fixed size.
MS_API Result<size_t> ByteSize(DType dtype, const Shape& shape);

class MS_API Tensor {
 public:
  Tensor() = default;  // empty(): no value

  // Fresh memory, 64-byte aligned, content undefined. Errors: as ByteSize; RESOURCE_EXHAUSTED.
  static Result<Tensor> Allocate(DType dtype, Shape shape);
  // Fresh memory holding a copy of `bytes`. Errors: as Allocate; INVALID_ARGUMENT when the size
  // differs.
  static Result<Tensor> Copy(DType dtype, Shape shape, std::span<const std::byte> bytes);
  // Shares memory: `owner` keeps `data` alive as long as any copy of the tensor lives; a null owner
  // means that the caller does. Any alignment. Requires: shape fully known and `data` holding
  // ByteSize bytes.
  static Tensor Wrap(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> owner);
  // A 1-d tensor, or a scalar.
  static Tensor FromInts(const std::vector<int64_t>& values);
  template <typename T>
  static Tensor Scalar(DType dtype, T value) {
    Tensor t = *Allocate(dtype, {});
    *static_cast<T*>(t.mutable_data()) = value;
    return t;
  }

  bool empty() const { return dtype_ == DType::kInvalid; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const void* data() const { return data_; }
  size_t byte_size() const { return byte_size_; }
  int64_t count() const { return dtype_ == DType::kInvalid ? 0 : count_; }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(data_), byte_size_};
  }

  // Whether no other tensor shares these bytes, so that they may be written.
  bool sole_owner() const { return owner_.use_count() == 1; }

  // Requires: this tensor was made by Allocate or Copy and no other owner reads it.
  void* mutable_data() { return const_cast<void*>(data_); }

  // Typed view. Requires: sizeof(T) == DTypeSize(dtype()) and memory aligned for T.
  template <typename T>
  std::span<const T> as() const {
    return {static_cast<const T*>(data_), static_cast<size_t>(count_)};
  }
  template <typename T>
  std::span<T> mutable_as() {
    return {static_cast<T*>(mutable_data()), static_cast<size_t>(count_)};
  }

  // The same bytes under another shape of equal element count. Errors: INVALID_ARGUMENT.
  Result<Tensor> Reshaped(Shape shape) const;
  // Integer or bool elements widened to int64. Errors: INVALID_ARGUMENT for other dtypes.
  Result<std::vector<int64_t>> ToInts() const;

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  const void* data_ = nullptr;
  size_t byte_size_ = 0;
  int64_t count_ = 0;
  std::shared_ptr<const void> owner_;
};

// Equal dtype, shape and bytes.
MS_API bool BitEqual(const Tensor& a, const Tensor& b);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_TENSOR_H_

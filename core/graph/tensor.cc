#include "core/graph/tensor.h"

#include <cstdlib>
#include <cstring>

namespace midstream {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 62;
constexpr size_t kAlignment = 64;

template <typename T>
void Widen(const Tensor& tensor, std::vector<int64_t>* out) {
  const auto* bytes = static_cast<const std::byte*>(tensor.data());
  for (int64_t i = 0; i < tensor.count(); ++i) {
    T value;  // memory mapped from a file may have any alignment
    std::memcpy(&value, bytes + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    out->push_back(static_cast<int64_t>(value));
  }
}

}  // namespace

bool Shape::IsFullyKnown() const {
  if (!rank_known_) return false;
  for (int64_t dim : dims_) {
    if (dim < 0) return false;
  }
  return true;
}

bool Shape::Accepts(const Shape& actual) const {
  if (!rank_known_) return true;
  if (actual.rank() != rank()) return false;
  for (size_t i = 0; i < rank(); ++i) {
    if (dims_[i] >= 0 && dims_[i] != actual[i]) return false;
  }
  return true;
}

std::string Shape::ToString() const {
  if (!rank_known_) return "<unknown rank>";
  std::string text = "[";
  for (size_t i = 0; i < dims_.size(); ++i) {
    if (i > 0) text += ",";
    text += dims_[i] < 0 ? "?" : std::to_string(dims_[i]);
  }
  return text + "]";
}

Result<int64_t> ElementCount(const Shape& shape) {
  if (!shape.IsFullyKnown())
    return InvalidArgument("shape " + shape.ToString() + " is not fully known");
  int64_t count = 1;
  bool zero = false;
  for (int64_t dim : shape.dims()) {
    if (dim == 0) {
      zero = true;
    } else if (count > kMaxElements / dim) {
      return InvalidArgument("shape " + shape.ToString() + " has too many elements");
    } else {
      count *= dim;
    }
  }
  return zero ? 0 : count;
}

Result<size_t> ByteSize(DType dtype, const Shape& shape) {
  size_t size = DTypeSize(dtype);
  if (size == 0)
    return InvalidArgument("dtype " + std::string(DTypeName(dtype)) + " has no fixed element size");
  MS_ASSIGN_OR_RETURN(int64_t count, ElementCount(shape));
  if (count > kMaxElements / static_cast<int64_t>(size)) {
    return InvalidArgument("shape " + shape.ToString() + " has too many bytes");
  }
  return static_cast<size_t>(count) * size;
}

Result<Tensor> Tensor::Allocate(DType dtype, Shape shape) {
  MS_ASSIGN_OR_RETURN(size_t bytes, ByteSize(dtype, shape));
  size_t rounded = (bytes / kAlignment + 1) * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr) {
    return ResourceExhausted("out of memory: " + std::to_string(bytes) + " bytes for a tensor " +
                             shape.ToString());
  }
  return Wrap(dtype, std::move(shape), memory, std::shared_ptr<const void>(memory, std::free));
}

Result<Tensor> Tensor::Copy(DType dtype, Shape shape, std::span<const std::byte> bytes) {
  MS_ASSIGN_OR_RETURN(Tensor tensor, Allocate(dtype, std::move(shape)));
  if (tensor.byte_size() != bytes.size()) {
    return InvalidArgument(
        "a " + std::string(DTypeName(dtype)) + " tensor " + tensor.shape().ToString() + " has " +
        std::to_string(tensor.byte_size()) + " bytes, got " + std::to_string(bytes.size()));
  }
  if (!bytes.empty()) std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return tensor;
}

Tensor Tensor::Wrap(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.count_ = *ElementCount(shape);
  tensor.byte_size_ = static_cast<size_t>(tensor.count_) * DTypeSize(dtype);
  tensor.shape_ = std::move(shape);
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::FromInts(const std::vector<int64_t>& values) {
  auto tensor =
      Copy(DType::kI64, {static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values)));
  return *std::move(tensor);
}

Result<Tensor> Tensor::Reshaped(Shape shape) const {
  MS_ASSIGN_OR_RETURN(int64_t count, ElementCount(shape));
  if (count != count_) {
    return InvalidArgument("cannot view " + shape_.ToString() + " as " + shape.ToString());
  }
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Result<std::vector<int64_t>> Tensor::ToInts() const {
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(count()));
  switch (dtype_) {
    case DType::kI8:
      Widen<int8_t>(*this, &out);
      return out;
    case DType::kI16:
      Widen<int16_t>(*this, &out);
      return out;
    case DType::kI32:
      Widen<int32_t>(*this, &out);
      return out;
    case DType::kI64:
      Widen<int64_t>(*this, &out);
      return out;
    case DType::kBool:
    case DType::kU8:
      Widen<uint8_t>(*this, &out);
      return out;
    case DType::kU16:
      Widen<uint16_t>(*this, &out);
      return out;
    case DType::kU32:
      Widen<uint32_t>(*this, &out);
      return out;
    case DType::kU64:
      Widen<uint64_t>(*this, &out);
      return out;
    default:
      return InvalidArgument("expected integers, got " + std::string(DTypeName(dtype_)));
  }
}

bool BitEqual(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.byte_size() == 0 || std::memcmp(a.data(), b.data(), a.byte_size()) == 0);
}

}  // namespace midstream

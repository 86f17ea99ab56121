#include "core/formats/tensorflow/tensor_proto.h"

#include <cstring>
#include <string>

#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

constexpr size_t kLargestRepeated = size_t{256} << 20;

// The fields of the message; of the lists, only the one that belongs to the dtype matters.
struct Parts {
  int64_t type = 0;
  Shape shape;
  std::string_view content;
  std::vector<int64_t> numbers;   // integers, bools, and the bits of half and bfloat16
  std::vector<uint32_t> floats;   // bits
  std::vector<uint64_t> doubles;  // bits
};

Result<Parts> DecodeParts(std::string_view bytes) {
  Parts parts;
  std::string_view shape;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        parts.type = reader.signed_number();
        break;
      case 2:
        shape = reader.bytes();
        break;
      case 4:
        parts.content = reader.bytes();
        break;
      case 5:
        reader.AppendFixed32(&parts.floats);
        break;
      case 6:
        reader.AppendFixed64(&parts.doubles);
        break;
      case 7:
      case 10:
      case 11:
      case 13:
      case 16:
      case 17:
        reader.AppendNumbers(&parts.numbers);
        break;
    }
  }
  if (!reader.ok()) return DataLoss("a tensor is not a valid protobuf message");
  MS_ASSIGN_OR_RETURN(parts.shape, DecodeShape(shape));
  return parts;
}

// Integers are stored widened; every narrower target takes the low bytes.
template <typename T, typename Stored>
void Fill(const std::vector<Stored>& values, Tensor* tensor) {
  std::span<T> out = tensor->mutable_as<T>();
  for (size_t i = 0; i < out.size(); ++i) {
    Stored value = i < values.size() ? values[i] : values.back();
    out[i] = static_cast<T>(value);
  }
}

template <typename Stored>
void FillBySize(const std::vector<Stored>& values, Tensor* tensor) {
  switch (DTypeSize(tensor->dtype())) {
    case 1:
      return Fill<uint8_t>(values, tensor);
    case 2:
      return Fill<uint16_t>(values, tensor);
    case 4:
      return Fill<uint32_t>(values, tensor);
    default:
      return Fill<uint64_t>(values, tensor);
  }
}

// Whether fewer values than elements repeat the last one.
enum class Repeat : bool { kNo, kYes };

Result<Tensor> MakeTensor(const Parts& parts, DType dtype, const Shape& shape, Repeat repeat) {
  std::string what = "a tensor of shape " + shape.ToString();
  auto size = ByteSize(dtype, shape);
  if (!size.ok()) return DataLoss("a tensor's " + std::string(size.status().message()));
  if (!parts.content.empty()) {
    if (parts.content.size() != *size) {
      return DataLoss(what + " has " + std::to_string(parts.content.size()) + " bytes; expected " +
                      std::to_string(*size));
    }
    return Tensor::Copy(dtype, shape, std::as_bytes(std::span(parts.content)));
  }
  size_t given = dtype == DType::kF32   ? parts.floats.size()
                 : dtype == DType::kF64 ? parts.doubles.size()
                                        : parts.numbers.size();
  size_t elements = *size / DTypeSize(dtype);
  if (given > elements || (given < elements && repeat == Repeat::kNo)) {
    return DataLoss(what + " has " + std::to_string(given) + " values");
  }
  bool repeats = given < elements;
  if (repeats && *size > kLargestRepeated) {
    return ResourceExhausted(what + " that repeats one value needs " + std::to_string(*size) +
                             " bytes");
  }
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, shape));
  if (given == 0) {
    std::memset(tensor.mutable_data(), 0, tensor.byte_size());
  } else if (dtype == DType::kF32) {
    FillBySize(parts.floats, &tensor);
  } else if (dtype == DType::kF64) {
    FillBySize(parts.doubles, &tensor);
  } else {
    FillBySize(parts.numbers, &tensor);
  }
  return tensor;
}

}  // namespace

Result<Tensor> DecodeTensor(std::string_view bytes) {
  MS_ASSIGN_OR_RETURN(Parts parts, DecodeParts(bytes));
  DType dtype = DTypeFromProto(parts.type);
  if (DTypeSize(dtype) == 0) {
    return Unimplemented("a constant of type " + ProtoTypeName(parts.type) +
                         " cannot be computed with");
  }
  return MakeTensor(parts, dtype, parts.shape, Repeat::kYes);
}

Result<Tensor> DecodeTensorValues(std::string_view bytes, DType dtype, const Shape& shape) {
  MS_ASSIGN_OR_RETURN(Parts parts, DecodeParts(bytes));
  return MakeTensor(parts, dtype, shape, Repeat::kNo);
}

Result<std::vector<std::string_view>> DecodeStringTensor(std::string_view bytes) {
  std::vector<std::string_view> strings;
  int64_t type = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) type = reader.signed_number();
    if (reader.field() == 8) strings.push_back(reader.bytes());
  }
  if (!reader.ok()) return DataLoss("a tensor is not a valid protobuf message");
  if (DTypeFromProto(type) != DType::kString) {
    return DataLoss("a tensor of " + ProtoTypeName(type) + " stands where strings belong");
  }
  return strings;
}

}  // namespace midstream::tensorflow

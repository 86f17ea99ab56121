#include "core/models/openpi/lora.h"

#include <string_view>
#include <vector>

namespace midstream::openpi {
namespace {

float ToFloat(const Tensor& tensor, size_t i) {
  switch (tensor.dtype()) {
    case DType::kF64:
      return static_cast<float>(tensor.as<double>()[i]);
    case DType::kF16:
      return HalfToFloat(tensor.as<uint16_t>()[i]);
    case DType::kBF16:
      return BFloat16ToFloat(tensor.as<uint16_t>()[i]);
    default:
      return tensor.as<float>()[i];
  }
}

void Store(float value, size_t i, Tensor* tensor) {
  switch (tensor->dtype()) {
    case DType::kF64:
      tensor->mutable_as<double>()[i] = value;
      break;
    case DType::kF16:
      tensor->mutable_as<uint16_t>()[i] = FloatToHalf(value);
      break;
    case DType::kBF16:
      tensor->mutable_as<uint16_t>()[i] = FloatToBFloat16(value);
      break;
    default:
      tensor->mutable_as<float>()[i] = value;
  }
}

std::vector<float> Floats(const Tensor& tensor) {
  std::vector<float> floats(static_cast<size_t>(tensor.count()));
  for (size_t i = 0; i < floats.size(); ++i) floats[i] = ToFloat(tensor, i);
  return floats;
}

// Every matrix of `size` values becomes the sum of all.
void SumMatrices(size_t size, std::vector<float>* matrices) {
  std::vector<float> sum(size, 0);
  for (size_t i = 0; i < matrices->size(); ++i) sum[i % size] += (*matrices)[i];
  for (size_t i = 0; i < matrices->size(); ++i) (*matrices)[i] = sum[i % size];
}

}  // namespace

std::string LoraName(const std::string& weight, const std::string& ending) {
  constexpr std::string_view kMatrix = "/w";
  if (!weight.ends_with(kMatrix)) return weight + "_lora_" + ending;
  return weight.substr(0, weight.size() - kMatrix.size()) + "/lora_" + ending;
}

bool SumsHeads(const std::string& weight) {
  return weight.find("/attn_vec_einsum") != std::string::npos;
}

Result<Tensor> MergeLora(const Tensor& base, const Tensor& a, const Tensor& b, bool sum_heads) {
  const Shape& shape = base.shape();
  const auto columns = static_cast<size_t>(shape[shape.rank() - 1]);
  const auto rows = static_cast<size_t>(shape[shape.rank() - 2]);
  const auto rank = static_cast<size_t>(a.shape()[shape.rank() - 1]);
  MS_ASSIGN_OR_RETURN(Tensor merged, Tensor::Allocate(base.dtype(), shape));
  const std::vector<float> left = Floats(a);
  std::vector<float> right = Floats(b);
  if (sum_heads) SumMatrices(rank * columns, &right);
  std::vector<float> line(columns);
  const size_t lines = static_cast<size_t>(base.count()) / columns;
  for (size_t i = 0; i < lines; ++i) {
    for (size_t j = 0; j < columns; ++j) line[j] = ToFloat(base, i * columns + j);
    const float* matrix = right.data() + i / rows * rank * columns;
    for (size_t r = 0; r < rank; ++r, matrix += columns) {
      const float factor = left[i * rank + r];
      for (size_t j = 0; j < columns; ++j) line[j] += factor * matrix[j];
    }
    for (size_t j = 0; j < columns; ++j) Store(line[j], i * columns + j, &merged);
  }
  return merged;
}

}  // namespace midstream::openpi

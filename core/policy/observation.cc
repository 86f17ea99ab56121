#include "core/policy/observation.h"

#include <fmt/format.h>

#include <cmath>

#include "core/formats/file.h"

namespace midstream::policy {
namespace {

using formats::Quoted;

constexpr size_t kMostListed = 20;

template <typename T>
std::vector<double> Widened(const Tensor& tensor) {
  const auto values = tensor.as<T>();
  return {values.begin(), values.end()};
}

std::vector<double> Numbers(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kF64:
      return Widened<double>(tensor);
    case DType::kF32:
      return Widened<float>(tensor);
    case DType::kI32:
      return Widened<int32_t>(tensor);
    case DType::kI64:
      return Widened<int64_t>(tensor);
    default:
      return {};
  }
}

std::string Described(const Tensor& tensor) {
  return fmt::format("{} {}", DTypeName(tensor.dtype()), tensor.shape().ToString());
}

}  // namespace

Result<Tensor> FindArray(const Observation& observation, std::string_view key) {
  const auto found = observation.arrays.find(key);
  if (found != observation.arrays.end()) return found->second;
  std::string others;
  size_t count = 0;
  for (const auto& [name, array] : observation.arrays) {
    if (++count <= kMostListed) others += (others.empty() ? "" : ", ") + Quoted(name);
  }
  if (count > kMostListed) others += fmt::format(" and {} more", count - kMostListed);
  return InvalidArgument(fmt::format("the observation has no array {}; it has {}", Quoted(key),
                                     others.empty() ? "none" : others));
}

Result<std::vector<double>> ReadVector(const Observation& observation, std::string_view key,
                                       int64_t size, bool or_scalar) {
  MS_ASSIGN_OR_RETURN(const Tensor array, FindArray(observation, key));
  const Shape& shape = array.shape();
  std::vector<double> numbers = Numbers(array);
  const bool fits = (shape.rank() == 1 && shape[0] > 0 && (size == 0 || shape[0] == size)) ||
                    (or_scalar && shape.rank() == 0);
  if (!fits || numbers.empty()) {
    return InvalidArgument(
        fmt::format("observation {}: {}, expected float32 or float64 of shape "
                    "[{}]{}",
                    Quoted(key), Described(array), size == 0 ? "N" : std::to_string(size),
                    or_scalar ? " or []" : ""));
  }
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (std::isfinite(numbers[i])) continue;
    return InvalidArgument(fmt::format("observation {}: value {} is {}, expected a finite number",
                                       Quoted(key), i, numbers[i]));
  }
  return numbers;
}

Result<bool> ReadFlag(const Observation& observation, std::string_view key) {
  MS_ASSIGN_OR_RETURN(const Tensor array, FindArray(observation, key));
  if (array.dtype() != DType::kBool || array.count() != 1) {
    return InvalidArgument(fmt::format("observation {}: {}, expected bool of shape []", Quoted(key),
                                       Described(array)));
  }
  return array.as<uint8_t>()[0] != 0;
}

}  // namespace midstream::policy

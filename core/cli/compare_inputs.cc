#include "core/cli/compare_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace midstream::cli {
namespace {

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// "0,255" or "[0,255]".
std::optional<ValueRange> ParseRange(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto low = ParseNumber(text.substr(0, comma));
  const auto high = ParseNumber(text.substr(comma + 1));
  if (!low || !high || *low > *high) return std::nullopt;
  return ValueRange{*low, *high};
}

template <typename T, typename Convert>
void Map(const Tensor& from, Tensor* to, Convert convert) {
  const auto source = from.as<double>();
  const auto target = to->mutable_as<T>();
  for (size_t i = 0; i < source.size(); ++i) target[i] = static_cast<T>(convert(source[i]));
}

// Floats uniform in [low, high), integers in [low, high] as far as their dtype goes.
Result<Tensor> RandomInRange(DType dtype, const Shape& shape, const ValueRange& range,
                             uint64_t seed) {
  MS_ASSIGN_OR_RETURN(const Tensor unit, RandomTensor(DType::kF64, shape, seed));
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, shape));
  const auto real = [&](double u) { return range.low + (range.high - range.low) * u; };
  const auto single = [&](double u) { return static_cast<float>(real(u)); };
  const auto integer = [&]<typename T>(T) {
    const double low =
        std::max(std::ceil(range.low), static_cast<double>(std::numeric_limits<T>::min()));
    // The largest double below 2^63 converts, 2^63 itself does not.
    const double most = std::nextafter(static_cast<double>(std::numeric_limits<T>::max()) + 1, 0);
    const double high = std::min(std::floor(range.high), std::floor(most));
    Map<T>(unit, &tensor, [&](double u) {
      return std::clamp(std::floor(low + (high - low + 1) * u), low, std::max(low, high));
    });
  };
  switch (dtype) {
    case DType::kF32:
      Map<float>(unit, &tensor, single);
      break;
    case DType::kF64:
      Map<double>(unit, &tensor, real);
      break;
    case DType::kF16:
      Map<uint16_t>(unit, &tensor, [&](double u) { return FloatToHalf(single(u)); });
      break;
    case DType::kBF16:
      Map<uint16_t>(unit, &tensor, [&](double u) { return FloatToBFloat16(single(u)); });
      break;
    case DType::kI8:
      integer(int8_t{});
      break;
    case DType::kI16:
      integer(int16_t{});
      break;
    case DType::kI32:
      integer(int32_t{});
      break;
    case DType::kI64:
      integer(int64_t{});
      break;
    case DType::kU8:
      integer(uint8_t{});
      break;
    case DType::kU16:
      integer(uint16_t{});
      break;
    case DType::kU32:
      integer(uint32_t{});
      break;
    case DType::kU64:
      integer(uint64_t{});
      break;
    default:
      return RandomTensor(dtype, shape, seed);  // a bool has no range
  }
  return tensor;
}

}  // namespace

Result<ValueRanges> ValueRanges::Parse(const std::vector<std::string>& texts) {
  ValueRanges ranges;
  for (const std::string& text : texts) {
    const size_t colon = text.rfind(':');
    const bool named = colon != std::string::npos;
    const auto range = ParseRange(named ? std::string_view(text).substr(colon + 1) : text);
    if (!range || (named && colon == 0)) {
      return InvalidArgument(fmt::format(
          "--val-range: '{}' is no range: expected LOW,HIGH, as -1,1, or INPUT:LOW,HIGH", text));
    }
    if (named) {
      ranges.named_[std::string(WithoutPort(text.substr(0, colon)))] = *range;
    } else {
      ranges.all_ = range;
    }
  }
  return ranges;
}

std::optional<ValueRange> ValueRanges::Of(std::string_view input) const {
  const auto it = named_.find(WithoutPort(input));
  return it != named_.end() ? std::optional(it->second) : all_;
}

Status ValueRanges::CheckNames(const std::vector<TensorSpec>& inputs) const {
  for (const auto& [name, range] : named_) {
    const bool known = std::any_of(inputs.begin(), inputs.end(), [&](const TensorSpec& input) {
      return WithoutPort(input.name) == name;
    });
    if (!known) {
      return InvalidArgument(fmt::format("--val-range: there is no input '{}'", name));
    }
  }
  return OkStatus();
}

Result<std::vector<NamedTensor>> MakeInputsInRanges(const InputPlan& plan,
                                                    const std::vector<TensorSpec>& specs) {
  MS_RETURN_IF_ERROR(plan.ranges.CheckNames(specs));
  std::vector<NamedTensor> inputs;
  for (const TensorSpec& spec : specs) {
    const std::string text = SpecOf(spec.name, plan.named);
    const uint64_t seed = plan.seed + inputs.size();
    Result<Tensor> value =
        text.empty() ? RandomBatch(spec, plan.batch, seed) : ReadValue(spec, text, seed);
    if (!value.ok()) return value.status();
    const auto range = plan.ranges.Of(spec.name);
    if (range && (text.empty() || text.starts_with("random:"))) {
      value = RandomInRange(spec.dtype, value->shape(), *range, seed);
      if (!value.ok()) return value.status();
    }
    inputs.push_back({spec.name, *std::move(value)});
  }
  return inputs;
}

}  // namespace midstream::cli

// Values for inputs as the command line gives them: a file, a member of an archive, or random.
#include "core/cli/input_value.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "core/formats/npy/npy.h"
#include "core/formats/npy/npz.h"

namespace midstream::cli {
namespace {

constexpr std::string_view kRandom = "random:";
constexpr std::string_view kArchive = ".npz:";

// "2x3x4" or "scalar".
std::optional<Shape> ParseShape(std::string_view text) {
  if (text == "scalar") return Shape();
  std::vector<int64_t> dims;
  while (true) {
    const std::string_view part = text.substr(0, text.find('x'));
    int64_t dim = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), dim);
    if (error != std::errc() || end != part.data() + part.size() || dim < 0) return std::nullopt;
    dims.push_back(dim);
    if (part.size() == text.size()) return Shape(std::move(dims));
    text.remove_prefix(part.size() + 1);
  }
}

// SplitMix64: a generator whose whole definition is here, so that its values never change.
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}

  uint64_t Bits() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }
  // In [0, 1), a multiple of 2^-24.
  float Uniform() { return static_cast<float>(Bits() >> 40) * 0x1p-24f; }

 private:
  uint64_t state_;
};

template <typename T, typename Make>
void Fill(Tensor& tensor, Make make) {
  for (T& value : tensor.mutable_as<T>()) value = static_cast<T>(make());
}

}  // namespace

Result<InputArg> ParseInputArg(std::string_view text) {
  const size_t equals = text.find('=');
  InputArg arg{std::string(text.substr(0, equals)), {}};
  if (equals != std::string_view::npos) arg.spec = text.substr(equals + 1);
  if (arg.name.empty() || (equals != std::string_view::npos && arg.spec.empty())) {
    return InvalidArgument(
        fmt::format("input '{}' is not of the form NAME=SPEC, where SPEC is {}", text, kValueHelp));
  }
  return arg;
}

Result<std::vector<InputArg>> ParseInputArgs(const std::vector<std::string>& texts) {
  std::vector<InputArg> args;
  for (const std::string& text : texts) {
    MS_ASSIGN_OR_RETURN(InputArg arg, ParseInputArg(text));
    args.push_back(std::move(arg));
  }
  return args;
}

std::vector<std::string> InputNames(const std::vector<InputArg>& args) {
  std::vector<std::string> names;
  names.reserve(args.size());
  for (const InputArg& arg : args) names.push_back(arg.name);
  return names;
}

std::string SpecOf(const std::string& input, const std::vector<InputArg>& args) {
  std::string spec;
  for (const InputArg& arg : args) {
    if (WithoutPort(arg.name) == WithoutPort(input)) spec = arg.spec;
  }
  return spec;
}

bool IsShape(std::string_view text) { return ParseShape(text).has_value(); }

Result<Tensor> ReadValue(const TensorSpec& input, const std::string& spec, uint64_t seed) {
  if (spec.starts_with(kRandom)) {
    const std::optional<Shape> shape = ParseShape(std::string_view(spec).substr(kRandom.size()));
    if (!shape) {
      return InvalidArgument(fmt::format(
          "input '{}': '{}' is not of the form random:2x3x4 or random:scalar", input.name, spec));
    }
    Result<Tensor> random = RandomTensor(input.dtype, *shape, seed);
    if (!random.ok()) return random.status().WithContext(fmt::format("input '{}'", input.name));
    return random;
  }
  if (const size_t archive = spec.find(kArchive); archive != std::string::npos) {
    const size_t key = archive + kArchive.size();
    return formats::ReadNpzMember(spec.substr(0, key - 1), spec.substr(key));
  }
  if (spec.ends_with(".npy")) return formats::ReadNpy(spec);
  return InvalidArgument(fmt::format("input '{}': '{}' is not {}", input.name, spec, kValueHelp));
}

Result<Tensor> RandomTensor(DType dtype, const Shape& shape, uint64_t seed) {
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, shape));
  Generator generator(seed);
  auto bit = [&] { return generator.Bits() >> 63; };
  switch (dtype) {
    case DType::kF32:
      Fill<float>(tensor, [&] { return generator.Uniform(); });
      break;
    case DType::kF64:
      Fill<double>(tensor, [&] { return generator.Uniform(); });
      break;
    case DType::kF16:
      Fill<uint16_t>(tensor, [&] { return FloatToHalf(generator.Uniform()); });
      break;
    case DType::kBF16:
      Fill<uint16_t>(tensor, [&] { return FloatToBFloat16(generator.Uniform()); });
      break;
    default:
      switch (DTypeSize(dtype)) {
        case 1:
          Fill<uint8_t>(tensor, bit);
          break;
        case 2:
          Fill<uint16_t>(tensor, bit);
          break;
        case 4:
          Fill<uint32_t>(tensor, bit);
          break;
        default:
          Fill<uint64_t>(tensor, bit);
      }
  }
  return tensor;
}

Result<Tensor> RandomBatch(const TensorSpec& input, int64_t batch, uint64_t seed) {
  Shape shape = input.shape;
  if (shape.rank_known() && shape.rank() > 0 && shape[0] == kUnknownDim) {
    shape.mutable_dims()[0] = batch;
  }
  if (shape.IsFullyKnown()) return RandomTensor(input.dtype, shape, seed);
  return InvalidArgument(
      fmt::format("input '{}' has the shape {}, which does not tell what to feed: give --input "
                  "{}=random:SHAPE or a file",
                  input.name, input.shape.ToString(), input.name));
}

Result<std::vector<NamedTensor>> MakeInputs(const std::vector<TensorSpec>& inputs,
                                            const std::vector<InputArg>& args, int64_t batch,
                                            uint64_t seed) {
  std::vector<NamedTensor> values;
  for (const TensorSpec& input : inputs) {
    const std::string spec = SpecOf(input.name, args);
    const uint64_t own_seed = seed + values.size();
    Result<Tensor> value =
        spec.empty() ? RandomBatch(input, batch, own_seed) : ReadValue(input, spec, own_seed);
    if (!value.ok()) return value.status();
    values.push_back({input.name, *std::move(value)});
  }
  return values;
}

}  // namespace midstream::cli

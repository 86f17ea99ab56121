#include "core/policy/model_level.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/formats/file.h"
#include "core/policy/robot.h"

namespace midstream::policy {
namespace {

using formats::Quoted;
using openpi::Family;

constexpr std::string_view kImage = "image.";
constexpr std::string_view kMask = "image_mask.";

Status Unfit(std::string_view key, const Tensor& array, const std::string& expected) {
  return InvalidArgument(fmt::format("observation {}: {} {}, expected {}", Quoted(key),
                                     DTypeName(array.dtype()), array.shape().ToString(), expected));
}

// pi0 and pi0.5 see three cameras, pi0-FAST those that are there, in the order of their names.
Result<std::vector<std::string>> Cameras(const Observation& observation, Family family) {
  std::vector<std::string> cameras = ModelCameras();
  const bool any = family == Family::kPi0Fast;
  if (any) cameras.clear();
  for (const auto& [key, array] : observation.arrays) {
    if (!key.starts_with(kImage)) continue;
    const std::string camera = key.substr(kImage.size());
    if (any) {
      cameras.push_back(camera);
    } else if (std::find(cameras.begin(), cameras.end(), camera) == cameras.end()) {
      return InvalidArgument(
          fmt::format("observation {}: the model has no such camera, expected {}", Quoted(key),
                      fmt::join(cameras, ", ")));
    }
  }
  if (cameras.empty()) {
    return InvalidArgument("the observation has no image, expected 'image.CAMERA' for each camera");
  }
  return cameras;
}

Result<CameraImage> ReadImage(const Observation& observation, const std::string& camera,
                              int64_t size) {
  const std::string key = std::string(kImage) + camera;
  MS_ASSIGN_OR_RETURN(const Tensor image, FindArray(observation, key));
  const bool known = image.dtype() == DType::kU8 || image.dtype() == DType::kF32;
  if (!known || image.shape() != Shape({size, size, 3})) {
    return Unfit(key, image, fmt::format("uint8 or float32 [{0},{0},3]", size));
  }
  if (image.dtype() == DType::kF32) {
    const auto values = image.as<float>();
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::all_of(values.begin(), values.end(), finite)) {
      return InvalidArgument(
          fmt::format("observation {}: expected finite numbers from -1 to 1", Quoted(key)));
    }
  }
  bool valid = true;
  const std::string mask = std::string(kMask) + camera;
  if (observation.arrays.contains(mask)) {
    MS_ASSIGN_OR_RETURN(valid, ReadFlag(observation, mask));
  }
  return CameraImage{camera, image, valid};
}

Result<Tensor> ReadState(const Observation& observation, int64_t size) {
  MS_ASSIGN_OR_RETURN(const std::vector<double> numbers, ReadVector(observation, "state", size));
  MS_ASSIGN_OR_RETURN(Tensor state,
                      Tensor::Allocate(DType::kF32, {static_cast<int64_t>(numbers.size())}));
  std::transform(numbers.begin(), numbers.end(), state.mutable_as<float>().begin(),
                 [](double number) { return static_cast<float>(number); });
  return state;
}

Status ReadTokens(const Observation& observation, int64_t vocabulary, ModelInputs* inputs) {
  MS_ASSIGN_OR_RETURN(const Tensor tokens, FindArray(observation, "tokens"));
  const bool integers = tokens.dtype() == DType::kI32 || tokens.dtype() == DType::kI64;
  if (!integers || tokens.shape().rank() != 1 || tokens.count() == 0) {
    return Unfit("tokens", tokens, "int32 or int64 [N]");
  }
  MS_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, tokens.ToInts());
  for (const int64_t id : ids) {
    if (id < 0 || id >= vocabulary) {
      return InvalidArgument(fmt::format(
          "observation 'tokens': {} is none of the {} tokens of the model", id, vocabulary));
    }
    inputs->tokens.push_back(static_cast<int32_t>(id));
  }
  MS_ASSIGN_OR_RETURN(const Tensor mask, FindArray(observation, "token_mask"));
  if (mask.dtype() != DType::kBool || mask.shape() != tokens.shape()) {
    return Unfit("token_mask", mask, "bool " + tokens.shape().ToString() + ", as 'tokens'");
  }
  const auto flags = mask.as<uint8_t>();
  inputs->token_mask.assign(flags.begin(), flags.end());
  return OkStatus();
}

}  // namespace

bool IsModelLevel(const Observation& observation) {
  const auto& arrays = observation.arrays;
  return arrays.contains("tokens") || std::any_of(arrays.begin(), arrays.end(), [](const auto& a) {
           return a.first.starts_with(kImage);
         });
}

Result<ModelInputs> ReadModelLevel(const Observation& observation, const openpi::Sizes& sizes) {
  ModelInputs inputs;
  MS_ASSIGN_OR_RETURN(const std::vector<std::string> cameras, Cameras(observation, sizes.family));
  for (const std::string& camera : cameras) {
    MS_ASSIGN_OR_RETURN(CameraImage image, ReadImage(observation, camera, sizes.vision.image));
    inputs.images.push_back(std::move(image));
  }
  MS_ASSIGN_OR_RETURN(inputs.state, ReadState(observation, sizes.action_dim));
  MS_RETURN_IF_ERROR(ReadTokens(observation, sizes.vocabulary, &inputs));
  return inputs;
}

}  // namespace midstream::policy

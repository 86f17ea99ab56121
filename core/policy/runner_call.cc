// The stages that all models have: checks, images, prefix.
#include "core/policy/runner_call.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/formats/file.h"

namespace midstream::policy {
namespace {

constexpr int64_t kMostSteps = 1'000;
constexpr int64_t kMostNewTokens = 4'096;

// Pixels as float32 in [-1, 1].
void Convert(const Tensor& image, std::span<float> to) {
  if (image.dtype() == DType::kF32) {
    std::memcpy(to.data(), image.data(), to.size_bytes());
    return;
  }
  const auto from = image.as<uint8_t>();
  for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(from[i]) / 255.0f * 2.0f - 1.0f;
}

// Part `index` of axis 0, as an axis of size 1.
Result<Tensor> PartOf(const Tensor& tensor, size_t index) {
  Shape shape = tensor.shape();
  const size_t bytes = tensor.byte_size() / static_cast<size_t>(shape[0]);
  shape.mutable_dims()[0] = 1;
  return Tensor::Copy(tensor.dtype(), shape, tensor.bytes().subspan(index * bytes, bytes));
}

Result<Tensor> ZerosLike(const Tensor& part) {
  MS_ASSIGN_OR_RETURN(Tensor zeros, Tensor::Allocate(part.dtype(), part.shape()));
  std::memset(zeros.mutable_data(), 0, zeros.byte_size());
  return zeros;
}

std::string TypeOf(const Tensor& tensor) {
  if (tensor.empty()) return "nothing";
  return std::string(DTypeName(tensor.dtype())) + tensor.shape().ToString();
}

bool AreFinite(const Tensors& values) {
  return std::all_of(values.begin(), values.end(), [](const auto& value) {
    return value.second.dtype() != DType::kF32 || IsFinite(value.second);
  });
}

// `count` from 1 to `most`.
Status CheckCount(const char* what, int64_t count, int64_t most) {
  if (count >= 1 && count <= most) return OkStatus();
  return InvalidArgument("expected 1 to " + std::to_string(most) + " " + what + ", got " +
                         std::to_string(count));
}

}  // namespace

bool IsFinite(const Tensor& floats) {
  const auto values = floats.as<float>();
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

// Nothing is looked at as long as results are finite, which is nearly always.
Status RunnerCall::NotFinite(const std::string& stage) const {
  std::string first = stage;
  if (!AreFinite(time_values_)) first = "stage 'time'";
  if (!AreFinite(prefix_)) first = "stage 'prefix'";
  if (!IsFinite(image_tokens_)) first = "stage 'vision'";
  return OutOfRange(first + " gave numbers that are not finite (NaN or infinity)");
}

// Those that are padded are not read.
Status RunnerCall::CheckTokens() const {
  const size_t count = inputs_.tokens.size();
  if (count != inputs_.token_mask.size()) {
    return InvalidArgument("expected a mask of " + std::to_string(count) + " tokens, got " +
                           std::to_string(inputs_.token_mask.size()));
  }
  const int64_t vocabulary = impl_.sizes.vocabulary;
  for (size_t i = 0; i < count; ++i) {
    const int32_t token = inputs_.tokens[i];
    if (!inputs_.token_mask[i] || (token >= 0 && token < vocabulary)) continue;
    return InvalidArgument("token " + std::to_string(i) + " is " + std::to_string(token) +
                           ", expected 0 to " + std::to_string(vocabulary - 1));
  }
  return OkStatus();
}

Status RunnerCall::CheckImage(const CameraImage& image) const {
  const int64_t side = impl_.sizes.vision.image;
  const Tensor& value = image.image;
  const bool fits = value.dtype() == DType::kU8 || value.dtype() == DType::kF32;
  if (fits && value.shape() == Shape{side, side, 3}) return OkStatus();
  return InvalidArgument("image " + formats::Quoted(image.camera) + ": expected uint8 or float32" +
                         Shape{side, side, 3}.ToString() + ", got " + TypeOf(value));
}

Status RunnerCall::CheckNoise() const {
  const int64_t dim = impl_.sizes.action_dim;
  const int64_t horizon = impl_.options.horizon > 0 ? impl_.options.horizon : kUnknownDim;
  const bool fits = noise_.dtype() == DType::kF32 && noise_.shape().rank() == 2 &&
                    Shape{horizon, dim}.Accepts(noise_.shape()) && noise_.shape()[0] > 0;
  if (fits && !IsFinite(noise_)) return InvalidArgument("noise: expected finite numbers");
  if (fits) return OkStatus();
  return InvalidArgument("noise: expected float32" + Shape{horizon, dim}.ToString() + ", got " +
                         TypeOf(noise_));
}

Status RunnerCall::CheckInputs() const {
  for (const CameraImage& image : inputs_.images) {
    if (image.valid) MS_RETURN_IF_ERROR(CheckImage(image));
  }
  if (std::none_of(inputs_.images.begin(), inputs_.images.end(),
                   [](const CameraImage& image) { return image.valid; })) {
    return InvalidArgument("expected at least one image that is valid");
  }
  MS_RETURN_IF_ERROR(CheckTokens());
  if (impl_.fast()) {
    return CheckCount("new tokens (max_new_tokens)", options_.max_new_tokens, kMostNewTokens);
  }
  MS_RETURN_IF_ERROR(CheckCount("steps", options_.steps, kMostSteps));
  const Shape state = {impl_.sizes.action_dim};
  if (impl_.sizes.family == openpi::Family::kPi0 &&
      (inputs_.state.dtype() != DType::kF32 || inputs_.state.shape() != state)) {
    return InvalidArgument("state: expected float32" + state.ToString() + ", got " +
                           TypeOf(inputs_.state));
  }
  // A number of the observation may have been too large for float32.
  if (impl_.sizes.family == openpi::Family::kPi0 && !IsFinite(inputs_.state)) {
    return InvalidArgument("state: expected numbers that are finite in float32");
  }
  return CheckNoise();
}

Result<Tensors> RunnerCall::Call(Entry& entry, const std::vector<NamedTensor>& inputs) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  MS_ASSIGN_OR_RETURN(Tensors values, entry.Run(inputs, version_));
  const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
  std::vector<StageTime>& stages = result_.stages;
  if (stages.empty() || stages.back().stage != entry.name()) stages.push_back({entry.name()});
  ++stages.back().runs;
  stages.back().ms += took.count();
  return values;
}

Result<RunnerResult> RunnerCall::Go() {
  MS_RETURN_IF_ERROR(CheckInputs());
  MS_ASSIGN_OR_RETURN(taps_, FindTaps(impl_.sizes, inputs_, options_.taps));
  MS_RETURN_IF_ERROR(impl_.Prepare(taps_));
  version_ = impl_.model.Pin();
  result_.version = version_.version();
  MS_RETURN_IF_ERROR(Vision());
  MS_RETURN_IF_ERROR(Prefix());
  MS_RETURN_IF_ERROR(impl_.fast() ? Decode() : Flow());
  return std::move(result_);
}

Status RunnerCall::Vision() {
  const int64_t side = impl_.sizes.vision.image;
  std::vector<size_t> cameras;  // that are valid
  for (size_t i = 0; i < inputs_.images.size(); ++i) {
    if (inputs_.images[i].valid) cameras.push_back(i);
  }
  MS_ASSIGN_OR_RETURN(
      Tensor images,
      Tensor::Allocate(DType::kF32, {static_cast<int64_t>(cameras.size()), side, side, 3}));
  const auto pixels = static_cast<size_t>(side * side * 3);
  for (size_t i = 0; i < cameras.size(); ++i) {
    Convert(inputs_.images[cameras[i]].image,
            images.mutable_as<float>().subspan(i * pixels, pixels));
  }
  MS_ASSIGN_OR_RETURN(Tensors values, Call(impl_.vision, {{"images", images}}));
  image_tokens_ = values.find("siglip.tokens")->second;
  values.emplace("", images);  // of the taps of images
  return KeepVision(values, cameras);
}

Status RunnerCall::KeepVision(const Tensors& values, const std::vector<size_t>& cameras) {
  for (const Tap& tap : taps_) {
    if (tap.stage != TapStage::kImage && tap.stage != TapStage::kVision) continue;
    const Tensor& all = values.find(tap.value)->second;
    const auto at = std::find(cameras.begin(), cameras.end(), tap.camera);
    const bool valid = at != cameras.end();
    MS_ASSIGN_OR_RETURN(Tensor part,
                        PartOf(all, valid ? static_cast<size_t>(at - cameras.begin()) : 0));
    if (!valid) {
      MS_ASSIGN_OR_RETURN(part, ZerosLike(part));
    }
    Keep(tap.name, std::move(part));
  }
  return OkStatus();
}

Status RunnerCall::Prefix() {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < inputs_.tokens.size(); ++i) {
    if (inputs_.token_mask[i]) tokens.push_back(inputs_.tokens[i]);
  }
  const Shape shape = {1, static_cast<int64_t>(tokens.size())};
  MS_ASSIGN_OR_RETURN(const Tensor prompt,
                      Tensor::Copy(DType::kI32, shape, std::as_bytes(std::span(tokens))));
  MS_ASSIGN_OR_RETURN(prefix_,
                      Call(impl_.prefix, {{"siglip.tokens", image_tokens_}, {"tokens", prompt}}));
  return KeepPrefix(prefix_);
}

Status RunnerCall::KeepPrefix(const Tensors& values) {
  for (const Tap& tap : taps_) {
    if (tap.stage == TapStage::kPrefix) MS_RETURN_IF_ERROR(KeepPrefixTap(tap, values));
  }
  return OkStatus();
}

Status RunnerCall::KeepPrefixTap(const Tap& tap, const Tensors& values) {
  const bool rolled = impl_.fast() && !tap.name.ends_with("_unaligned");
  const PrefixLayout layout = rolled ? layout_.RightAligned() : layout_;
  if (tap.value == "prefix.mask") {
    Keep(tap.name, layout.Mask());
  } else if (tap.value == "prefix.positions") {
    Keep(tap.name, layout.Positions());
  } else if (tap.value == "prefix.attn_mask") {
    Keep(tap.name, layout.AttentionMask());
  } else if (tap.value == "prefix.ar") {
    MS_ASSIGN_OR_RETURN(const Tensor mask, Tensor::Allocate(DType::kBool, {layout.rows()}));
    MS_ASSIGN_OR_RETURN(Tensor none, ZerosLike(mask));
    Keep(tap.name, std::move(none));
  } else if (tap.value == "prefill.logits") {
    Keep(tap.name, values.find(tap.value)->second);
  } else {
    const bool cache = tap.value == "prefix.k" || tap.value == "prefix.v";
    MS_ASSIGN_OR_RETURN(Tensor full, layout.Scatter(values.find(tap.value)->second, cache ? 2 : 1));
    Keep(tap.name, std::move(full));
  }
  return OkStatus();
}

}  // namespace midstream::policy

#include "core/policy/runner.h"

#include <utility>

#include "core/models/openpi/graph.h"
#include "core/models/openpi/model.h"
#include "core/policy/runner_call.h"

namespace midstream::policy {
namespace {

std::vector<std::string> Joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<std::string> StepInputs(const openpi::Sizes& sizes) {
  std::vector<std::string> inputs = {"x"};
  if (sizes.family == openpi::Family::kPi0) inputs.emplace_back("state");
  return Joined(Joined(inputs, TimeValues(sizes)), CacheValues(sizes, "prefix"));
}

std::vector<std::string> PrefixResults(const openpi::Sizes& sizes) {
  std::vector<std::string> results = CacheValues(sizes, "prefix");
  if (sizes.family == openpi::Family::kPi0Fast) results.emplace_back("prefill.logits");
  return results;
}

}  // namespace

std::vector<std::string> TimeValues(const openpi::Sizes& sizes) {
  if (sizes.family == openpi::Family::kPi0) return {"suffix.time_bias"};
  std::vector<std::string> names;
  for (int64_t i = 0; i < sizes.expert.depth; ++i) {
    names.push_back(openpi::LayerValue("suffix", i, "attn_mod"));
    names.push_back(openpi::LayerValue("suffix", i, "ffw_mod"));
  }
  names.emplace_back("suffix.final_mod");
  return names;
}

std::vector<std::string> CacheValues(const openpi::Sizes& sizes, const std::string& stage,
                                     const std::string& ending) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < sizes.vlm.depth; ++i) {
    names.push_back(openpi::LayerValue(stage, i, "k" + ending));
    names.push_back(openpi::LayerValue(stage, i, "v" + ending));
  }
  return names;
}

Runner::Impl::Impl(Model the_model, const openpi::Sizes& the_sizes,
                   const RunnerOptions& the_options)
    : model(std::move(the_model)),
      sizes(the_sizes),
      options(the_options),
      vision("vision", {"images"}, {"siglip.tokens"}),
      prefix("prefix", {"siglip.tokens", "tokens"}, PrefixResults(sizes)),
      time("time", {"time"}, TimeValues(sizes)),
      step("step", StepInputs(sizes), {"suffix.v_t"}),
      decode("decode",
             Joined({"decode.token", "decode.position", "decode.mask"},
                    CacheValues(sizes, "decode", "_cache")),
             Joined({"decode.logits"}, CacheValues(sizes, "decode"))) {}

Status Runner::Impl::Prepare(const std::vector<Tap>& taps) {
  MS_RETURN_IF_ERROR(vision.Prepare(model, ValuesOf(taps, TapStage::kVision)));
  MS_RETURN_IF_ERROR(prefix.Prepare(model, ValuesOf(taps, TapStage::kPrefix)));
  if (fast()) return decode.Prepare(model, {});
  MS_RETURN_IF_ERROR(time.Prepare(model, ValuesOf(taps, TapStage::kTime)));
  return step.Prepare(model, ValuesOf(taps, TapStage::kStep));
}

Result<Runner> Runner::Open(Engine& engine, Model model, const RunnerOptions& options) {
  static_cast<void>(engine);
  const auto* source = dynamic_cast<const openpi::OpenPiModel*>(&model.source());
  if (source == nullptr) {
    return InvalidArgument(model.source().path() + " is no checkpoint of OpenPI");
  }
  Runner runner;
  runner.impl_ = std::make_shared<Impl>(model, source->sizes(), options);
  MS_RETURN_IF_ERROR(runner.impl_->Prepare({}));
  return runner;
}

const openpi::Sizes& Runner::sizes() const { return impl_->sizes; }

std::vector<std::string> Runner::TapNames(const ModelInputs& inputs) const {
  std::vector<std::string> names;
  for (const Tap& tap : AllTaps(impl_->sizes, inputs)) names.push_back(tap.name);
  return names;
}

Result<RunnerResult> Runner::Run(const ModelInputs& inputs, const Tensor& noise,
                                 const RunOptions& options) {
  std::lock_guard lock(impl_->mutex);
  return RunnerCall(*impl_, inputs, noise, options).Go();
}

}  // namespace midstream::policy

// The loop of pi0 and pi0.5: from noise at time 1 to actions at time 0 along the velocity.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/policy/runner_call.h"

namespace midstream::policy {
namespace {

Tensor RowOf(const Tensor& rows, size_t row) {
  const size_t bytes = rows.byte_size() / static_cast<size_t>(rows.shape()[0]);
  return Tensor::Wrap(rows.dtype(), {1, rows.shape()[1]}, rows.bytes().data() + row * bytes,
                      std::make_shared<const Tensor>(rows));
}

Result<Tensor> FromFloats(const std::vector<float>& values, Shape shape) {
  return Tensor::Copy(DType::kF32, std::move(shape), std::as_bytes(std::span(values)));
}

}  // namespace

Status RunnerCall::Flow() {
  MS_RETURN_IF_ERROR(Times());
  MS_RETURN_IF_ERROR(Integrate());
  return KeepSteps();
}

// The times of the steps, added up in float32 as openpi does, and what depends on them.
Status RunnerCall::Times() {
  const float dt = -1.0f / static_cast<float>(options_.steps);
  float t = 1.0f;
  for (int64_t i = 0; i < options_.steps; ++i, t += dt) times_.push_back(t);
  for (const Tap& tap : taps_) {
    const bool timed = tap.stage == TapStage::kTime || tap.stage == TapStage::kStep;
    if (timed &&
        std::find(times_.begin() + options_.steps, times_.end(), tap.time) == times_.end()) {
      times_.push_back(tap.time);
    }
  }
  MS_ASSIGN_OR_RETURN(const Tensor all, FromFloats(times_, {static_cast<int64_t>(times_.size())}));
  MS_ASSIGN_OR_RETURN(time_values_, Call(impl_.time, {{"time", all}}));
  return OkStatus();
}

Result<Tensors> RunnerCall::Step(const Tensor& x, size_t time_row) {
  std::vector<NamedTensor> inputs;
  MS_ASSIGN_OR_RETURN(Tensor actions, x.Reshaped({1, horizon(), impl_.sizes.action_dim}));
  inputs.push_back({"x", std::move(actions)});
  if (impl_.sizes.family == openpi::Family::kPi0) {
    MS_ASSIGN_OR_RETURN(Tensor state, inputs_.state.Reshaped({1, impl_.sizes.action_dim}));
    inputs.push_back({"state", std::move(state)});
  }
  for (const std::string& name : TimeValues(impl_.sizes)) {
    inputs.push_back({name, RowOf(time_values_.find(name)->second, time_row)});
  }
  for (const std::string& name : CacheValues(impl_.sizes, "prefix")) {
    inputs.push_back({name, prefix_.find(name)->second});
  }
  return Call(impl_.step, inputs);
}

Status RunnerCall::Integrate() {
  const auto steps = static_cast<size_t>(options_.steps);
  const float dt = -1.0f / static_cast<float>(options_.steps);
  MS_ASSIGN_OR_RETURN(Tensor x, Tensor::Copy(DType::kF32, noise_.shape(), noise_.bytes()));
  std::vector<float> all_x(x.as<float>().begin(), x.as<float>().end());
  std::vector<float> all_v;
  for (size_t step = 0; step < steps; ++step) {
    MS_ASSIGN_OR_RETURN(const Tensors values, Step(x, step));
    const Tensor& velocity = values.find("suffix.v_t")->second;
    const auto v = velocity.as<float>();
    MS_ASSIGN_OR_RETURN(Tensor next, Tensor::Allocate(DType::kF32, noise_.shape()));
    for (size_t i = 0; i < v.size(); ++i) {
      next.mutable_as<float>()[i] = x.as<float>()[i] + dt * v[i];
    }
    if (!IsFinite(velocity) || !IsFinite(next)) {
      return NotFinite("step " + std::to_string(step + 1) + " of " + std::to_string(steps) +
                       " of stage 'step'");
    }
    x = std::move(next);
    all_x.insert(all_x.end(), x.as<float>().begin(), x.as<float>().end());
    all_v.insert(all_v.end(), v.begin(), v.end());
  }
  const int64_t dim = impl_.sizes.action_dim;
  for (const Tap& tap : taps_) {
    if (tap.stage != TapStage::kLoop) continue;
    const std::vector<float> t(times_.begin(), times_.begin() + options_.steps);
    auto value = tap.value == "trajectory.t" ? FromFloats(t, {options_.steps})
                 : tap.value == "trajectory.x"
                     ? FromFloats(all_x, {options_.steps + 1, 1, horizon(), dim})
                     : FromFloats(all_v, {options_.steps, 1, horizon(), dim});
    if (!value.ok()) return value.status();
    Keep(tap.name, *std::move(value));
  }
  result_.actions = std::move(x);
  return OkStatus();
}

// The expert at x = noise, once for each time that a tap names.
Status RunnerCall::KeepSteps() {
  for (size_t row = static_cast<size_t>(options_.steps); row < times_.size(); ++row) {
    const auto here = [&](const Tap& tap, TapStage stage) {
      return tap.stage == stage && tap.time == times_[row];
    };
    for (const Tap& tap : taps_) {
      if (!here(tap, TapStage::kTime)) continue;
      Keep(tap.name, RowOf(time_values_.find(tap.value)->second, row));
    }
    if (std::none_of(taps_.begin(), taps_.end(),
                     [&](const Tap& tap) { return here(tap, TapStage::kStep); })) {
      continue;
    }
    MS_ASSIGN_OR_RETURN(const Tensors values, Step(noise_, row));
    for (const Tap& tap : taps_) {
      if (!here(tap, TapStage::kStep)) continue;
      MS_ASSIGN_OR_RETURN(Tensor value, SuffixTap(tap, values));
      Keep(tap.name, std::move(value));
    }
  }
  return OkStatus();
}

// pi0's first row is the state, which does not see the actions; the first action begins a block, too.
Result<Tensor> RunnerCall::SuffixTap(const Tap& tap, const Tensors& values) const {
  const int64_t alone = impl_.sizes.family == openpi::Family::kPi0 ? 1 : 0;
  const int64_t rows = horizon() + alone;
  if (tap.value == "suffix.positions") return layout_.SuffixPositions(rows);
  if (tap.value == "suffix.attn_mask") return layout_.SuffixAttentionMask(rows, alone);
  if (tap.value != "suffix.ar") return values.find(tap.value)->second;
  MS_ASSIGN_OR_RETURN(Tensor begins, Tensor::Allocate(DType::kBool, {rows}));
  std::memset(begins.mutable_data(), 0, begins.byte_size());
  for (int64_t row = 0; row <= alone; ++row) {
    begins.mutable_as<bool>()[static_cast<size_t>(row)] = true;
  }
  return begins;
}

}  // namespace midstream::policy

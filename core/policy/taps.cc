#include "core/policy/taps.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/formats/file.h"

namespace midstream::policy {
namespace {

constexpr std::string_view kSuffix = "suffix.t";

// Made of shapes and masks, not by the graph.
constexpr std::array<std::string_view, 7> kMadeHere = {
    "prefix.mask", "prefix.ar",        "prefix.positions", "prefix.attn_mask",
    "suffix.ar",   "suffix.attn_mask", "suffix.positions"};

class Lister {
 public:
  Lister(const openpi::Sizes& sizes, const ModelInputs& inputs) : sizes_(sizes), inputs_(inputs) {}

  std::vector<Tap> Run(const std::vector<std::string>& times) {
    for (size_t i = 0; i < inputs_.images.size(); ++i) Camera(i);
    if (!inputs_.images.empty()) Vision();
    if (sizes_.family == openpi::Family::kPi0Fast) {
      Fast();
      return std::move(taps_);
    }
    for (const char* what : {"emb", "out", "k", "v", "mask", "ar", "positions", "attn_mask"}) {
      Add(TapStage::kPrefix, std::string("prefix.") + what);
    }
    for (const std::string& time : times) Suffix(time);
    for (const char* what : {"x", "v", "t"}) {
      Add(TapStage::kLoop, std::string("trajectory.") + what);
    }
    return std::move(taps_);
  }

 private:
  void Add(TapStage stage, const std::string& name) { taps_.push_back({name, stage, name}); }

  void Camera(size_t i) {
    const std::string& camera = inputs_.images[i].camera;
    taps_.push_back({"image_f32." + camera, TapStage::kImage, "", i});
    taps_.push_back({"siglip." + camera + ".tokens", TapStage::kVision, "siglip.tokens", i});
  }

  void Vision() {
    std::vector<std::string> stages = {"patch_conv", "with_posemb", "encoded"};
    for (int64_t i = 0; i < sizes_.vision.depth; ++i) {
      const std::string block = (i < 10 ? "block0" : "block") + std::to_string(i);
      stages.push_back(block + ".after_attn");
      stages.push_back(block + ".out");
    }
    for (const std::string& stage : stages) {
      taps_.push_back({"siglip.base." + stage, TapStage::kVision, "siglip." + stage});
    }
  }

  void Suffix(const std::string& time) {
    float value = 0;
    std::from_chars(time.data(), time.data() + time.size(), value);
    const auto add = [&](TapStage stage, const std::string& what) {
      taps_.push_back(
          {std::string(kSuffix) + time + "." + what, stage, "suffix." + what, 0, value});
    };
    add(TapStage::kTime, "time_emb");
    if (sizes_.family == openpi::Family::kPi05) add(TapStage::kTime, "adarms_cond");
    for (const char* what : {"emb", "k", "v", "out", "v_t", "ar", "attn_mask", "positions"}) {
      add(TapStage::kStep, what);
    }
  }

  void Fast() {
    for (const char* what : {"emb", "mask", "positions", "attn_mask"}) {
      Add(TapStage::kPrefix, std::string("prefix.") + what);
    }
    taps_.push_back({"prefix.emb_unaligned", TapStage::kPrefix, "prefix.emb"});
    taps_.push_back({"prefix.mask_unaligned", TapStage::kPrefix, "prefix.mask"});
    taps_.push_back({"prefill.k", TapStage::kPrefix, "prefix.k"});
    taps_.push_back({"prefill.v", TapStage::kPrefix, "prefix.v"});
    Add(TapStage::kPrefix, "prefill.logits");
    for (const char* what : {"tokens", "logits"}) {
      Add(TapStage::kDecode, std::string("decode.") + what);
    }
  }

  const openpi::Sizes& sizes_;
  const ModelInputs& inputs_;
  std::vector<Tap> taps_;
};

// "0.5" of "suffix.t0.5.v_t"; nothing if that is no time.
std::optional<std::string> TimeIn(std::string_view name) {
  if (!name.starts_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kSuffix.size());
  const std::string_view text = name.substr(0, name.rfind('.'));
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return std::string(text);
}

Status Unknown(const std::string& name, const std::vector<Tap>& all) {
  std::string known;
  for (const Tap& tap : all) known += (known.empty() ? "" : ", ") + tap.name;
  return InvalidArgument(
      "there is no tap " + formats::Quoted(name) +
      "; expected \"all\" or one of these (of suffix.t<T> with any time): " + known);
}

}  // namespace

std::vector<Tap> AllTaps(const openpi::Sizes& sizes, const ModelInputs& inputs,
                         const std::vector<std::string>& times) {
  return Lister(sizes, inputs).Run(times);
}

Result<std::vector<Tap>> FindTaps(const openpi::Sizes& sizes, const ModelInputs& inputs,
                                  const std::vector<std::string>& names) {
  const std::vector<Tap> all = AllTaps(sizes, inputs);
  std::vector<Tap> found;
  std::set<std::string> known;
  const auto take = [&](const Tap& tap) {
    if (known.insert(tap.name).second) found.push_back(tap);
  };
  for (const std::string& name : names) {
    if (name == "all") {
      for (const Tap& tap : all) take(tap);
      continue;
    }
    const std::optional<std::string> time = TimeIn(name);
    const std::vector<Tap> candidates = time ? AllTaps(sizes, inputs, {*time}) : all;
    const auto at = std::find_if(candidates.begin(), candidates.end(),
                                 [&](const Tap& tap) { return tap.name == name; });
    if (at == candidates.end()) return Unknown(name, all);
    take(*at);
  }
  return found;
}

std::vector<std::string> ValuesOf(const std::vector<Tap>& taps, TapStage stage) {
  std::vector<std::string> values;
  for (const Tap& tap : taps) {
    const bool made_here =
        std::find(kMadeHere.begin(), kMadeHere.end(), tap.value) != kMadeHere.end();
    if (tap.stage == stage && !made_here) values.push_back(tap.value);
  }
  return values;
}

}  // namespace midstream::policy

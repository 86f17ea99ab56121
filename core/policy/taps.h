// The taps of a run (runner.h): their names, and which value of the graph each of them is.
// Threads: plain values.
#ifndef MIDSTREAM_CORE_POLICY_TAPS_H_
#define MIDSTREAM_CORE_POLICY_TAPS_H_

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/model_inputs.h"

namespace midstream::policy {

// What makes the value.
enum class TapStage { kImage, kVision, kPrefix, kTime, kStep, kLoop, kDecode };

struct Tap {
  std::string name;  // "suffix.t0.5.v_t"
  TapStage stage = TapStage::kImage;
  std::string value;  // of the graph, "suffix.v_t"; what no graph makes has a name that it lacks
  size_t camera = 0;  // kImage, kVision: of the inputs' images
  float time = 0;     // kTime, kStep
};

// Every tap of a run on `inputs`; those of the expert at `times`, as text.
std::vector<Tap> AllTaps(const openpi::Sizes& sizes, const ModelInputs& inputs,
                         const std::vector<std::string>& times = {"1.0", "0.5", "0.1"});

// Errors: INVALID_ARGUMENT for a name that no tap has.
Result<std::vector<Tap>> FindTaps(const openpi::Sizes& sizes, const ModelInputs& inputs,
                                  const std::vector<std::string>& names);

// The values of the graph that `stage` has to give for `taps`.
std::vector<std::string> ValuesOf(const std::vector<Tap>& taps, TapStage stage);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_TAPS_H_

// Runner: runs an OpenPI model on prepared inputs, stage by stage.
//
// The graph holds no loop. The runner encodes the images of a request in one batch, computes the
// prefix once, all that depends on the time for every step at once, and then integrates the velocity
// from noise to actions; of pi0-FAST it decodes tokens. Masked images and padded tokens are left out,
// which changes nothing of what is computed for the others. All stages of a run use one version of
// the weights.
//
// A tap is a value within the model, by the name that the recorded data has for it:
//   image_f32.<camera>, siglip.base.<stage>, siglip.<camera>.tokens
//   prefix.{emb,out,k,v,mask,ar,positions,attn_mask}
//   suffix.t<T>.{emb,time_emb,adarms_cond,k,v,out,v_t,ar,attn_mask,positions}: of the expert at
//     x = noise and time T, whichever step the loop makes there
//   trajectory.{x,v,t}: of the loop
//   of pi0_fast: prefix.{emb_unaligned,mask_unaligned}, prefill.{k,v,logits}, decode.{tokens,logits}
// It has a batch axis of one, and zeros in rows that were left out. siglip.base is the first camera.
#ifndef MIDSTREAM_CORE_POLICY_RUNNER_H_
#define MIDSTREAM_CORE_POLICY_RUNNER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/graph/tensor.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/model_inputs.h"

namespace midstream::policy {

struct RunnerOptions {
  int64_t horizon = 0;  // of the actions; 0: as many as the noise has
};

struct RunOptions {
  int64_t steps = 10;                  // of the loop, at most 1000
  int64_t max_new_tokens = 256;        // pi0_fast, at most 4096
  std::vector<std::string> taps = {};  // names, or "all": TapNames
};

struct StageTime {
  std::string
      stage;  // "vision", "prefix", "time", "step"; of pi0_fast "vision", "prefix", "decode"
  int64_t runs = 0;
  double ms = 0;  // of all runs
};

struct RunnerResult {
  Tensor actions;               // [H, action_dim] float32, normalised; empty of pi0_fast
  std::vector<int32_t> tokens;  // of pi0_fast, up to the end-of-sequence token or the limit
  std::map<std::string, Tensor> taps;
  std::vector<StageTime> stages;  // those that ran, in their order
  uint64_t version = 0;           // of the weights
};

class Runner {
 public:
  // Compiles every stage. Errors: INVALID_ARGUMENT when the model is none of OpenPI's; those of
  // Model::CreateSession.
  static Result<Runner> Open(Engine& engine, Model model, const RunnerOptions& options = {});

  const openpi::Sizes& sizes() const;
  // Every tap of a run on these inputs; those of the expert at the times 1.0, 0.5 and 0.1.
  std::vector<std::string> TapNames(const ModelInputs& inputs) const;

  // noise: [H, action_dim] float32; pi0_fast takes none. Threads: any; runs go one after the other.
  // Errors: INVALID_ARGUMENT naming the input or tap that does not fit and what was expected;
  // OUT_OF_RANGE naming the first stage whose numbers are not finite, where the result is not; those
  // of Session::Run.
  Result<RunnerResult> Run(const ModelInputs& inputs, const Tensor& noise,
                           const RunOptions& options = {});

 private:
  friend class RunnerCall;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_RUNNER_H_

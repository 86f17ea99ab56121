// What is behind Runner (runner.h): its stages, and one run through them.
#ifndef MIDSTREAM_CORE_POLICY_RUNNER_CALL_H_
#define MIDSTREAM_CORE_POLICY_RUNNER_CALL_H_

#include <mutex>
#include <string>
#include <vector>

#include "core/policy/entry.h"
#include "core/policy/prefix_layout.h"
#include "core/policy/runner.h"
#include "core/policy/taps.h"

namespace midstream::policy {

// The names of what depends on the time alone, which every step takes one row of.
std::vector<std::string> TimeValues(const openpi::Sizes& sizes);
// The names of the keys and values of `stage`: of each layer its k, then its v.
std::vector<std::string> CacheValues(const openpi::Sizes& sizes, const std::string& stage,
                                     const std::string& ending = "");

struct Runner::Impl {
  Impl(Model the_model, const openpi::Sizes& the_sizes, const RunnerOptions& the_options);

  bool fast() const { return sizes.family == openpi::Family::kPi0Fast; }
  // Compiles what `taps` ask for, too.
  Status Prepare(const std::vector<Tap>& taps);

  Model model;
  const openpi::Sizes sizes;
  const RunnerOptions options;
  std::mutex mutex;  // held by a run
  Entry vision;
  Entry prefix;
  Entry time;
  Entry step;    // not of pi0_fast
  Entry decode;  // of pi0_fast only
};

bool IsFinite(const Tensor& floats);

class RunnerCall {
 public:
  RunnerCall(Runner::Impl& impl, const ModelInputs& inputs, const Tensor& noise,
             const RunOptions& options)
      : impl_(impl),
        inputs_(inputs),
        noise_(noise),
        options_(options),
        layout_(inputs, impl.sizes.vision.tokens) {}

  Result<RunnerResult> Go();

 private:
  Status CheckInputs() const;
  Status CheckImage(const CameraImage& image) const;
  Status CheckNoise() const;
  Status CheckTokens() const;
  // For a result of `stage` that is not finite: the error, naming what first was not.
  Status NotFinite(const std::string& stage) const;

  // Runs an entry and adds to its time.
  Result<Tensors> Call(Entry& entry, const std::vector<NamedTensor>& inputs);
  void Keep(const std::string& tap, Tensor value) {
    result_.taps.insert_or_assign(tap, std::move(value));
  }

  Status Vision();
  Status KeepVision(const Tensors& values, const std::vector<size_t>& cameras);
  Status Prefix();
  Status KeepPrefix(const Tensors& values);
  Status KeepPrefixTap(const Tap& tap, const Tensors& values);

  // Of pi0 and pi05.
  Status Flow();
  Status Times();
  Result<Tensors> Step(const Tensor& x, size_t time_row);
  Status KeepSteps();
  Result<Tensor> SuffixTap(const Tap& tap, const Tensors& values) const;
  Status Integrate();
  int64_t horizon() const { return noise_.shape()[0]; }

  // Of pi0_fast.
  Status Decode();
  Status GrowCache(std::vector<NamedTensor>* cache) const;

  Runner::Impl& impl_;
  const ModelInputs& inputs_;
  const Tensor& noise_;
  const RunOptions& options_;
  const PrefixLayout layout_;
  std::vector<Tap> taps_;
  VersionPin version_;
  Tensor image_tokens_;       // [n, image tokens, width]
  Tensors prefix_;            // its keys and values, and of pi0_fast its logits
  std::vector<float> times_;  // of the loop's steps, then of taps
  Tensors time_values_;       // a row for each of times_
  RunnerResult result_;
};

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_RUNNER_CALL_H_

#include "core/policy/compatibility.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "core/formats/file.h"
#include "core/formats/tensor_file.h"
#include "core/models/openpi/canonical_file.h"
#include "core/models/openpi/model.h"
#include "core/models/openpi/names.h"
#include "core/models/openpi/weights.h"
#include "core/policy/compatibility_settings.h"

namespace midstream::policy {
namespace {

using formats::Quoted;
using formats::TensorInfo;
using openpi::Family;
using openpi::Naming;

constexpr std::string_view kLora = "lora_";
constexpr std::string_view kExpertHead = "gemma_expert.lm_head.weight";
constexpr std::string_view kEmbedTokens = "language_model.embed_tokens.weight";

bool IsUnusedHead(const std::string& name) {
  const std::string current = openpi::CurrentTorchName(name);
  return current.ends_with(kExpertHead) || current.ends_with(kEmbedTokens);
}

class Checker {
 public:
  Checker(const CheckOptions& options, Report* report) : options_(options), report_(*report) {}

  void Run(std::unique_ptr<formats::TensorFile> file, const std::string& checkpoint) {
    const std::vector<TensorInfo> tensors = file->tensors();
    Count(tensors);
    auto sizes = Recognise(tensors);
    if (!sizes.ok()) {
      report_.obstacles.emplace_back(sizes.status().message());
      return;
    }
    report_.sizes = wanted_ = *sizes;
    if (heads_open_) report_.sizes->vision.heads = report_.sizes->vision.head_dim = 0;
    const bool jax = sizes->naming == Naming::kJax;
    report_.layout = jax ? "JAX" : "PyTorch";
    RecognisedBy(jax ? "/kernel" : ".weight");
    CompareFamily();
    CompareParameters(tensors);
    if (report_.problems.empty()) Open(std::move(file));
    AdaptParameters(jax);
    CompareSettings(options_.config, checkpoint, &report_);
  }

 private:
  // The number of the image encoder's heads changes no shape: where only it is not known, all else is
  // checked.
  Result<openpi::Sizes> Recognise(const std::vector<TensorInfo>& tensors) {
    openpi::SizeOptions heads;
    heads.vision_heads = options_.config.policy.vision_heads;
    auto sizes = openpi::RecogniseSizes(tensors, heads);
    if (sizes.ok() || heads.vision_heads != 0) return sizes;
    heads.vision_heads = 1;
    auto but_for_heads = openpi::RecogniseSizes(tensors, heads);
    if (!but_for_heads.ok()) return sizes;
    report_.to_be_told.emplace_back(sizes.status().message());
    heads_open_ = true;
    return but_for_heads;
  }

  void Count(const std::vector<TensorInfo>& tensors) {
    for (const TensorInfo& tensor : tensors) {
      const auto count = ElementCount(tensor.shape);
      const auto bytes = ByteSize(tensor.dtype, tensor.shape);
      if (count.ok()) report_.count += static_cast<uint64_t>(*count);
      if (bytes.ok()) report_.bytes += *bytes;
      ++report_.dtypes[std::string(DTypeName(tensor.dtype))];
    }
  }

  void RecognisedBy(const std::string& ending) {
    switch (report_.sizes->family) {
      case Family::kPi0:
        report_.recognised_by = "it has " + Quoted("state_proj" + ending);
        break;
      case Family::kPi05:
        report_.recognised_by = "it has " + Quoted("time_mlp_in" + ending);
        break;
      case Family::kPi0Fast:
        report_.recognised_by = "it has no action expert";
        break;
    }
  }

  // A checkpoint that is taken for another family is held to what that one needs.
  void CompareFamily() {
    const openpi::Sizes& sizes = *report_.sizes;
    if (!options_.as || *options_.as == sizes.family) return;
    report_.obstacles.push_back(fmt::format("it is a {} ({}), not a {}",
                                            openpi::FamilyName(sizes.family), report_.recognised_by,
                                            openpi::FamilyName(*options_.as)));
    const bool either_fast = *options_.as == Family::kPi0Fast || sizes.family == Family::kPi0Fast;
    if (!either_fast) wanted_.family = *options_.as;
  }

  void CompareParameters(const std::vector<TensorInfo>& tensors) {
    const openpi::StoredTensors stored(tensors, report_.sizes->naming);
    std::set<std::string> seen;
    std::set<size_t> used;
    for (const openpi::CanonicalWeight& weight : openpi::CanonicalWeights(wanted_)) {
      const openpi::StoredPart& part = weight.stored;
      if (!seen.insert(part.tensor).second) continue;
      const auto index = stored.Find(part.tensor);
      if (!index) {
        report_.problems.push_back({part.tensor, "missing", part.shape.ToString(), ""});
        continue;
      }
      used.insert(*index);
      const TensorInfo& tensor = tensors[*index];
      if (tensor.shape != part.shape) {
        report_.problems.push_back(
            {tensor.name, "shape", part.shape.ToString(), tensor.shape.ToString()});
      } else if (!IsFloat(tensor.dtype)) {
        report_.problems.push_back(
            {tensor.name, "dtype", "floats", std::string(DTypeName(tensor.dtype))});
      } else {
        ++report_.matched;
        ++matched_dtypes_[std::string(DTypeName(tensor.dtype))];
      }
    }
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (used.count(i) == 0) Extra(tensors[i].name);
    }
    for (const ParameterProblem& problem : report_.problems) {
      report_.obstacles.push_back(
          problem.got.empty()
              ? fmt::format("{} {} is missing", Quoted(problem.name), problem.expected)
              : fmt::format("{} is {} instead of {}", Quoted(problem.name), problem.got,
                            problem.expected));
    }
  }

  // What loading it would find besides: LoRA factors that fit no weight.
  void Open(std::unique_ptr<formats::TensorFile> file) {
    const Status opened = openpi::CanonicalFile::Open(std::move(file), wanted_).status();
    if (!opened.ok()) report_.obstacles.emplace_back(opened.message());
  }

  void Extra(const std::string& name) {
    if (name.find(kLora) != std::string::npos) {
      ++report_.lora_factors;
    } else if (IsUnusedHead(name)) {
      ++unused_heads_;
    } else {
      report_.extra.push_back(name);
    }
  }

  void AdaptParameters(bool jax) {
    std::vector<std::string>& adapted = report_.adaptations;
    for (const auto& [dtype, count] : matched_dtypes_) {
      if (dtype == "float32") continue;
      adapted.push_back(
          fmt::format("{} parameters are {}: matrices are used as they are, what is added or "
                      "normalised with is computed in float32",
                      count, dtype));
    }
    if (!jax) adapted.emplace_back("names and layouts of PyTorch become those of JAX");
    if (report_.lora_factors > 0) {
      adapted.push_back(fmt::format(
          "{} LoRA factors are merged into their weights when it is loaded", report_.lora_factors));
    }
    if (unused_heads_ > 0) {
      adapted.push_back(
          fmt::format("heads that no action depends on are left out: {}", unused_heads_));
    }
    for (const std::string& name : report_.extra) {
      adapted.push_back(
          fmt::format("{} is left out: the model has no such parameter", Quoted(name)));
    }
  }

  const CheckOptions& options_;
  Report& report_;
  openpi::Sizes wanted_;  // of the family that it is taken for
  bool heads_open_ = false;
  std::map<std::string, size_t> matched_dtypes_;
  size_t unused_heads_ = 0;
};

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRuns:
      return "runs";
    case Verdict::kRunsAdapted:
      return "runs_adapted";
    case Verdict::kRetrain:
      return "retrain";
    case Verdict::kDamaged:
      break;
  }
  return "damaged";
}

std::string VariantName(const openpi::GemmaSizes& sizes) {
  struct Row {
    std::string_view name;
    int64_t width, depth, mlp, heads, kv_heads, head_dim;
  };
  constexpr Row kRows[] = {{"gemma_2b", 2048, 18, 16384, 8, 1, 256},
                           {"gemma_300m", 1024, 18, 4096, 8, 1, 256},
                           {"dummy", 64, 4, 128, 8, 1, 16}};
  for (const Row& row : kRows) {
    if (row.width == sizes.width && row.depth == sizes.depth && row.mlp == sizes.mlp &&
        row.heads == sizes.heads && row.kv_heads == sizes.kv_heads &&
        row.head_dim == sizes.head_dim) {
      return std::string(row.name);
    }
  }
  return "no variant of openpi";
}

Result<Report> CheckCheckpoint(const std::string& path, const CheckOptions& options) {
  Report report;
  report.path = openpi::CheckpointFile(path);
  if (report.path.empty()) {
    return NotFound(path +
                    " is no checkpoint of OpenPI: expected a folder with params/ (Orbax) or "
                    "model.safetensors, or one of these");
  }
  auto file = formats::OpenTensorFile(report.path);
  if (!file.ok()) {
    report.obstacles.emplace_back(file.status().message());
    report.verdict = Verdict::kDamaged;
    return report;
  }
  report.path = (*file)->path();
  Checker(options, &report).Run(*std::move(file), path);
  report.layout += report.path.ends_with(".safetensors") ? ", safetensors" : ", Orbax";
  if (report.verdict == Verdict::kDamaged) return report;
  if (!report.obstacles.empty()) {
    report.verdict = Verdict::kRetrain;
  } else if (!report.adaptations.empty()) {
    report.verdict = Verdict::kRunsAdapted;
  }
  return report;
}

}  // namespace midstream::policy

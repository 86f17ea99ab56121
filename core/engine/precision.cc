// The precision section of the configuration as the policy of the precision pass.

#include "core/config/keys.h"
#include "core/engine/impl.h"

namespace midstream {
namespace {

std::string_view ModeName(config::PrecisionMode mode) {
  switch (mode) {
    case config::PrecisionMode::kOrigin:
      return "origin";
    case config::PrecisionMode::kForceFp32:
      return "force_fp32";
    case config::PrecisionMode::kForceFp16:
      return "force_fp16";
    case config::PrecisionMode::kAllowFp32ToFp16:
      return "allow_fp32_to_fp16";
    case config::PrecisionMode::kAllowFp32ToBf16:
      return "allow_fp32_to_bf16";
    case config::PrecisionMode::kCubeFp16InFp32Out:
      return "cube_fp16in_fp32out";
    case config::PrecisionMode::kMixedFp16:
      return "mixed_float16";
    case config::PrecisionMode::kMixedBf16:
      break;
  }
  return "mixed_bfloat16";
}

DType ToDType(config::ComputeType type) {
  switch (type) {
    case config::ComputeType::kFloat64:
      return DType::kF64;
    case config::ComputeType::kFloat32:
      return DType::kF32;
    case config::ComputeType::kFloat16:
      return DType::kF16;
    case config::ComputeType::kBFloat16:
      return DType::kBF16;
    case config::ComputeType::kAuto:
      break;
  }
  return DType::kInvalid;
}

// Entries that name a dtype; `impl` alone changes nothing, because each backend here has one kernel
// an operator and dtype.
void AddOverrides(const Config& config, std::string_view table,
                  const std::map<std::string, config::NodePrecision, std::less<>>& from,
                  std::map<std::string, passes::PrecisionOverride, std::less<>>* to,
                  std::vector<std::string>* notes) {
  for (const auto& [name, asked] : from) {
    const std::string key = std::string(table) + "." + config::QuotedKey(name);
    if (asked.impl != config::Implementation::kAuto) {
      notes->push_back(key +
                       ".impl has no effect: each backend has one implementation of an "
                       "operator, and it computes in float32 or wider");
    }
    passes::PrecisionOverride entry{ToDType(asked.dtype), ToDType(asked.output_dtype), ""};
    if (entry.dtype == DType::kInvalid && entry.output_dtype == DType::kInvalid) continue;
    bool by_dtype = entry.dtype != DType::kInvalid;
    entry.origin = config.origin(key + (by_dtype ? ".dtype" : ".output_dtype")).ToString();
    (*to)[name] = std::move(entry);
  }
}

}  // namespace

Result<passes::PrecisionPolicy> MakePrecisionPolicy(const Config& config) {
  const config::PrecisionConfig& section = config.precision;
  const std::string& written = config.origin("precision.mode").written;
  MS_ASSIGN_OR_RETURN(
      passes::PrecisionPolicy policy,
      passes::PolicyForMode(written.empty() ? ModeName(section.mode) : std::string_view(written)));
  policy.keep = section.keep;
  policy.white = section.white;
  policy.black = section.black;
  policy.gray = section.gray;
  policy.refuse_unsupported = section.on_unsupported == config::OnUnsupported::kError;
  AddOverrides(config, "precision.op", section.op, &policy.ops, &policy.notes);
  AddOverrides(config, "precision.node", section.node, &policy.nodes, &policy.notes);
  return policy;
}

}  // namespace midstream

// The reference backend: every operator that the core knows, in plain loops with double sums. It is
// the oracle that the other backends are compared with, and the last fallback. Clear before fast.
#include "midstream/backend.hpp"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

std::vector<KernelEntry> JoinTables() {
  std::vector<KernelEntry> table;
  for (auto part : {ElementwiseKernels(), BinaryKernels(), MatMulKernels(), ConvKernels(),
                    PoolKernels(), NormalizationKernels(), ReduceKernels(), ShapeKernels(),
                    MovementKernels(), GeneratorKernels(), RandomKernels(), IndexingKernels()}) {
    table.insert(table.end(), part.begin(), part.end());
  }
  return table;
}

const std::vector<KernelEntry>& Table() {
  static const std::vector<KernelEntry> table = JoinTables();
  return table;
}

struct Reference {
  static constexpr const char* kName = "reference";
  static constexpr const char* kVersion = "1.0";
  static constexpr uint32_t kLayout = MS_LAYOUT_NCHW;

  Reference(const sdk::Host&, std::span<const ms_kv> options) {
    if (options.empty()) return;
    throw sdk::Error(MS_INVALID_ARGUMENT, "the reference backend has no option '" +
                                              std::string(sdk::View(options[0].key)) + "'");
  }
  std::string device_name() const { return "reference"; }
  std::string isa() const { return "generic"; }
  sdk::Claim ClaimNode(const NodeView& node) const { return sdk::ClaimFromTable(Table(), node); }
  std::vector<sdk::KernelUse> Kernels(const sdk::GraphView& graph,
                                      const sdk::ModuleOptions&) const {
    return sdk::UsesFromTable(Table(), graph);
  }
};

}  // namespace

sdk::Claim ClaimAny(const NodeView& node) {
  auto refusal = [](const sdk::ValueView& value) {
    if (WideOf(value.dtype()) == Wide::kNone) return MS_REASON_DTYPE;
    bool deep = value.rank_known() && value.shape().size() > kMaxRank;
    return deep ? MS_REASON_SHAPE : MS_REASON_NONE;
  };
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    if (uint32_t reason = refusal(node.input(i)); reason != MS_REASON_NONE) {
      return sdk::Claim::No(reason);
    }
  }
  for (size_t i = 0; i < node.outputs().size(); ++i) {
    if (uint32_t reason = refusal(node.output(i)); reason != MS_REASON_NONE) {
      return sdk::Claim::No(reason);
    }
  }
  ms_dtype dtype = node.output(0).dtype();
  switch (WideOf(dtype)) {
    case Wide::kReal:
      return sdk::Claim::Yes(sdk::kF64, sdk::kF64);
    case Wide::kUnsigned:
      return sdk::Claim::Yes(dtype, {MS_DTYPE_UINT, 64, 1});
    default:
      return sdk::Claim::Yes(dtype, sdk::kI64);
  }
}

}  // namespace midstream::reference

MS_BACKEND_NOTE("reference");
MS_DEFINE_HOST_BACKEND(midstream::reference::Reference)

// The operator table of the reference, and which nodes it claims.
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

std::vector<KernelEntry> JoinTables() {
  std::vector<KernelEntry> table;
  for (auto part :
       {ElementwiseKernels(), BinaryKernels(), MatMulKernels(), ConvKernels(), PoolKernels(),
        NormalizationKernels(), AttentionKernels(), ReduceKernels(), ShapeKernels(),
        MovementKernels(), GeneratorKernels(), RandomKernels(), IndexingKernels()}) {
    table.insert(table.end(), part.begin(), part.end());
  }
  return table;
}

}  // namespace

const std::vector<KernelEntry>& KernelTable() {
  static const std::vector<KernelEntry> table = JoinTables();
  return table;
}

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

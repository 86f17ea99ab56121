// The operator table: which nodes this backend takes, and the kernel for each.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_OP_TABLE_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_OP_TABLE_H_

#include <memory>
#include <string_view>
#include <vector>

#include "blas/openblas.h"
#include "kernels/kernel_table.h"
#include "midstream/kernel.hpp"

namespace midstream::cpu_blas {

// What kernels are made for.
struct Setup {
  const KernelTable& isa;
  const sdk::Host& host;
  BlasUse blas;
  bool deterministic;  // bits may depend neither on the thread count nor on the batch split
};

struct OpEntry {
  std::string_view domain;
  std::string_view op;
  sdk::Claim (*claim)(const sdk::NodeView& node);
  // Requires: claim(node) said yes.
  std::unique_ptr<sdk::Kernel> (*create)(const sdk::NodeView& node, const Setup& setup);
};

// nullptr when the operator is not known.
const OpEntry* FindOp(const sdk::NodeView& node);

constexpr std::string_view kOnnx = "";
constexpr std::string_view kMidstream = "midstream";

// The groups, one for each file of this folder.
using OpList = std::vector<OpEntry>;
void AddMatMulOps(OpList* list);
void AddConvOps(OpList* list);
void AddPoolOps(OpList* list);
void AddElementwiseOps(OpList* list);
void AddNormalizationOps(OpList* list);
void AddRowNormalizationOps(OpList* list);
void AddRotationOps(OpList* list);
void AddAttentionOps(OpList* list);
void AddReduceOps(OpList* list);
void AddViewOps(OpList* list);
void AddMovementOps(OpList* list);
void AddSelectOps(OpList* list);
void AddCastOps(OpList* list);
void AddPowOps(OpList* list);
void AddResponseOps(OpList* list);
void AddGenerateOps(OpList* list);
void AddRandomOps(OpList* list);
void AddIndexingOps(OpList* list);
void AddTrigonometryOps(OpList* list);

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_OP_TABLE_H_

#include "ops/op_table.h"

#include <algorithm>
#include <tuple>

namespace midstream::cpu_blas {
namespace {

bool Before(const OpEntry& a, const OpEntry& b) {
  return std::tie(a.domain, a.op) < std::tie(b.domain, b.op);
}

OpList MakeList() {
  OpList list;
  for (auto add : {AddMatMulOps, AddConvOps, AddPoolOps, AddElementwiseOps, AddNormalizationOps,
                   AddReduceOps, AddViewOps, AddMovementOps, AddSelectOps, AddCastOps, AddPowOps,
                   AddResponseOps, AddGenerateOps, AddRandomOps, AddIndexingOps, AddTrigonometryOps,
                   AddRowNormalizationOps, AddRotationOps, AddAttentionOps}) {
    add(&list);
  }
  std::sort(list.begin(), list.end(), Before);
  return list;
}

}  // namespace

const OpEntry* FindOp(const sdk::NodeView& node) {
  static const OpList list = MakeList();
  OpEntry wanted{node.domain(), node.op(), nullptr, nullptr};
  auto it = std::lower_bound(list.begin(), list.end(), wanted, Before);
  return it != list.end() && it->domain == wanted.domain && it->op == wanted.op ? &*it : nullptr;
}

}  // namespace midstream::cpu_blas

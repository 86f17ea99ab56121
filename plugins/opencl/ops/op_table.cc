#include "ops/op_table.h"

#include <algorithm>
#include <tuple>

namespace midstream::opencl {
namespace {

bool Before(const OpEntry& a, const OpEntry& b) {
  return std::tie(a.domain, a.op) < std::tie(b.domain, b.op);
}

OpList MakeList() {
  OpList list;
  for (auto add : {AddAttentionOps, AddBinaryOps, AddConvOps, AddIndexingOps, AddMatMulOps,
                   AddMovementOps, AddNormalizationOps, AddPoolOps, AddRandomOps, AddReduceOps,
                   AddRowOps, AddRunningOps, AddUnaryOps, AddViewOps})
    add(&list);
  std::ranges::sort(list, Before);
  return list;
}

}  // namespace

const OpEntry* FindOp(const sdk::NodeView& node) {
  static const OpList list = MakeList();
  const OpEntry wanted{node.domain(), node.op(), nullptr, nullptr};
  const auto it = std::ranges::lower_bound(list, wanted, Before);
  return it != list.end() && it->domain == wanted.domain && it->op == wanted.op ? &*it : nullptr;
}

}  // namespace midstream::opencl

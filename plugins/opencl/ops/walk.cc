#include "ops/walk.h"

#include <algorithm>
#include <cstdlib>

namespace midstream::opencl {
namespace {

constexpr size_t kGroup = 64;

int64_t Pieces(int64_t n, int64_t span) { return (n + span - 1) / span; }

}  // namespace

void SetItems(Call* call, int64_t items) {
  call->global = {static_cast<size_t>(items), 1, 1};
  call->local = {kGroup, 1, 1};
}

void SetElements(Call* call, const Traits& traits, int64_t n) {
  SetItems(call, Pieces(n, SpanOf(traits)));
}

Operand Positions::Table(PlanBuilder& plan, const std::vector<int64_t>& values) const {
  std::vector<int64_t> wide = values;
  if (wide.empty()) wide.push_back(0);
  const std::vector<int64_t> shape{static_cast<int64_t>(wide.size())};
  if (wide_) return plan.Constant(sdk::kI64, shape, wide.data());
  const std::vector<int32_t> narrow(wide.begin(), wide.end());
  return plan.Constant(sdk::kI32, shape, narrow.data());
}

std::vector<int64_t> RowMajor(std::span<const int64_t> shape) {
  std::vector<int64_t> steps(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    steps[i] = step;
    step *= shape[i];
  }
  return steps;
}

std::vector<int64_t> BroadcastSteps(std::span<const int64_t> shape, std::span<const int64_t> out) {
  const std::vector<int64_t> own = RowMajor(shape);
  std::vector<int64_t> steps(out.size(), 0);
  const size_t lead = out.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) steps[lead + i] = shape[i] == 1 ? 0 : own[i];
  return steps;
}

// The farthest position from the first element, of any tensor.
int64_t Walk::Extent(const std::vector<WalkAxis>& axes, size_t n_tensors) {
  int64_t largest = 1;
  for (const WalkAxis& axis : axes) largest *= axis.size;
  for (size_t k = 0; k < n_tensors; ++k) {
    int64_t extent = 0;
    for (const WalkAxis& axis : axes) extent += (axis.size - 1) * std::abs(axis.step[k]);
    largest = std::max(largest, extent);
  }
  return largest;
}

Walk::Walk(const std::vector<WalkAxis>& axes, size_t n_tensors)
    : n_(n_tensors), positions_(Extent(axes, n_tensors)) {
  for (const WalkAxis& axis : axes) {
    if (axis.size == 1) continue;
    bool joins = !outer_.empty();
    for (size_t k = 0; joins && k < n_; ++k)
      joins = outer_.back().step[k] == axis.step[k] * axis.size;
    if (joins) {
      outer_.back().size *= axis.size;
      outer_.back().step = axis.step;
    } else {
      outer_.push_back(axis);
    }
  }
  if (outer_.empty()) {
    row_.step.fill(1);
  } else {
    row_ = outer_.back();
    outer_.pop_back();
  }
}

void Walk::Finish(PlanBuilder& plan, Call* call) const {
  std::vector<int64_t> table;
  int64_t rows = 1;
  for (const WalkAxis& axis : outer_) {
    table.push_back(axis.size);
    rows *= axis.size;
  }
  for (size_t k = 0; k < n_; ++k) {
    for (const WalkAxis& axis : outer_) table.push_back(axis.step[k]);
  }
  const int64_t pieces = Pieces(row_.size, SpanOf(plan.traits()));
  call->args.insert(call->args.end(),
                    {positions_.Table(plan, table), I32(static_cast<int64_t>(outer_.size())),
                     positions_(row_.size), positions_(pieces), positions_(rows * pieces)});
  call->defines += positions_.defines();
  SetItems(call, rows * pieces);
}

}  // namespace midstream::opencl

#include "core/session/activity.h"

#include <algorithm>

#include "core/base/trace.h"

namespace midstream::session {
namespace {

constexpr size_t kNoStep = SIZE_MAX;

// The segment that step `at` runs, or that a transfer is made for.
size_t SegmentOf(const plan::ShapedPlan& plan, size_t at) {
  const plan::Step& step = plan.steps[at];
  const bool onto = step.kind == plan::Step::Kind::kTransfer &&
                    plan.transfers[step.idx].to.space != plan::kHostSpace;
  while (plan.steps[at].kind == plan::Step::Kind::kTransfer) onto ? ++at : --at;
  return plan.segments[plan.steps[at].idx].segment;
}

std::string OperatorOf(const Node& node) {
  return (node.domain.empty() ? "" : node.domain + ".") + node.op;
}

// Of one node in one execution; it may have taken several pieces of work.
struct Once {
  NodeProfile row;
  uint64_t nanoseconds = 0;
};

void AddKernel(const std::string& kernel, std::string* kernels) {
  if (kernel.empty() || kernels->find(kernel) != std::string::npos) return;
  *kernels += (kernels->empty() ? "" : " + ") + kernel;
}

}  // namespace

void Activity::CountTraffic(const plan::ShapedPlan& plan) {
  if (plan.traffic.transfers == 0) return;
  to_device_bytes_.fetch_add(plan.traffic.to_device_bytes, std::memory_order_relaxed);
  from_device_bytes_.fetch_add(plan.traffic.from_device_bytes, std::memory_order_relaxed);
  transfers_.fetch_add(plan.traffic.transfers, std::memory_order_relaxed);
}

plan::ShapedPlan::Traffic Activity::traffic() const {
  return {to_device_bytes_.load(), from_device_bytes_.load(), transfers_.load()};
}

void Activity::EnableProfile(bool on) {
  const std::lock_guard lock(mutex_);
  if (on) profile_.clear();
  profiling_.store(on, std::memory_order_relaxed);
}

void Activity::AddTimes(const plan::Program& program, const plan::ShapedPlan& plan,
                        const std::vector<plan::TimedWork>& times, size_t lane) {
  std::map<Key, Once> rows;
  for (const plan::TimedWork& work : times) {
    const backend::Device& device = *program.devices()[work.device];
    Key key;
    NodeProfile row;
    row.backend = device.label();
    if (work.step == kNoStep) {
      row.op = "Other";
      key = {SIZE_MAX, 3, work.device, row.op};
    } else if (plan.steps[work.step].kind == plan::Step::Kind::kTransfer) {
      const plan::Transfer& transfer = plan.transfers[plan.steps[work.step].idx];
      const bool onto = transfer.to.space != plan::kHostSpace;
      row.node = transfer.value;
      row.op = "Transfer";
      key = {SegmentOf(plan, work.step), onto ? 0 : 2, plan.steps[work.step].idx, row.node};
    } else {
      const Node& node = program.graph().node(work.node);
      row.node = node.name;
      row.op = OperatorOf(node);
      key = {SegmentOf(plan, work.step), 1, work.node, ""};
    }
    if (trace::Enabled()) {
      const std::string track =
          lane == 0 ? row.backend : row.backend + " #" + std::to_string(lane + 1);
      const std::string name = row.node.empty() ? row.op : row.op + " " + row.node;
      trace::OnTrack("node", trace::Intern(name), trace::Intern(track), work.begin_ns, work.end_ns);
    }
    Once& once = rows.try_emplace(std::move(key), Once{std::move(row), 0}).first->second;
    once.nanoseconds += work.end_ns - work.begin_ns;
    AddKernel(work.kernel, &once.row.kernel);
  }
  const std::lock_guard lock(mutex_);
  for (auto& [key, once] : rows) {
    NodeProfile& row = profile_.try_emplace(key, once.row).first->second;
    row.kernel = once.row.kernel;  // another shape may take another kernel
    row.min_ns = row.count == 0 ? once.nanoseconds : std::min(row.min_ns, once.nanoseconds);
    row.max_ns = std::max(row.max_ns, once.nanoseconds);
    row.total_ns += once.nanoseconds;
    ++row.count;
  }
}

std::vector<NodeProfile> Activity::profile() const {
  const std::lock_guard lock(mutex_);
  std::vector<NodeProfile> rows;
  for (const auto& [key, row] : profile_) rows.push_back(row);
  return rows;
}

}  // namespace midstream::session

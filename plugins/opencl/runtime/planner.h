// Planning: gives every value a place, lets the kernels describe their launches, and lays out the
// scratch memory.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PLANNER_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PLANNER_H_

#include "midstream/arena.hpp"
#include "runtime/module.h"

namespace midstream::opencl {

class Planner final : private PlanBuilder {
 public:
  Planner(const Module* module, const sdk::GraphView& graph);

  // Plans everything; once.
  std::vector<Command> Run();
  uint64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  // For the kernel of the use that is being planned.
  const Traits& traits() const override { return module_->device()->traits(); }
  bool HasInput(uint32_t i) const override {
    return i < use().inputs.size() && use().inputs[i] != MS_NONE;
  }
  const Operand& in(uint32_t i) const override { return inputs_[i]; }
  const Operand& out(uint32_t i) const override { return outputs_[i]; }
  bool IsPacked(uint32_t i) const override { return HasInput(i) && module_->form(use_, i) != 0; }
  Operand packed(uint32_t i, ms_dtype dtype, std::vector<int64_t> shape) const override;
  std::span<const std::byte> HostValue(uint32_t i) const override;
  Operand Scratch(ms_dtype dtype, std::vector<int64_t> shape) override;
  Operand Constant(ms_dtype dtype, std::vector<int64_t> shape, const void* data) override;
  void Launch(Call call) override { commands_.push_back({use().node, std::move(call)}); }
  void LaunchFastest(std::vector<Call> calls) override;
  void Copy(const Operand& from, const Operand& to) override {
    commands_.push_back({use().node, CopyCommand{from, to}});
  }

  const Use& use() const { return module_->uses()[use_]; }
  void PlaceFixed();
  void AliasViews();
  bool Determined(const Use& use) const;
  void PlanUse(uint32_t use);
  void CopyOutputs();
  void LayOutScratch();
  Place NewScratch(uint64_t bytes);
  uint32_t Root(uint32_t value) const;
  Operand OperandOf(uint32_t value) const;

  const Module* module_;
  const sdk::GraphView& graph_;
  std::vector<uint32_t> alias_;  // value -> the value whose memory it shares
  std::vector<Place> places_;    // by value; scratch places hold a number of items_ in idx
  std::vector<uint32_t> last_use_;
  std::vector<sdk::ArenaItem> items_;
  std::vector<Command> commands_;
  uint64_t scratch_bytes_ = 0;

  uint32_t use_ = 0;
  std::vector<Operand> inputs_;
  std::vector<Operand> outputs_;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PLANNER_H_

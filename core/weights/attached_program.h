// AttachedProgram: a program that runs on the weights of a store, and where each weight goes in it.
//
// An update of a few weights of many must cost what those few cost, so every question that staging
// asks by name is answered from an index that is made once.
//
// Threads: the store's stager alone; a version that is pinned keeps it alive.
#ifndef MIDSTREAM_CORE_WEIGHTS_ATTACHED_PROGRAM_H_
#define MIDSTREAM_CORE_WEIGHTS_ATTACHED_PROGRAM_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/program.h"

namespace midstream::weights {

struct SlotRef {
  uint32_t segment = 0;
  uint32_t slot = 0;
};

class AttachedProgram {
 public:
  // Errors: those of opening queues and of weights_cost.
  static Result<std::unique_ptr<AttachedProgram>> Create(
      std::shared_ptr<const plan::Program> program);

  const plan::Program& program() const { return *program_; }
  // The slots that hold a weight, the trainer's or a derived one.
  const std::vector<SlotRef>& SlotsOf(const std::string& name) const;
  // Whether a recipe reads it.
  bool IsSource(const std::string& name) const { return readers_.count(name) != 0; }
  bool Reads(const std::string& name) const;
  // Recipes that the names reach, directly or through one another, in the order to run them.
  std::vector<size_t> RecipesReachedBy(const std::vector<std::string>& names) const;
  // A slot that gives the value back bit for bit; null: none does.
  const SlotRef* ReadableSlot(const std::string& name) const;
  // Whether every slot of the weight takes rows.
  bool TakesRows(const std::string& name) const;
  // What a new value in the slot needs at most.
  uint64_t SlotBytes(const SlotRef& ref) const { return bytes_[ref.segment][ref.slot]; }
  // Of new values in all slots.
  uint64_t TotalBytes() const;

  const backend::Device& DeviceOf(uint32_t segment) const;
  // The low-priority queue of the segment's device. Errors: those of opening it anew.
  Result<backend::Queue*> StagingQueue(uint32_t segment);
  // The queue, which the next use opens anew. Destroying it waits for its work: after an error work
  // may still read values.
  std::unique_ptr<backend::Queue> TakeQueue(uint32_t segment);

 private:
  explicit AttachedProgram(std::shared_ptr<const plan::Program> program);
  Status AskCosts();

  std::shared_ptr<const plan::Program> program_;
  std::vector<std::unique_ptr<backend::Queue>> queues_;  // by device; null: to be opened
  std::map<std::string, std::vector<SlotRef>> slots_;
  std::map<std::string, std::vector<size_t>> readers_;  // recipes by source
  std::vector<std::vector<uint64_t>> bytes_;            // by segment and slot
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_ATTACHED_PROGRAM_H_

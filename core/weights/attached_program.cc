#include "core/weights/attached_program.h"

#include <algorithm>
#include <set>

namespace midstream::weights {

AttachedProgram::AttachedProgram(std::shared_ptr<const plan::Program> program)
    : program_(std::move(program)), queues_(program_->devices().size()) {
  const auto& segments = program_->segments();
  for (uint32_t s = 0; s < segments.size(); ++s) {
    for (uint32_t slot = 0; slot < segments[s].slots.size(); ++slot) {
      slots_[segments[s].slots[slot]].push_back({s, slot});
    }
  }
  const auto& recipes = program_->recipes();
  for (size_t r = 0; r < recipes.size(); ++r) {
    for (const std::string& source : recipes[r].sources) readers_[source].push_back(r);
  }
}

Result<std::unique_ptr<AttachedProgram>> AttachedProgram::Create(
    std::shared_ptr<const plan::Program> program) {
  std::unique_ptr<AttachedProgram> attached(new AttachedProgram(std::move(program)));
  MS_RETURN_IF_ERROR(attached->AskCosts());
  return attached;
}

Status AttachedProgram::AskCosts() {
  for (const plan::Program::Segment& segment : program_->segments()) {
    std::vector<uint64_t>& bytes = bytes_.emplace_back(segment.slots.size());
    for (uint32_t slot = 0; slot < bytes.size(); ++slot) {
      MS_ASSIGN_OR_RETURN(bytes[slot], segment.module->WeightsCost(slot));
    }
  }
  return OkStatus();
}

const std::vector<SlotRef>& AttachedProgram::SlotsOf(const std::string& name) const {
  static const std::vector<SlotRef> kNone;
  auto it = slots_.find(name);
  return it == slots_.end() ? kNone : it->second;
}

bool AttachedProgram::Reads(const std::string& name) const {
  const auto& names = program_->weight_names();
  return std::binary_search(names.begin(), names.end(), name);
}

// A recipe stands after those whose results it reads.
std::vector<size_t> AttachedProgram::RecipesReachedBy(const std::vector<std::string>& names) const {
  std::set<size_t> reached;
  std::vector<const std::string*> pending;
  for (const std::string& name : names) pending.push_back(&name);
  while (!pending.empty()) {
    auto readers = readers_.find(*pending.back());
    pending.pop_back();
    if (readers == readers_.end()) continue;
    for (size_t recipe : readers->second) {
      if (reached.insert(recipe).second) pending.push_back(&program_->recipes()[recipe].result);
    }
  }
  return {reached.begin(), reached.end()};
}

const SlotRef* AttachedProgram::ReadableSlot(const std::string& name) const {
  for (const SlotRef& ref : SlotsOf(name)) {
    if (program_->segments()[ref.segment].readable[ref.slot]) return &ref;
  }
  return nullptr;
}

bool AttachedProgram::TakesRows(const std::string& name) const {
  return std::ranges::all_of(SlotsOf(name), [&](const SlotRef& ref) {
    return (DeviceOf(ref.segment).info().capabilities & MS_CAP_WEIGHTS_ROWS) != 0;
  });
}

uint64_t AttachedProgram::TotalBytes() const {
  uint64_t total = 0;
  for (const auto& segment : bytes_) {
    for (uint64_t slot : segment) total += slot;
  }
  return total;
}

const backend::Device& AttachedProgram::DeviceOf(uint32_t segment) const {
  return *program_->devices()[program_->segments()[segment].device];
}

Result<backend::Queue*> AttachedProgram::StagingQueue(uint32_t segment) {
  const size_t device = program_->segments()[segment].device;
  if (queues_[device] == nullptr) {
    MS_ASSIGN_OR_RETURN(queues_[device], backend::Queue::Open(program_->devices()[device], true));
  }
  return queues_[device].get();
}

std::unique_ptr<backend::Queue> AttachedProgram::TakeQueue(uint32_t segment) {
  return std::move(queues_[program_->segments()[segment].device]);
}

}  // namespace midstream::weights

#include "plugins/python/module.h"

namespace midstream::python {

Weights::Weights(const Module* module, const Weights* base) : module_(module) {
  if (base == nullptr) {
    values_.resize(module->slots().size());
    sets_.resize(module->nodes().size());
    return;
  }
  if (base->module_ != module || !base->sealed_) {
    throw sdk::Error(MS_FAILED_PRECONDITION,
                     "weights_begin needs a sealed set of the same module as base");
  }
  values_ = base->values_;
  sets_ = base->sets_;
}

const SlotInfo& Weights::Slot(uint32_t slot) const {
  if (slot >= values_.size())
    throw sdk::Error(MS_OUT_OF_RANGE, "no weight slot " + std::to_string(slot));
  return module_->slots()[slot];
}

void Weights::Put(uint32_t slot, const sdk::TensorView& value, void (*released)(void*),
                  void* user) {
  if (sealed_) throw sdk::Error(MS_FAILED_PRECONDITION, "the weight set is sealed");
  const SlotInfo& info = Slot(slot);
  if (!sdk::Same(value.dtype, info.dtype) || !std::ranges::equal(value.shape(), info.shape)) {
    throw sdk::Error(MS_INVALID_ARGUMENT,
                     "weight '" + info.name + "' is put with another dtype or shape");
  }
  values_[slot] = module_->MakeValue(info, value, released, user);
}

std::shared_ptr<SetObject> Weights::MakeSet(const ModuleNode& node,
                                            const std::shared_ptr<SetObject>& base) const {
  std::vector<std::shared_ptr<ValueObject>> values;
  for (const Source& source : node.weights) {
    values.push_back(source.kind == Source::Kind::kSlot ? values_[source.idx]
                                                        : module_->constants()[source.idx]);
  }
  if (base != nullptr && base->values() == values) return base;
  Pool& pool = module_->pool();
  return pool.Make<SetObject>(pool.NextId(), *node.model, std::move(values));
}

void Weights::Seal() {
  if (sealed_) throw sdk::Error(MS_FAILED_PRECONDITION, "the weight set is sealed already");
  std::string missing;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i] == nullptr)
      missing += (missing.empty() ? "'" : ", '") + module_->slots()[i].name + "'";
  }
  if (!missing.empty()) throw sdk::Error(MS_FAILED_PRECONDITION, "no value for " + missing);
  for (size_t i = 0; i < sets_.size(); ++i) {
    const ModuleNode& node = module_->nodes()[i];
    if (node.fixed != nullptr) {
      sets_[i] = node.fixed;
      continue;
    }
    auto set = MakeSet(node, sets_[i]);
    if (set == sets_[i]) continue;
    try {
      module_->Prepare(node, &set);
    } catch (const sdk::Error& e) {
      // The core takes a deadline for a device that may still use the set; here it is not used.
      if (e.code() == MS_DEADLINE_EXCEEDED) throw sdk::Error(MS_ABORTED, e.what());
      throw;
    }
    sets_[i] = std::move(set);
  }
  sealed_ = true;
}

void Weights::Get(uint32_t slot, const sdk::TensorView& value) const {
  const SlotInfo& info = Slot(slot);
  if (!sdk::Same(value.dtype, info.dtype) || !std::ranges::equal(value.shape(), info.shape))
    throw sdk::Error(MS_INVALID_ARGUMENT, "weights_get into another dtype or shape");
  if (values_[slot] == nullptr)
    throw sdk::Error(MS_FAILED_PRECONDITION, "weight '" + info.name + "' has no value");
  if (value.bytes() > 0) std::memcpy(value.data, values_[slot]->data(), value.bytes());
}

}  // namespace midstream::python

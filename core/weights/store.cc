#include "core/weights/store.h"

#include <algorithm>

#include "core/backend/host.h"
#include "core/graph/named_tensor.h"
#include "core/plan/evaluator.h"

namespace midstream::weights {
namespace {

bool IsDerived(const plan::Program& program, const std::string& slot) {
  return std::any_of(program.recipes().begin(), program.recipes().end(),
                     [&](const passes::Recipe& recipe) { return recipe.result == slot; });
}

// A value that is put into a slot: given, or read when its turn comes.
struct SlotValue {
  uint32_t slot = 0;
  Tensor given;
};

// Values that were read are let go as soon as the device has taken them, so that a model of many
// large weights is never in memory twice; those that it may still read go to `borrowed`.
Status PutAndSeal(backend::WeightSet& set, backend::Queue& queue,
                  const plan::Program::Segment& segment, const std::vector<SlotValue>& puts,
                  const std::function<Result<Tensor>(const std::string&)>& read, bool sync,
                  std::vector<Tensor>* borrowed) {
  for (const SlotValue& put : puts) {
    const std::string& name = segment.slots[put.slot];
    Tensor value = put.given;
    if (value.empty()) {
      MS_ASSIGN_OR_RETURN(value, read(name));
    }
    Status status = set.Put(queue, put.slot, value);
    if (!sync) borrowed->push_back(std::move(value));
    if (!status.ok()) return status.WithContext("stage '" + name + "'");
  }
  return set.Seal(queue);
}

}  // namespace

Store::Store(std::map<std::string, WeightDecl> declared, InitialReader initial,
             Evaluator& evaluator, Reaper& reaper)
    : declared_(std::move(declared)),
      initial_(std::move(initial)),
      evaluator_(evaluator),
      reaper_(reaper) {
  auto first = std::make_shared<Version>();
  first->id = 1;
  current_ = std::move(first);
}

std::shared_ptr<const Version> Store::Pin() const {
  std::lock_guard lock(current_mutex_);
  return current_;
}

Transaction Store::Begin() { return Transaction(this); }

Result<Tensor> Store::Read(const std::string& name) {
  std::lock_guard lock(staging_);
  std::string key(WithoutPort(name));
  if (declared_.count(key) == 0) return NotFound("the model has no weight '" + key + "'");
  return ValueOf(*Pin(), key, {});
}

bool Store::IsUsed(const std::string& name) {
  std::lock_guard lock(staging_);
  return std::any_of(attached_.begin(), attached_.end(), [&](const Attached& attached) {
    if (attached.program == nullptr) return false;
    const auto& names = attached.program->weight_names();
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

Result<Tensor> Store::ValueOf(const Version& version, const std::string& name,
                              const Values& fresh) {
  if (auto it = fresh.find(name); it != fresh.end()) return it->second;
  if (version.updated.count(name) == 0) return initial_(name);
  if (auto it = version.host.find(name); it != version.host.end()) return it->second;
  return ReadBack(version, name);
}

Result<Tensor> Store::ReadBack(const Version& version, const std::string& name) {
  for (size_t p = 0; p < version.programs.size(); ++p) {
    if (version.programs[p] == nullptr || attached_[p].program == nullptr) continue;
    const auto& segments = attached_[p].program->segments();
    for (size_t s = 0; s < segments.size(); ++s) {
      auto slot = std::find(segments[s].slots.begin(), segments[s].slots.end(), name);
      if (slot == segments[s].slots.end()) continue;
      auto idx = static_cast<uint32_t>(slot - segments[s].slots.begin());
      if (!segments[s].readable[idx]) continue;
      const WeightDecl& decl = declared_.at(name);
      MS_ASSIGN_OR_RETURN(Tensor value, Tensor::Allocate(decl.dtype, decl.shape));
      MS_RETURN_IF_ERROR((*version.programs[p])[s]->Get(idx, &value));
      return value;
    }
  }
  return Internal("the updated value of weight '" + name + "' was not kept");
}

Status Store::RunRecipes(const plan::Program& program, const Version& base, const Values& fresh,
                         bool all, Values* derived) {
  for (const passes::Recipe& recipe : program.recipes()) {
    bool touched =
        std::any_of(recipe.sources.begin(), recipe.sources.end(), [&](const std::string& name) {
          return fresh.count(name) != 0 || derived->count(name) != 0;
        });
    if (!touched && !all) continue;
    std::vector<Tensor> sources;
    for (const std::string& name : recipe.sources) {
      auto chained = derived->find(name);
      if (chained != derived->end()) {
        sources.push_back(chained->second);
        continue;
      }
      MS_ASSIGN_OR_RETURN(Tensor value, ValueOf(base, name, fresh));
      sources.push_back(std::move(value));
    }
    auto result = plan::EvaluateGraph(recipe.graph, sources, evaluator_);
    if (!result.ok()) return result.status().WithContext("deriving weight '" + recipe.result + "'");
    (*derived)[recipe.result] = (*result)[0];
  }
  return OkStatus();
}

Result<std::shared_ptr<const plan::ProgramWeights>> Store::StageProgram(
    Attached& attached, const Version& base, size_t number, const Values& fresh, bool all) {
  const plan::Program& program = *attached.program;
  backend::ThreadLimit limit(program.options().threads);
  Values derived;
  MS_RETURN_IF_ERROR(RunRecipes(program, base, fresh, all, &derived));

  std::shared_ptr<const plan::ProgramWeights> old;
  if (!all && number < base.programs.size()) old = base.programs[number];
  auto sets = std::make_shared<plan::ProgramWeights>(program.segments().size());
  for (size_t s = 0; s < program.segments().size(); ++s) {
    const plan::Program::Segment& segment = program.segments()[s];
    if (segment.slots.empty()) continue;
    std::vector<SlotValue> puts;
    for (uint32_t slot = 0; slot < segment.slots.size(); ++slot) {
      const std::string& name = segment.slots[slot];
      if (auto it = derived.find(name); it != derived.end()) {
        puts.push_back({slot, it->second});
      } else if (auto in = fresh.find(name); in != fresh.end()) {
        puts.push_back({slot, in->second});
      } else if (all && !IsDerived(program, name)) {
        puts.push_back({slot, {}});
      }
    }
    if (old != nullptr && puts.empty()) {
      (*sets)[s] = (*old)[s];
      continue;
    }
    auto& slot_queue = attached.queues[segment.device];
    if (slot_queue == nullptr) {
      MS_ASSIGN_OR_RETURN(slot_queue,
                          backend::Queue::Open(program.devices()[segment.device], true));
    }
    backend::Queue& queue = *slot_queue;
    MS_ASSIGN_OR_RETURN(auto set, backend::WeightSet::Begin(
                                      segment.module, old != nullptr ? (*old)[s].get() : nullptr));
    const bool sync = (program.devices()[segment.device]->info().flags & MS_DEVICE_SYNC) != 0;
    auto read = [&](const std::string& name) { return ValueOf(base, name, fresh); };
    std::vector<Tensor> borrowed;
    Status staged = PutAndSeal(*set, queue, segment, puts, read, sync, &borrowed);
    if (!staged.ok()) {
      // Work may still read the values: closing the queue waits for it, before they are let go.
      attached.queues[segment.device].reset();
      return staged;
    }
    (*sets)[s] = std::move(set);
  }
  return std::shared_ptr<const plan::ProgramWeights>(std::move(sets));
}

bool Store::NeedsHostCopy(const std::string& name) const {
  bool held = false;
  for (const Attached& attached : attached_) {
    if (attached.program == nullptr) continue;
    for (const passes::Recipe& recipe : attached.program->recipes()) {
      if (std::find(recipe.sources.begin(), recipe.sources.end(), name) != recipe.sources.end())
        return true;
    }
    for (const plan::Program::Segment& segment : attached.program->segments()) {
      auto slot = std::find(segment.slots.begin(), segment.slots.end(), name);
      if (slot != segment.slots.end()) {
        held = held || segment.readable[static_cast<size_t>(slot - segment.slots.begin())];
      }
    }
  }
  return !held;
}

Result<size_t> Store::Attach(std::shared_ptr<const plan::Program> program) {
  std::lock_guard lock(staging_);
  Attached attached{program, {}};
  for (const auto& device : program->devices()) {
    MS_ASSIGN_OR_RETURN(auto queue, backend::Queue::Open(device, true));
    attached.queues.push_back(std::move(queue));
  }
  auto current = Pin();
  MS_ASSIGN_OR_RETURN(auto sets, StageProgram(attached, *current, attached_.size(), {}, true));
  attached_.push_back(std::move(attached));
  auto next = std::make_shared<Version>(*current);
  next->programs.resize(attached_.size());
  next->programs.back() = std::move(sets);
  Publish(std::move(next));
  return attached_.size() - 1;
}

void Store::Detach(size_t program) {
  std::lock_guard lock(staging_);
  auto current = Pin();
  auto next = std::make_shared<Version>(*current);
  // What only this program's sets could give back must survive it.
  for (const std::string& name : current->updated) {
    if (next->host.count(name) != 0) continue;
    auto value = ReadBack(*current, name);
    if (value.ok()) next->host[name] = *std::move(value);
  }
  next->programs[program] = nullptr;
  attached_[program] = {};
  Publish(std::move(next));
}

Result<std::shared_ptr<Version>> Store::Stage(const Values& fresh) {
  reaper_.Drain();  // retired memory is recycled, so steady updates ask the system for none
  auto base = Pin();
  auto next = std::make_shared<Version>(*base);
  next->id = base->id + 1;
  for (size_t p = 0; p < attached_.size(); ++p) {
    if (attached_[p].program == nullptr) continue;
    MS_ASSIGN_OR_RETURN(next->programs[p], StageProgram(attached_[p], *base, p, fresh, false));
  }
  for (const auto& [name, value] : fresh) {
    next->updated.insert(name);
    next->host.erase(name);
    if (!NeedsHostCopy(name)) continue;
    MS_ASSIGN_OR_RETURN(Tensor copy, Tensor::Copy(value.dtype(), value.shape(), value.bytes()));
    next->host[name] = std::move(copy);
  }
  return next;
}

void Store::Publish(std::shared_ptr<Version> version) {
  // Whoever drops the last reference only hands the version over; the reaper pays for freeing it.
  auto* raw = new std::shared_ptr<const Version>(std::move(version));
  std::shared_ptr<const Version> published(raw->get(), [raw, reaper = &reaper_](const Version*) {
    reaper->Retire([raw] { delete raw; });
  });
  std::lock_guard lock(current_mutex_);
  current_.swap(published);
}

void Transaction::Put(std::string_view name, Tensor value) {
  std::string key(WithoutPort(name));
  auto decl = store_->declared().find(key);
  if (decl == store_->declared().end()) {
    problems_.push_back("'" + key + "': the model has no such weight");
    return;
  }
  const WeightDecl& want = decl->second;
  if (value.dtype() != want.dtype || value.shape() != want.shape) {
    problems_.push_back("'" + key + "': expected " + std::string(DTypeName(want.dtype)) +
                        want.shape.ToString() + ", got " + std::string(DTypeName(value.dtype())) +
                        value.shape().ToString());
    return;
  }
  if (!values_.emplace(key, std::move(value)).second)
    problems_.push_back("'" + key + "': given twice");
}

Result<uint64_t> Transaction::Commit() {
  auto values = std::exchange(values_, {});
  auto problems = std::exchange(problems_, {});
  if (!problems.empty()) {
    std::string text =
        "the update is refused, nothing was changed: " + std::to_string(problems.size()) +
        (problems.size() == 1 ? " problem" : " problems");
    for (const std::string& problem : problems) text += "\n  " + problem;
    return InvalidArgument(text);
  }
  std::lock_guard lock(store_->staging_);
  MS_ASSIGN_OR_RETURN(auto next, store_->Stage(values));
  uint64_t id = next->id;
  store_->Publish(std::move(next));
  return id;
}

}  // namespace midstream::weights

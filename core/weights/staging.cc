#include "core/weights/staging.h"

#include <set>

#include "core/backend/abandoned.h"
#include "core/backend/host.h"
#include "core/base/trace.h"
#include "core/plan/evaluator.h"

namespace midstream::weights {
namespace {

std::vector<std::string> Names(const UpdateValues& update) {
  std::vector<std::string> names;
  for (const auto& [name, value] : update.values()) names.push_back(name);
  return names;
}

// What the staging of a segment may still use on a device that does not answer.
struct Stuck {
  std::vector<Tensor> values;
  std::shared_ptr<const backend::WeightSet> base;
  std::shared_ptr<backend::WeightSet> set;
  std::unique_ptr<backend::Queue> queue;
};

}  // namespace

Status Staging::RunRecipes(const std::vector<size_t>& recipes) {
  if (recipes.empty()) return OkStatus();
  trace::Span span("weights", "recipes");
  for (size_t index : recipes) {
    const passes::Recipe& recipe = attached_.program().recipes()[index];
    std::vector<Tensor> sources;
    for (const std::string& name : recipe.sources) {
      auto chained = derived_.find(name);
      if (chained != derived_.end()) {
        sources.push_back(chained->second);
        continue;
      }
      MS_ASSIGN_OR_RETURN(Tensor value, source_(name));
      sources.push_back(std::move(value));
    }
    auto result = plan::EvaluateGraph(recipe.graph, sources, evaluator_);
    if (!result.ok()) return result.status().WithContext("deriving weight '" + recipe.result + "'");
    derived_[recipe.result] = std::move((*result)[0]);
  }
  return OkStatus();
}

void Staging::AddPuts(const std::string& name, const NewValue* update, Puts* puts) {
  auto derived = derived_.find(name);
  for (const SlotRef& ref : attached_.SlotsOf(name)) {
    Tensor value = derived == derived_.end() ? Tensor() : derived->second;
    (*puts)[ref.segment].push_back({ref, std::move(value), update, &name});
  }
}

Result<ProgramSets> Staging::All() {
  const plan::Program& program = attached_.program();
  backend::ThreadLimit limit(program.options().threads);
  std::vector<size_t> recipes(program.recipes().size());
  for (size_t r = 0; r < recipes.size(); ++r) recipes[r] = r;
  MS_RETURN_IF_ERROR(RunRecipes(recipes));
  Puts puts(program.segments().size());
  for (const plan::Program::Segment& segment : program.segments()) {
    const auto index = static_cast<uint32_t>(&segment - program.segments().data());
    for (uint32_t slot = 0; slot < segment.slots.size(); ++slot) {
      auto derived = derived_.find(segment.slots[slot]);
      Tensor value = derived == derived_.end() ? Tensor() : derived->second;
      puts[index].push_back({{index, slot}, std::move(value), nullptr, &segment.slots[slot]});
    }
  }
  return Pack(puts, nullptr);
}

Result<ProgramSets> Staging::Changed(const UpdateValues& update, const ProgramSets& base) {
  const plan::Program& program = attached_.program();
  backend::ThreadLimit limit(program.options().threads);
  MS_RETURN_IF_ERROR(RunRecipes(attached_.RecipesReachedBy(Names(update))));
  Puts puts(program.segments().size());
  for (const auto& [name, value] : derived_) AddPuts(name, nullptr, &puts);
  for (const auto& [name, value] : update.values()) {
    if (derived_.count(name) == 0) AddPuts(name, &value, &puts);
  }
  return Pack(puts, &base);
}

Result<ProgramSets> Staging::Pack(const Puts& puts, const ProgramSets* base) {
  const auto& segments = attached_.program().segments();
  auto sets = base == nullptr ? std::make_shared<plan::ProgramWeights>(segments.size())
                              : std::make_shared<plan::ProgramWeights>(*base->sets);
  ProgramSets result;
  result.charges = base == nullptr
                       ? std::vector<std::shared_ptr<const SegmentCharges>>(segments.size())
                       : base->charges;
  for (uint32_t s = 0; s < segments.size(); ++s) {
    if (puts[s].empty()) continue;
    auto charges = result.charges[s] == nullptr
                       ? std::make_shared<SegmentCharges>(segments[s].slots.size())
                       : std::make_shared<SegmentCharges>(*result.charges[s]);
    // Before the memory is taken, so that nobody else is promised it meanwhile.
    for (const Put& put : puts[s]) {
      (*charges)[put.ref.slot] = ledger_.Take(attached_.SlotBytes(put.ref));
    }
    const auto below = base == nullptr ? nullptr : (*sets)[s];
    MS_ASSIGN_OR_RETURN((*sets)[s], PackSegment(s, puts[s], below));
    result.charges[s] = std::move(charges);
  }
  result.sets = std::move(sets);
  result.index = program_;
  return result;
}

Result<std::shared_ptr<const backend::WeightSet>> Staging::PackSegment(
    uint32_t segment, const std::vector<Put>& puts,
    const std::shared_ptr<const backend::WeightSet>& base) {
  MS_ASSIGN_OR_RETURN(backend::Queue * queue, attached_.StagingQueue(segment));
  MS_ASSIGN_OR_RETURN(auto set, backend::WeightSet::Begin(
                                    attached_.program().segments()[segment].module, base.get()));
  std::vector<Tensor> borrowed;
  Status staged = OkStatus();
  for (const Put& put : puts) {
    staged = PutOne(*set, *queue, put, &borrowed);
    if (!staged.ok()) break;
  }
  bool stuck = false;
  if (staged.ok()) {
    staged = set->Seal(*queue);
    stuck = staged.code() == Code::kDeadlineExceeded;
  }
  if (staged.ok()) return std::shared_ptr<const backend::WeightSet>(std::move(set));
  // Work may still read the values: closing the queue waits for it, before they are let go.
  std::unique_ptr<backend::Queue> used = attached_.TakeQueue(segment);
  if (stuck) {
    const backend::Device& device = attached_.DeviceOf(segment);
    backend::KeepForever(device, std::make_shared<Stuck>(Stuck{std::move(borrowed), base,
                                                               std::move(set), std::move(used)}));
    const std::string name(device.info().name.data, device.info().name.size);
    return staged.WithContext("staging on device '" + name + "', which did not answer in time");
  }
  return staged;
}

// Values that were read are let go as soon as the device has taken them, so that a model of many
// large weights is never in memory twice; those that it may still read go to `borrowed`.
Status Staging::PutOne(backend::WeightSet& set, backend::Queue& queue, const Put& put,
                       std::vector<Tensor>* borrowed) {
  const bool sync = (attached_.DeviceOf(put.ref.segment).info().flags & MS_DEVICE_SYNC) != 0;
  // Each call may copy the whole weight, so several patches are joined first.
  const bool rows_alone = put.update != nullptr && !put.update->whole();
  if (rows_alone && put.update->rows.size() == 1 && attached_.TakesRows(*put.name)) {
    const RowPatch& patch = put.update->rows.front();
    Status status = set.PutRows(queue, put.ref.slot, patch.rows, patch.begin);
    if (!sync) borrowed->push_back(patch.rows);
    return status.ok() ? status : status.WithContext("stage rows of '" + *put.name + "'");
  }
  Tensor value = put.value;
  // A weight that no update brings is what the checkpoint or a version holds: it never changes.
  const bool adopt = put.update == nullptr ? value.empty() : put.update->adopt || rows_alone;
  if (value.empty()) {
    MS_ASSIGN_OR_RETURN(value, source_(*put.name));
  }
  Status status = set.Put(queue, put.ref.slot, value, adopt);
  if (!sync) borrowed->push_back(std::move(value));
  return status.ok() ? status : status.WithContext("stage '" + *put.name + "'");
}

uint64_t Staging::Cost(const AttachedProgram& attached, const UpdateValues& update) {
  const std::vector<std::string> names = Names(update);
  std::set<std::string> touched(names.begin(), names.end());
  for (size_t index : attached.RecipesReachedBy(names)) {
    touched.insert(attached.program().recipes()[index].result);
  }
  uint64_t bytes = 0;
  for (const std::string& name : touched) {
    for (const SlotRef& ref : attached.SlotsOf(name)) bytes += attached.SlotBytes(ref);
  }
  return bytes;
}

}  // namespace midstream::weights

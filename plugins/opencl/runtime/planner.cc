#include "runtime/planner.h"

#include <algorithm>

namespace midstream::opencl {

Planner::Planner(const Module* module, const sdk::GraphView& graph)
    : module_(module),
      graph_(graph),
      alias_(graph.value_count()),
      places_(graph.value_count()),
      last_use_(graph.value_count(), 0) {
  for (uint32_t id = 0; id < alias_.size(); ++id) alias_[id] = id;
}

std::vector<Command> Planner::Run() {
  PlaceFixed();
  AliasViews();
  const auto n = static_cast<uint32_t>(module_->uses().size());
  for (uint32_t u = 0; u < n; ++u) {
    for (uint32_t id : module_->uses()[u].inputs) {
      if (id != MS_NONE) last_use_[Root(id)] = u;
    }
  }
  for (uint32_t id : module_->outputs()) last_use_[Root(id)] = n;
  for (uint32_t u = 0; u < n; ++u) PlanUse(u);
  use_ = n;
  CopyOutputs();
  LayOutScratch();
  return std::move(commands_);
}

// Inputs, weights, constants, what the shapes determine, and outputs.
void Planner::PlaceFixed() {
  for (uint32_t i = 0; i < module_->inputs().size(); ++i)
    places_[module_->inputs()[i]] = {Where::kInput, i};
  for (uint32_t i = 0; i < module_->slots().size(); ++i)
    places_[module_->slots()[i].value] = {Where::kSlot, i};
  for (size_t i = 0; i < module_->constants().size(); ++i) {
    places_[module_->constants()[i].value] = {Where::kFixed, 0, 0, 0,
                                              module_->constant_forms()[i].plain};
  }
  for (uint32_t id = 0; id < places_.size(); ++id) {
    const ms_value_info info = graph_.value(id).info();
    if (info.kind == MS_VALUE_NODE && info.data != nullptr) {
      places_[id] = {Where::kFixed, 0, 0, 0, module_->device()->Upload(info.data, info.data_bytes)};
    }
  }
  for (uint32_t i = 0; i < module_->outputs().size(); ++i) {
    Place& place = places_[module_->outputs()[i]];
    if (place.where == Where::kNowhere) place = {Where::kOutput, i};
  }
}

void Planner::AliasViews() {
  for (const Use& use : module_->uses()) {
    if (use.kernel->IsView() && places_[use.outputs[0]].where == Where::kNowhere)
      alias_[use.outputs[0]] = use.inputs[0];
  }
}

bool Planner::Determined(const Use& use) const {
  return std::ranges::all_of(use.outputs, [&](uint32_t id) {
    return alias_[id] != id || places_[id].where == Where::kFixed;
  });
}

void Planner::PlanUse(uint32_t u) {
  const Use& use = module_->uses()[u];
  if (Determined(use)) return;
  use_ = u;
  for (uint32_t id : use.outputs) {
    if (places_[id].where != Where::kNowhere) continue;
    places_[id] = NewScratch(OperandOf(id).bytes());
    items_.back().last = std::max(u, last_use_[id]);
  }
  inputs_.clear();
  outputs_.clear();
  for (uint32_t id : use.inputs) inputs_.push_back(id == MS_NONE ? Operand{} : OperandOf(id));
  for (uint32_t id : use.outputs) outputs_.push_back(OperandOf(id));
  if (use.kernel->IsView()) {
    Copy(inputs_[0], outputs_[0]);
  } else {
    use.kernel->Plan(*this);
  }
}

// Outputs of the segment that are an input, a weight, a constant or another output.
void Planner::CopyOutputs() {
  for (uint32_t i = 0; i < module_->outputs().size(); ++i) {
    const Operand from = OperandOf(module_->outputs()[i]);
    if (from.place.where == Where::kOutput && from.place.idx == i) continue;
    Operand to = from;
    to.place = {Where::kOutput, i};
    commands_.push_back({MS_NONE, CopyCommand{from, to}});
  }
}

void Planner::LayOutScratch() {
  scratch_bytes_ = sdk::PlanArena(items_);
  auto settle = [&](Operand& operand) {
    if (operand.place.where == Where::kScratch)
      operand.place.offset += items_[operand.place.idx].offset;
  };
  for (Command& command : commands_) {
    if (auto* copy = std::get_if<CopyCommand>(&command.what)) {
      settle(copy->from);
      settle(copy->to);
      continue;
    }
    for (Arg& arg : std::get<Call>(command.what).args) {
      if (auto* operand = std::get_if<Operand>(&arg)) settle(*operand);
    }
  }
}

Place Planner::NewScratch(uint64_t bytes) {
  items_.push_back({std::max<uint64_t>(bytes, 1), use_, use_, 0});
  return {Where::kScratch, static_cast<uint32_t>(items_.size() - 1)};
}

uint32_t Planner::Root(uint32_t value) const {
  while (alias_[value] != value) value = alias_[value];
  return value;
}

Operand Planner::OperandOf(uint32_t id) const {
  const sdk::ValueView value = graph_.value(id);
  if (!value.shape_known()) {
    throw sdk::Error(MS_INVALID_ARGUMENT,
                     "a plan needs every shape; '" + std::string(value.name()) + "' has none");
  }
  return {places_[Root(id)], value.dtype(), {value.shape().begin(), value.shape().end()}};
}

Operand Planner::packed(uint32_t i, ms_dtype dtype, std::vector<int64_t> shape) const {
  const uint32_t form = module_->form(use_, i);
  Place place = inputs_[i].place;
  if (place.where == Where::kSlot) {
    place.form = form;
  } else {
    const uint32_t id = use().inputs[i];
    const auto& constants = module_->constants();
    const auto it = std::ranges::find(constants, id, &Holder::value);
    place.mem = module_->constant_forms()[it - constants.begin()].packed[form - 1];
  }
  return {place, dtype, std::move(shape)};
}

std::span<const std::byte> Planner::HostValue(uint32_t i) const {
  const ms_value_info info = graph_.value(use().inputs[i]).info();
  if (info.data == nullptr) return {};
  return {static_cast<const std::byte*>(info.data), info.data_bytes};
}

Operand Planner::Scratch(ms_dtype dtype, std::vector<int64_t> shape) {
  Operand operand{{}, dtype, std::move(shape)};
  operand.place = NewScratch(operand.bytes());
  return operand;
}

Operand Planner::Constant(ms_dtype dtype, std::vector<int64_t> shape, const void* data) {
  Operand operand{{}, dtype, std::move(shape)};
  operand.place = {Where::kFixed, 0, 0, 0, module_->device()->Upload(data, operand.bytes())};
  return operand;
}

void Planner::LaunchFastest(std::vector<Call> calls) {
  Device* device = module_->device();
  const size_t best = device->tunes() ? device->tuner().Choose(device, calls) : 0;
  Launch(std::move(calls[best]));
}

}  // namespace midstream::opencl

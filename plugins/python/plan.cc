#include <array>

#include "midstream/arena.hpp"
#include "plugins/python/module.h"

namespace midstream::python {

namespace {

mp_tensor Describe(const sdk::ValueView& value) {
  mp_tensor tensor{};
  const auto shape = value.shape();
  if (!value.shape_known() || shape.size() > MP_MAX_RANK) {
    throw sdk::Error(MS_UNIMPLEMENTED, "'" + std::string(value.name()) + "' has rank " +
                                           std::to_string(shape.size()) +
                                           "; python takes at most " + std::to_string(MP_MAX_RANK));
  }
  tensor.bytes = static_cast<uint64_t>(sdk::Count(shape)) * sdk::ByteWidth(value.dtype());
  tensor.dtype_code = value.dtype().code;
  tensor.dtype_bits = value.dtype().bits;
  tensor.rank = static_cast<uint32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), tensor.shape);
  return tensor;
}

}  // namespace

struct Plan::Request {
  const Weights* weights;
  const ms_exec* exec;
  std::byte* (*address)(const ms_tensor&);
  uint64_t block;  // mp_tensor.at of the scratch, or of the block
};

Plan::Plan(const Module* module, const sdk::GraphView& graph)
    : module_(module), places_(graph.value_count()) {
  for (const ModuleNode& node : module->nodes()) {
    PlanNode& plan = nodes_.emplace_back();
    for (uint32_t id : node.inputs) plan.inputs.push_back(Describe(graph.value(id)));
    for (uint32_t id : node.outputs) plan.outputs.push_back(Describe(graph.value(id)));
  }
  PlaceValues(graph);
  for (uint32_t i = 0; i < module->outputs().size(); ++i) {
    const uint32_t id = module->outputs()[i];
    const Place& place = places_[id];
    if (place.where != Where::kOutput || place.at != i) copies_.push_back({i, id});
  }
  if (block_bytes_ > 0)
    blocks_.push_back(std::make_shared<RegionBlock>(&module->pool().region(), block_bytes_));
}

void Plan::PlaceValues(const sdk::GraphView& graph) {
  const bool direct = module_->pool().absolute();
  const auto end = static_cast<uint32_t>(nodes_.size() + 1);
  std::vector<sdk::ArenaItem> items(places_.size());
  for (uint32_t id = 0; id < places_.size(); ++id) {
    const Source source = module_->sources()[id];
    places_[id].bytes = Describe(graph.value(id)).bytes;
    if (source.kind == Source::Kind::kConstant) {
      places_[id] = {Where::kConstant, source.idx, places_[id].bytes};
    } else if (source.kind == Source::Kind::kSlot) {
      places_[id] = {Where::kSlot, source.idx, places_[id].bytes};
    } else if (source.kind == Source::Kind::kInput && direct) {
      places_[id] = {Where::kInput, source.idx, places_[id].bytes};
    }
  }
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    const ModuleNode& node = module_->nodes()[i];
    for (uint32_t id : node.inputs) items[id].last = i + 1;
    for (uint32_t id : node.outputs) items[id].first = i + 1, items[id].last = i + 1;
  }
  for (uint32_t i = 0; i < module_->outputs().size(); ++i) {
    Place& place = places_[module_->outputs()[i]];
    items[module_->outputs()[i]].last = end;
    if (direct && place.where == Where::kBlock) place = {Where::kOutput, i, place.bytes};
  }
  for (uint32_t id = 0; id < places_.size(); ++id)
    items[id].bytes = places_[id].where == Where::kBlock ? places_[id].bytes : 0;
  const uint64_t bytes = sdk::PlanArena(items);
  for (uint32_t id = 0; id < places_.size(); ++id) {
    if (places_[id].where == Where::kBlock) places_[id].at = items[id].offset;
  }
  (direct ? scratch_bytes_ : block_bytes_) = bytes;
}

uint64_t Plan::Locate(const Request& request, uint32_t value) const {
  const auto at = [&](const ms_tensor& tensor) {
    return reinterpret_cast<uint64_t>(request.address(tensor));
  };
  const Place& place = places_[value];
  switch (place.where) {
    case Where::kInput:
      return at(request.exec->inputs[place.at]);
    case Where::kOutput:
      return at(request.exec->outputs[place.at]);
    case Where::kConstant:
      return module_->constants()[place.at]->reference();
    case Where::kSlot:
      return request.weights->value(static_cast<uint32_t>(place.at)).reference();
    case Where::kBlock:
      return request.block + place.at;
  }
  return 0;
}

std::shared_ptr<RegionBlock> Plan::TakeBlock() {
  if (block_bytes_ == 0) return nullptr;
  {
    std::lock_guard lock(mutex_);
    if (!blocks_.empty()) {
      auto block = std::move(blocks_.back());
      blocks_.pop_back();
      return block;
    }
  }
  return std::make_shared<RegionBlock>(&module_->pool().region(), block_bytes_);
}

void Plan::GiveBlock(std::shared_ptr<RegionBlock> block) {
  if (block == nullptr) return;
  std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(block));
}

void Plan::Execute(const Weights* weights, const ms_exec& exec,
                   std::byte* (*address)(const ms_tensor&), Queue* queue) {
  auto block = TakeBlock();
  Request request{weights, &exec, address, 0};
  if (block != nullptr) {
    request.block = block->offset();
    for (uint32_t i = 0; i < exec.n_inputs; ++i) {
      const Place& place = places_[module_->inputs()[i]];
      if (place.where == Where::kBlock && place.bytes > 0)
        std::memcpy(block->data() + place.at, address(exec.inputs[i]), place.bytes);
    }
  } else if (exec.scratch != nullptr) {
    request.block = reinterpret_cast<uint64_t>(address(*exec.scratch));
  }
  for (size_t i = 0; i < nodes_.size(); ++i) RunNode(i, request, block, queue);
  for (const auto& [output, value] : copies_) {
    std::byte* to = address(exec.outputs[output]);
    if (places_[value].bytes > 0)
      std::memcpy(to, HostAddress(request, value, block), places_[value].bytes);
  }
  GiveBlock(std::move(block));
}

void Plan::RunNode(size_t i, const Request& request, const std::shared_ptr<RegionBlock>& block,
                   Queue* queue) {
  const ModuleNode& node = module_->nodes()[i];
  std::array<uint64_t, MP_MAX_TENSORS> input_at{}, output_at{};
  for (size_t k = 0; k < node.inputs.size(); ++k) input_at[k] = Locate(request, node.inputs[k]);
  for (size_t k = 0; k < node.outputs.size(); ++k) output_at[k] = Locate(request, node.outputs[k]);
  Call call;
  call.kind = MP_DO_INFER;
  call.model = &node.model;
  call.set = node.fixed != nullptr ? &node.fixed : &request.weights->set(i);
  call.inputs = nodes_[i].inputs;
  call.outputs = nodes_[i].outputs;
  call.input_at = input_at.data();
  call.output_at = output_at.data();
  call.memory = block;
  call.timeout = module_->device()->options().timeout;
  call.load_timeout = module_->device()->options().load_timeout;
  const Times times = module_->pool().Run(call);
  if (queue->times != nullptr)
    queue->times->Add(this, node.id, times.model_begin_ns, times.model_end_ns, "python");
}

const std::byte* Plan::HostAddress(const Request& request, uint32_t value,
                                   const std::shared_ptr<RegionBlock>& block) const {
  const Place& place = places_[value];
  if (place.where == Where::kConstant) return module_->constants()[place.at]->data();
  if (place.where == Where::kSlot)
    return request.weights->value(static_cast<uint32_t>(place.at)).data();
  if (place.where == Where::kBlock && block != nullptr) return block->data() + place.at;
  return reinterpret_cast<const std::byte*>(Locate(request, value));
}

}  // namespace midstream::python

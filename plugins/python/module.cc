#include "plugins/python/module.h"

namespace midstream::python {

namespace {

SlotInfo ReadSlot(const sdk::ValueView& value) {
  SlotInfo slot;
  slot.name = value.name();
  slot.dtype = value.dtype();
  slot.shape.assign(value.shape().begin(), value.shape().end());
  if (!value.shape_known())
    throw sdk::Error(MS_UNIMPLEMENTED, "weight '" + slot.name + "' has no fixed shape");
  return slot;
}

}  // namespace

Module::Module(Device* device, std::shared_ptr<Pool> pool, const sdk::GraphView& graph)
    : device_(device),
      pool_(std::move(pool)),
      inputs_(graph.inputs().begin(), graph.inputs().end()),
      outputs_(graph.outputs().begin(), graph.outputs().end()) {
  ReadValues(graph);
  for (uint32_t id = 0; id < graph.node_count(); ++id) ReadNode(graph, id);
  for (const ModuleNode& node : nodes_) Prepare(node, node.fixed ? &node.fixed : nullptr);
}

void Module::ReadValues(const sdk::GraphView& graph) {
  sources_.resize(graph.value_count());
  for (uint32_t i = 0; i < inputs_.size(); ++i) sources_[inputs_[i]] = {Source::Kind::kInput, i};
  for (uint32_t id : graph.slots()) {
    sources_[id] = {Source::Kind::kSlot, static_cast<uint32_t>(slots_.size())};
    slots_.push_back(ReadSlot(graph.value(id)));
  }
  for (uint32_t id = 0; id < graph.value_count(); ++id) {
    const sdk::ValueView value = graph.value(id);
    if (value.info().kind != MS_VALUE_CONSTANT) continue;
    SlotInfo constant = ReadSlot(value);
    constant.as_input = true;
    sdk::TensorView view = constant.View();
    view.data = const_cast<void*>(value.info().data);
    sources_[id] = {Source::Kind::kConstant, static_cast<uint32_t>(constants_.size())};
    constants_.push_back(MakeValue(constant, view, nullptr, nullptr));
  }
}

void Module::ReadNode(const sdk::GraphView& graph, uint32_t id) {
  const sdk::NodeView view = graph.node(id);
  if (!ClaimNode(graph, view).mine) {
    throw sdk::Error(MS_UNIMPLEMENTED,
                     "node '" + std::string(view.name()) + "' is no model that python can run");
  }
  const NodeSpec spec(graph, id);
  std::vector<std::string_view> contents;
  const std::string header = spec.Header(&contents);
  ModuleNode node;
  node.id = id;
  node.name = spec.name;
  node.model = pool_->Make<ModelObject>(pool_->NextId(), spec.name, header, contents);
  const auto begin = view.inputs().begin();
  const auto middle = begin + static_cast<ptrdiff_t>(spec.inputs.size());
  node.inputs.assign(begin, middle);
  node.outputs.assign(view.outputs().begin(), view.outputs().end());
  for (uint32_t value : node.inputs) {
    if (sources_[value].kind == Source::Kind::kSlot) slots_[sources_[value].idx].as_input = true;
  }
  std::shared_ptr<MappedFile> file;
  if (!pool_->absolute()) file = pool_->files().Open(spec.package);
  std::vector<std::shared_ptr<ValueObject>> fixed;
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    const Source source = sources_[*(middle + static_cast<ptrdiff_t>(i))];
    node.weights.push_back(source);
    if (source.kind == Source::Kind::kConstant) {
      fixed.push_back(constants_[source.idx]);
    } else if (i < spec.weight_offsets.size() && spec.weight_offsets[i] > 0) {
      slots_[source.idx].file = file;
      slots_[source.idx].file_offset = static_cast<uint64_t>(spec.weight_offsets[i]);
    }
  }
  if (fixed.size() == node.weights.size())
    node.fixed = pool_->Make<SetObject>(pool_->NextId(), *node.model, std::move(fixed));
  nodes_.push_back(std::move(node));
}

void Module::Prepare(const ModuleNode& node, const std::shared_ptr<SetObject>* set) const {
  Call call;
  call.kind = set != nullptr ? MP_DO_PREPARE : MP_DO_LOAD;
  call.model = &node.model;
  call.set = set;
  call.timeout = call.load_timeout = device_->options().load_timeout;
  pool_->Run(call);
}

std::shared_ptr<ValueObject> Module::MakeValue(const SlotInfo& slot, const sdk::TensorView& value,
                                               void (*released)(void*), void* user) const {
  ValueMemory memory;
  const uint64_t bytes = value.bytes();
  const sdk::Host host(device_->host());
  if (pool_->absolute() && released != nullptr) {
    memory.handed = value.as<const std::byte>();
    auto object = pool_->Make<ValueObject>(value, std::move(memory));
    object->Own(released, user);
    return object;
  }
  if (pool_->absolute()) {
    memory.host = sdk::Block(device_->host(), bytes);
    sdk::CopyBytes(host, memory.host.data(), value.data, bytes);
  } else if (slot.file != nullptr && !slot.as_input && slot.file_offset <= slot.file->bytes() &&
             bytes <= slot.file->bytes() - slot.file_offset &&
             std::memcmp(slot.file->data() + slot.file_offset, value.data, bytes) == 0) {
    memory.file = slot.file;
    memory.file_offset = slot.file_offset;
  } else {
    memory.region = RegionBlock(&pool_->region(), bytes);
    sdk::CopyBytes(host, memory.region.data(), value.data, bytes);
  }
  auto object = pool_->Make<ValueObject>(value, std::move(memory));
  if (released != nullptr) released(user);  // it has been copied
  return object;
}

}  // namespace midstream::python

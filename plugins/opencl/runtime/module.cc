#include "runtime/module.h"

#include <algorithm>

#include "runtime/buffer.h"

namespace midstream::opencl {
namespace {

constexpr uint64_t kPiece = uint64_t{16} << 20;  // of a value that is read back

Holder Declare(const sdk::ValueView& value, uint32_t id) {
  if (!value.shape_known()) {
    throw sdk::Error(MS_INVALID_ARGUMENT,
                     "the shape of '" + std::string(value.name()) + "' is not known");
  }
  return {id,
          std::string(value.name()),
          {{}, value.dtype(), {value.shape().begin(), value.shape().end()}},
          {},
          false};
}

Use MakeUse(const sdk::NodeView& node) {
  const OpEntry* entry = FindOp(node);
  if (entry == nullptr) {
    throw sdk::Error(MS_UNIMPLEMENTED, "opencl has no kernel for " + std::string(node.op()) + " '" +
                                           std::string(node.name()) + "'");
  }
  return {node.id(),
          std::string(node.name()),
          entry->create(node),
          {node.inputs().begin(), node.inputs().end()},
          {node.outputs().begin(), node.outputs().end()}};
}

std::unique_ptr<CommandList> Compile(Device* device, std::vector<Call> calls) {
  std::vector<Command> commands;
  for (Call& call : calls) commands.push_back({MS_NONE, std::move(call)});
  auto list = std::make_unique<CommandList>(device, std::move(commands));
  list->Warm();
  return list;
}

}  // namespace

uint64_t Holder::Bytes() const {
  uint64_t total = declared.bytes();  // also while the forms are made from it
  for (const Form& form : forms) total += form.bytes;
  return total;
}

Module::Module(Device* device, const sdk::GraphView& graph)
    : device_(device),
      inputs_(graph.inputs().begin(), graph.inputs().end()),
      outputs_(graph.outputs().begin(), graph.outputs().end()) {
  for (uint32_t id = 0; id < graph.node_count(); ++id) {
    uses_.push_back(MakeUse(graph.node(id)));
    form_of_.emplace_back(uses_.back().inputs.size(), 0);
  }
  for (uint32_t id : graph.slots()) slots_.push_back(Declare(graph.value(id), id));
  for (Holder& slot : slots_) FindReaders(&slot);
  for (uint32_t id = 0; id < graph.value_count(); ++id) {
    const sdk::ValueView value = graph.value(id);
    if (value.info().kind != MS_VALUE_CONSTANT) continue;
    constants_.push_back(Declare(value, id));
    FindReaders(&constants_.back());
    Mem plain = device_->Upload(value.info().data, constants_.back().declared.bytes());
    device_->RunNow([&](Queue* queue) {
      constant_forms_.push_back(MakeForms(constants_.back(), std::move(plain), queue));
    });
  }
}

void Module::FindReaders(Holder* holder) {
  for (uint32_t use = 0; use < uses_.size(); ++use) {
    for (uint32_t i = 0; i < uses_[use].inputs.size(); ++i) {
      if (uses_[use].inputs[i] != holder->value) continue;
      auto packing = uses_[use].kernel->Pack(i, holder->declared, device_->traits());
      if (packing.has_value()) {
        form_of_[use][i] = AddForm(holder, *std::move(packing));
      } else {
        holder->plain = true;
      }
    }
  }
  // Kept when nobody packs it in a way that can be undone: weights_get must answer, and an output
  // of the segment may be the tensor itself.
  const bool undone =
      std::ranges::any_of(holder->forms, [](const Form& form) { return form.unpack != nullptr; });
  if (!undone || std::ranges::find(outputs_, holder->value) != outputs_.end()) {
    holder->plain = true;
  }
}

uint32_t Module::AddForm(Holder* holder, Packing packing) {
  for (uint32_t i = 0; i < holder->forms.size(); ++i) {
    if (holder->forms[i].key == packing.key) return i + 1;
  }
  Form form{packing.key, packing.bytes, Compile(device_, std::move(packing.pack)), nullptr};
  if (!packing.unpack.empty()) form.unpack = Compile(device_, std::move(packing.unpack));
  holder->forms.push_back(std::move(form));
  return static_cast<uint32_t>(holder->forms.size());
}

Forms Module::MakeForms(const Holder& holder, Mem plain, Queue* queue) const {
  Forms forms;
  for (const Form& form : holder.forms) {
    forms.packed.push_back(device_->Allocate(form.bytes));
    form.pack->Enqueue(queue, PairBindings(plain, forms.packed.back()));
  }
  if (holder.plain) forms.plain = std::move(plain);
  return forms;
}

Mem Module::Plain(const Holder& holder, const Forms& forms, Queue* queue) const {
  if (holder.plain) return forms.plain;
  size_t i = 0;
  while (holder.forms[i].unpack == nullptr) ++i;
  Mem plain = device_->Allocate(holder.declared.bytes());
  holder.forms[i].unpack->Enqueue(queue, PairBindings(forms.packed[i], plain));
  return plain;
}

Weights::Weights(const Module* module, const Weights* base) : module_(module) {
  if (base == nullptr) {
    slots_.resize(module->slots().size());
  } else if (!base->sealed_ || base->module_ != module) {
    throw sdk::Error(MS_FAILED_PRECONDITION,
                     "the base of a weight set must be sealed and of the same module");
  } else {
    slots_ = base->slots_;
  }
}

const Holder& Weights::HolderOf(uint32_t slot) const {
  if (slot >= slots_.size())
    throw sdk::Error(MS_OUT_OF_RANGE, "no weight slot " + std::to_string(slot));
  return module_->slots()[slot];
}

void Weights::Put(const ms_put& put, Queue* queue) {
  if (sealed_) throw sdk::Error(MS_FAILED_PRECONDITION, "the weight set is sealed");
  const Holder& holder = HolderOf(put.slot);
  if (put.ready != nullptr) {
    const Event event = reinterpret_cast<Queue*>(put.ready->queue)->Pending(put.ready->value);
    const cl_event raw = event.get();
    if (raw != nullptr) {
      Check(clEnqueueBarrierWithWaitList(queue->raw(), 1, &raw, nullptr),
            "clEnqueueBarrierWithWaitList");
    }
  }
  Mem plain = put.row_count < 0 ? Whole(holder, put, queue) : WithRows(holder, put, queue);
  slots_[put.slot] =
      std::make_shared<const Forms>(module_->MakeForms(holder, std::move(plain), queue));
  Check(clFlush(queue->raw()), "clFlush");
}

Mem Weights::Whole(const Holder& holder, const ms_put& put, Queue* queue) const {
  const Operand& want = holder.declared;
  if (!sdk::Same(put.value->dtype, want.dtype) ||
      !std::ranges::equal(std::span(put.value->shape, put.value->rank), want.shape)) {
    throw sdk::Error(MS_INVALID_ARGUMENT, "the value for '" + holder.name +
                                              "' has another dtype or shape than its slot");
  }
  Buffer buffer{module_->device(), module_->device()->Allocate(want.bytes()), want.bytes()};
  ms_tensor to = *put.value;
  to.buffer = reinterpret_cast<ms_buffer*>(&buffer);
  to.byte_offset = 0;
  EnqueueCopy(queue, *put.value, to);
  return buffer.mem;
}

Mem Weights::WithRows(const Holder& holder, const ms_put& put, Queue* queue) const {
  const Operand& want = holder.declared;
  const std::span<const int64_t> shape(put.value->shape, put.value->rank);
  const bool fits = want.rank() > 0 && put.row_begin >= 0 && put.row_begin <= want.dim(0) &&
                    put.row_count <= want.dim(0) - put.row_begin &&
                    sdk::Same(put.value->dtype, want.dtype) && shape.size() == want.rank() &&
                    shape[0] == put.row_count &&
                    std::equal(shape.begin() + 1, shape.end(), want.shape.begin() + 1);
  if (!fits) {
    throw sdk::Error(MS_INVALID_ARGUMENT, "the rows for '" + holder.name + "' do not fit its slot");
  }
  if (slots_[put.slot] == nullptr) {
    throw sdk::Error(MS_FAILED_PRECONDITION,
                     "'" + holder.name + "' has no value whose rows could change");
  }
  Mem old = module_->Plain(holder, *slots_[put.slot], queue);
  Buffer buffer{module_->device(), module_->device()->Allocate(want.bytes()), want.bytes()};
  if (want.bytes() > 0) {
    Check(clEnqueueCopyBuffer(queue->raw(), old.get(), buffer.mem.get(), 0, 0, want.bytes(), 0,
                              nullptr, queue->NextEvent()),
          "clEnqueueCopyBuffer");
  }
  ms_tensor to = *put.value;
  to.buffer = reinterpret_cast<ms_buffer*>(&buffer);
  to.byte_offset =
      want.dim(0) == 0 ? 0 : static_cast<uint64_t>(put.row_begin) * (want.bytes() / want.dim(0));
  EnqueueCopy(queue, *put.value, to);
  return buffer.mem;
}

void Weights::Seal(Queue* queue, uint64_t signal) {
  if (sealed_) throw sdk::Error(MS_FAILED_PRECONDITION, "the weight set is already sealed");
  std::string missing;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i] == nullptr)
      missing += (missing.empty() ? "'" : ", '") + module_->slots()[i].name + "'";
  }
  if (!missing.empty()) throw sdk::Error(MS_FAILED_PRECONDITION, "no value was put for " + missing);
  queue->Submit(signal);
  sealed_ = true;
}

void Weights::Get(uint32_t slot, const ms_tensor& value) const {
  if (!sealed_) throw sdk::Error(MS_FAILED_PRECONDITION, "the weight set is not sealed");
  const Holder& holder = HolderOf(slot);
  if (!sdk::Same(value.dtype, holder.declared.dtype) ||
      !std::ranges::equal(std::span(value.shape, value.rank), holder.declared.shape)) {
    throw sdk::Error(MS_INVALID_ARGUMENT, "the value for '" + holder.name +
                                              "' has another dtype or shape than its slot");
  }
  Device* device = module_->device();
  Mem plain;
  device->RunNow([&](Queue* queue) { plain = module_->Plain(holder, *slots_[slot], queue); });
  // By way of memory that can be kept when a copy to it does not end.
  const uint64_t bytes = BytesOf(value);
  const auto piece = std::make_shared<std::vector<std::byte>>(std::min(bytes, kPiece));
  for (uint64_t at = 0; at < bytes; at += kPiece) {
    const uint64_t size = std::min(bytes - at, kPiece);
    device->RunNow(
        [&](Queue* queue) {
          Check(clEnqueueReadBuffer(queue->raw(), plain.get(), CL_FALSE, at, size, piece->data(), 0,
                                    nullptr, queue->NextEvent()),
                "clEnqueueReadBuffer");
        },
        piece);
    std::memcpy(HostAddress(value) + at, piece->data(), size);
  }
}

}  // namespace midstream::opencl

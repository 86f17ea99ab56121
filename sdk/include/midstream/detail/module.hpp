// Module and Weights of a kernel-list backend. Included by backend.hpp.
//
// A module keeps the kernels, the constants (packed once) and, for each weight slot, who wants it
// in which form. A weight set is a list of shared slots: a new set points to the unchanged slots of
// its base, so it costs what changed, and a base may be released first. A sealed set is never
// written again.
#ifndef MIDSTREAM_DETAIL_MODULE_HPP_
#define MIDSTREAM_DETAIL_MODULE_HPP_

#include <map>

#include "midstream/kernel.hpp"

namespace midstream::sdk::detail {

// A slot (or constant) as the graph declares it.
struct Declared {
  uint32_t value;  // id in the graph
  std::string name;
  ms_dtype dtype;
  std::vector<int64_t> shape;

  TensorView View(const void* data) const {
    return {const_cast<void*>(data), shape.data(), static_cast<uint32_t>(shape.size()), dtype};
  }
};

inline Declared Declare(const ValueView& value, uint32_t id) {
  if (!value.shape_known()) {
    throw Error(MS_INVALID_ARGUMENT,
                "the shape of '" + std::string(value.name()) + "' is not known");
  }
  return {
      id, std::string(value.name()), value.dtype(), {value.shape().begin(), value.shape().end()}};
}

// Input `input` of kernel `use` wants a packed copy of `bytes` bytes.
struct PackTarget {
  uint32_t use;
  uint32_t input;
  uint64_t bytes;
};

// All forms of one tensor: as it is (when some kernel reads it so) and packed for each target.
struct Forms {
  Block plain;
  std::vector<Block> packed;  // parallel to Holder::targets
};

// A tensor that kernels hold on to: a constant or a weight slot.
struct Holder {
  Declared declared;
  std::vector<PackTarget> targets;
  bool plain = false;

  uint64_t Bytes() const {
    uint64_t total = plain ? declared.View(nullptr).bytes() : 0;
    for (const PackTarget& target : targets) total += target.bytes;
    return total;
  }
};

class Module {
 public:
  Module(const ms_host* host, const GraphView& graph, std::vector<KernelUse> uses)
      : host_(host),
        uses_(std::move(uses)),
        inputs_(graph.inputs().begin(), graph.inputs().end()),
        outputs_(graph.outputs().begin(), graph.outputs().end()),
        value_count_(graph.value_count()) {
    uint32_t offset = 0;
    for (const KernelUse& use : uses_) {
      use_offset_.push_back(offset);
      offset += static_cast<uint32_t>(use.inputs.size());
    }
    use_offset_.push_back(offset);
    for (uint32_t id : graph.slots()) slots_.push_back({Declare(graph.value(id), id), {}, false});
    std::vector<const void*> data;
    for (uint32_t id = 0; id < value_count_; ++id) {
      ValueView value = graph.value(id);
      if (value.info().kind != MS_VALUE_CONSTANT) continue;
      constants_.push_back({Declare(value, id), {}, false});
      data.push_back(value.info().data);
    }
    for (Holder& holder : slots_) FindReaders(&holder);
    for (size_t i = 0; i < constants_.size(); ++i) {
      FindReaders(&constants_[i]);
      constant_forms_.push_back(MakeForms(constants_[i], constants_[i].declared.View(data[i])));
    }
  }

  const ms_host* host() const { return host_; }
  const std::vector<KernelUse>& uses() const { return uses_; }
  const std::vector<uint32_t>& inputs() const { return inputs_; }
  const std::vector<uint32_t>& outputs() const { return outputs_; }
  uint32_t value_count() const { return value_count_; }
  const std::vector<Holder>& slots() const { return slots_; }
  const std::vector<Holder>& constants() const { return constants_; }
  const std::vector<Forms>& constant_forms() const { return constant_forms_; }
  // Position of (use, input 0) in a flat table over all inputs of all uses; one past the last at
  // uses().size().
  uint32_t use_offset(size_t use) const { return use_offset_[use]; }

  Forms MakeForms(const Holder& holder, const TensorView& value) const {
    Forms forms;
    if (holder.plain) {
      forms.plain = Block(host_, value.bytes());
      CopyBytes(Host(host_), forms.plain.data(), value.data, value.bytes());
    }
    Pack(holder, value, &forms);
    return forms;
  }

  // The same for memory that is handed over: what is read as it is stays where it lies.
  Forms MakeForms(const Holder& holder, const TensorView& value, Block&& adopted) const {
    Forms forms;
    Pack(holder, value, &forms);
    if (holder.plain) forms.plain = std::move(adopted);
    return forms;
  }

  // The value of a slot, from its forms.
  void ReadForms(const Holder& holder, const Forms& forms, const TensorView& out) const {
    if (holder.plain) {
      CopyBytes(Host(host_), out.data, forms.plain.data(), out.bytes());
    } else {
      const PackTarget& target = holder.targets.front();
      uses_[target.use].kernel->Unpack(target.input, forms.packed.front().data(), out);
    }
  }

 private:
  void Pack(const Holder& holder, const TensorView& value, Forms* forms) const {
    Host host(host_);
    for (const PackTarget& target : holder.targets) {
      forms->packed.emplace_back(host_, target.bytes);
      uses_[target.use].kernel->Pack(target.input, value, forms->packed.back().data(), host);
    }
  }

  void FindReaders(Holder* holder) {
    uint32_t id = holder->declared.value;
    for (uint32_t use = 0; use < uses_.size(); ++use) {
      for (uint32_t in = 0; in < uses_[use].inputs.size(); ++in) {
        if (uses_[use].inputs[in] != id) continue;
        uint64_t bytes = uses_[use].kernel->PackedBytes(in, holder->declared.View(nullptr));
        if (bytes > 0) {
          holder->targets.push_back({use, in, bytes});
        } else {
          holder->plain = true;
        }
      }
    }
    // Kept when nobody packs it: an output of the segment may be the tensor itself, and weights_get
    // must answer.
    if (holder->targets.empty() ||
        std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end()) {
      holder->plain = true;
    }
  }

  const ms_host* host_;
  std::vector<KernelUse> uses_;
  std::vector<uint32_t> inputs_;
  std::vector<uint32_t> outputs_;
  uint32_t value_count_;
  std::vector<uint32_t> use_offset_;
  std::vector<Holder> slots_;
  std::vector<Holder> constants_;
  std::vector<Forms> constant_forms_;
};

class Weights {
 public:
  Weights(const Module* module, const Weights* base) : module_(module) {
    if (base == nullptr) {
      slots_.resize(module->slots().size());
    } else if (!base->sealed_ || base->module_ != module) {
      throw Error(MS_FAILED_PRECONDITION,
                  "the base of a weight set must be sealed and of the same module");
    } else {
      slots_ = base->slots_;
    }
  }

  void Put(uint32_t slot, const TensorView& value) {
    const Holder& holder = Writable(slot);
    CheckDeclared(holder, value);
    slots_[slot] = std::make_shared<const Forms>(module_->MakeForms(holder, value));
  }

  // Calls released(user) when the memory of `value` is not used any more; not at all when it throws.
  void Adopt(uint32_t slot, const TensorView& value, void (*released)(void*), void* user) {
    const Holder& holder = Writable(slot);
    CheckDeclared(holder, value);
    if (reinterpret_cast<uintptr_t>(value.data) % ByteWidth(value.dtype) != 0) {
      slots_[slot] = std::make_shared<const Forms>(module_->MakeForms(holder, value));
      released(user);
      return;
    }
    auto forms = std::make_shared<Forms>(module_->MakeForms(holder, value, Block()));
    // From here on nothing throws.
    Block memory(value.data, value.bytes(), released, user);
    if (holder.plain) forms->plain = std::move(memory);
    slots_[slot] = std::move(forms);
  }

  void PutRows(uint32_t slot, const TensorView& rows, int64_t begin, int64_t count) {
    const Holder& holder = Writable(slot);
    const Declared& want = holder.declared;
    const bool fits = !want.shape.empty() && begin >= 0 && begin <= want.shape[0] &&
                      count <= want.shape[0] - begin && Same(rows.dtype, want.dtype) &&
                      rows.rank == want.shape.size() && rows.dim(0) == count &&
                      std::equal(want.shape.begin() + 1, want.shape.end(), rows.dims + 1);
    if (!fits) {
      throw Error(MS_INVALID_ARGUMENT, "the rows for '" + want.name + "' do not fit its slot");
    }
    if (slots_[slot] == nullptr) {
      throw Error(MS_FAILED_PRECONDITION,
                  "'" + want.name + "' has no value whose rows could change");
    }
    Block whole(module_->host(), want.View(nullptr).bytes());
    TensorView value = want.View(whole.data());
    module_->ReadForms(holder, *slots_[slot], value);
    const uint64_t row_bytes = want.shape[0] == 0 ? 0 : value.bytes() / want.shape[0];
    if (rows.bytes() > 0) {
      std::memcpy(whole.data() + static_cast<uint64_t>(begin) * row_bytes, rows.data, rows.bytes());
    }
    slots_[slot] =
        std::make_shared<const Forms>(module_->MakeForms(holder, value, std::move(whole)));
  }

  void Seal() {
    if (sealed_) throw Error(MS_FAILED_PRECONDITION, "the weight set is already sealed");
    std::string missing;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i] == nullptr)
        missing += (missing.empty() ? "'" : ", '") + module_->slots()[i].declared.name + "'";
    }
    if (!missing.empty()) throw Error(MS_FAILED_PRECONDITION, "no value was put for " + missing);
    packed_.assign(module_->use_offset(module_->uses().size()), nullptr);
    for (size_t i = 0; i < slots_.size(); ++i) Point(module_->slots()[i], *slots_[i], &packed_);
    for (size_t i = 0; i < module_->constants().size(); ++i) {
      Point(module_->constants()[i], module_->constant_forms()[i], &packed_);
    }
    sealed_ = true;
  }

  void Get(uint32_t slot, const TensorView& out) const {
    if (!sealed_) throw Error(MS_FAILED_PRECONDITION, "the weight set is not sealed");
    const Holder& holder = HolderOf(slot);
    CheckDeclared(holder, out);
    module_->ReadForms(holder, *slots_[slot], out);
  }

  const Module* module() const { return module_; }
  bool sealed() const { return sealed_; }
  // Sealed sets: packed forms by Module::use_offset(use) + input, null where there is none.
  const std::byte* const* packed() const { return packed_.data(); }
  const std::byte* plain(uint32_t slot) const { return slots_[slot]->plain.data(); }

 private:
  const Holder& Writable(uint32_t slot) const {
    if (sealed_) throw Error(MS_FAILED_PRECONDITION, "the weight set is sealed");
    return HolderOf(slot);
  }

  const Holder& HolderOf(uint32_t slot) const {
    if (slot >= slots_.size())
      throw Error(MS_OUT_OF_RANGE, "no weight slot " + std::to_string(slot));
    return module_->slots()[slot];
  }

  static void CheckDeclared(const Holder& holder, const TensorView& value) {
    const Declared& want = holder.declared;
    if (!Same(value.dtype, want.dtype) || !std::ranges::equal(value.shape(), want.shape)) {
      throw Error(MS_INVALID_ARGUMENT,
                  "the value for '" + want.name + "' has another dtype or shape than its slot");
    }
  }

  void Point(const Holder& holder, const Forms& forms, std::vector<const std::byte*>* table) const {
    for (size_t i = 0; i < holder.targets.size(); ++i) {
      const PackTarget& target = holder.targets[i];
      (*table)[module_->use_offset(target.use) + target.input] = forms.packed[i].data();
    }
  }

  const Module* module_;
  std::vector<std::shared_ptr<const Forms>> slots_;
  std::vector<const std::byte*> packed_;
  bool sealed_ = false;
};

}  // namespace midstream::sdk::detail

#endif  // MIDSTREAM_DETAIL_MODULE_HPP_

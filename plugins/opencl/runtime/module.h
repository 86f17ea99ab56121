// A module: kernels, constants on the device, and for each weight slot the forms its readers want.
//
// A weight set is a list of shared slots, each in new device buffers: a new set points to the
// unchanged slots of its base, so it costs what changed and never writes to what executes. Staging
// enqueues on the queue it is given; nothing is read until the fence of the seal.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_MODULE_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_MODULE_H_

#include "kernel.h"
#include "runtime/commands.h"
#include "runtime/queue.h"

namespace midstream::opencl {

// A node (or a few fused ones) with the graph values it reads and writes; inputs may hold MS_NONE.
struct Use {
  uint32_t node;
  std::string name;
  std::unique_ptr<Kernel> kernel;
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> outputs;
};

struct Form {
  std::string key;
  uint64_t bytes;
  std::unique_ptr<CommandList> pack;
  std::unique_ptr<CommandList> unpack;  // null: no way back
};

// A constant or a weight slot.
struct Holder {
  uint32_t value;
  std::string name;
  Operand declared;  // without a place
  std::vector<Form> forms;
  bool plain = false;  // kept as it is, too

  uint64_t Bytes() const;
};

// Device memory of one value in all its forms.
struct Forms {
  Mem plain;                // empty unless Holder::plain
  std::vector<Mem> packed;  // parallel to Holder::forms
  cl_mem get(uint32_t form) const { return form == 0 ? plain.get() : packed[form - 1].get(); }
};

class Module {
 public:
  Module(Device* device, const sdk::GraphView& graph);

  Device* device() const { return device_; }
  const std::vector<Use>& uses() const { return uses_; }
  const std::vector<uint32_t>& inputs() const { return inputs_; }
  const std::vector<uint32_t>& outputs() const { return outputs_; }
  const std::vector<Holder>& slots() const { return slots_; }
  const std::vector<Holder>& constants() const { return constants_; }
  const std::vector<Forms>& constant_forms() const { return constant_forms_; }
  // Which form use `use` reads as its input `input`; 0: the plain value.
  uint32_t form(uint32_t use, uint32_t input) const { return form_of_[use][input]; }

  // All forms of the value in `plain`; enqueues.
  Forms MakeForms(const Holder& holder, Mem plain, Queue* queue) const;
  // The value as it was put, in device memory; enqueues.
  Mem Plain(const Holder& holder, const Forms& forms, Queue* queue) const;

 private:
  void FindReaders(Holder* holder);
  uint32_t AddForm(Holder* holder, Packing packing);

  Device* device_;
  std::vector<Use> uses_;
  std::vector<uint32_t> inputs_;
  std::vector<uint32_t> outputs_;
  std::vector<std::vector<uint32_t>> form_of_;  // by use, by input
  std::vector<Holder> slots_;
  std::vector<Holder> constants_;
  std::vector<Forms> constant_forms_;
};

class Weights {
 public:
  // base may be null.
  Weights(const Module* module, const Weights* base);

  void Put(const ms_put& put, Queue* queue);
  void Seal(Queue* queue, uint64_t signal);
  void Get(uint32_t slot, const ms_tensor& value) const;

  const Module* module() const { return module_; }
  bool sealed() const { return sealed_; }
  cl_mem form(uint32_t slot, uint32_t form) const { return slots_[slot]->get(form); }

 private:
  const Holder& HolderOf(uint32_t slot) const;
  Mem Whole(const Holder& holder, const ms_put& put, Queue* queue) const;
  Mem WithRows(const Holder& holder, const ms_put& put, Queue* queue) const;

  const Module* module_;
  std::vector<std::shared_ptr<const Forms>> slots_;
  bool sealed_ = false;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_MODULE_H_

// Module, Plan, Weights: a segment of PythonModel nodes.
//
// Each node is one model of the pool. Values that no slot gives lie in the tensors of the request
// or in scratch; worker processes see neither, so for them a plan has one block of the region with
// all values of a request, and copies inputs in and outputs out. A plan keeps its blocks and makes
// another one only while more requests run at a time than ever before.
//
// A version of the weights is, for each node, one set of the region. Sets share values, and a node
// whose values are all its base's shares the set. Where interpreters are in this process, values lie
// in memory that the core handed over or in copies; worker processes read them from the container's
// file where the bytes are the same, else from a copy in the region.
//
// Threads and lifetimes: as backend.h says. Errors: thrown as sdk::Error.
#ifndef MIDSTREAM_PLUGINS_PYTHON_MODULE_H_
#define MIDSTREAM_PLUGINS_PYTHON_MODULE_H_

#include <memory>
#include <mutex>
#include <vector>

#include "midstream/backend.hpp"
#include "plugins/python/device.h"
#include "plugins/python/node.h"

namespace midstream::python {

struct Queue {
  std::atomic<uint64_t> reached{0};
  std::unique_ptr<sdk::detail::Timeline> times;  // null: not timed
};

// Where a value comes from.
struct Source {
  enum class Kind { kInput, kNode, kConstant, kSlot };
  Kind kind = Kind::kNode;
  uint32_t idx = 0;  // of the segment's input, of the module's constants, of the slot
};

struct SlotInfo {
  std::string name;
  ms_dtype dtype{};
  std::vector<int64_t> shape;
  bool as_input = false;             // some node reads it as an input, not as a weight
  std::shared_ptr<MappedFile> file;  // worker processes: the container, and where
  uint64_t file_offset = 0;
  sdk::TensorView View() const {
    return {nullptr, shape.data(), static_cast<uint32_t>(shape.size()), dtype};
  }
};

struct ModuleNode {
  uint32_t id = 0;
  std::string name;
  std::shared_ptr<ModelObject> model;
  std::vector<uint32_t> inputs;  // value ids
  std::vector<uint32_t> outputs;
  std::vector<Source> weights;       // kConstant or kSlot
  std::shared_ptr<SetObject> fixed;  // its only set, if no slot is among its weights
};

class Module {
 public:
  // Loads every node's code, once. Throws LoaderExhausted too.
  Module(Device* device, std::shared_ptr<Pool> pool, const sdk::GraphView& graph);

  Device* device() const { return device_; }
  Pool& pool() const { return *pool_; }
  const std::vector<ModuleNode>& nodes() const { return nodes_; }
  const std::vector<SlotInfo>& slots() const { return slots_; }
  const std::vector<Source>& sources() const { return sources_; }  // by value
  const std::vector<std::shared_ptr<ValueObject>>& constants() const { return constants_; }
  const std::vector<uint32_t>& inputs() const { return inputs_; }
  const std::vector<uint32_t>& outputs() const { return outputs_; }

  // LOAD, or PREPARE with a set. Throws what the model says.
  void Prepare(const ModuleNode& node, const std::shared_ptr<SetObject>* set) const;
  // `value` as an object of the pool. released: null, or it is handed over.
  std::shared_ptr<ValueObject> MakeValue(const SlotInfo& slot, const sdk::TensorView& value,
                                         void (*released)(void*), void* user) const;

 private:
  void ReadValues(const sdk::GraphView& graph);
  void ReadNode(const sdk::GraphView& graph, uint32_t id);

  Device* device_;
  std::shared_ptr<Pool> pool_;  // outlives all below
  std::vector<uint32_t> inputs_, outputs_;
  std::vector<Source> sources_;
  std::vector<SlotInfo> slots_;
  std::vector<std::shared_ptr<ValueObject>> constants_;
  std::vector<ModuleNode> nodes_;
};

class Weights {
 public:
  Weights(const Module* module, const Weights* base);

  const Module* module() const { return module_; }
  bool sealed() const { return sealed_; }
  // released: null, or the memory is handed over.
  void Put(uint32_t slot, const sdk::TensorView& value, void (*released)(void*), void* user);
  void Seal();
  void Get(uint32_t slot, const sdk::TensorView& value) const;
  const ValueObject& value(uint32_t slot) const { return *values_[slot]; }
  const std::shared_ptr<SetObject>& set(size_t node) const { return sets_[node]; }

 private:
  const SlotInfo& Slot(uint32_t slot) const;
  std::shared_ptr<SetObject> MakeSet(const ModuleNode& node,
                                     const std::shared_ptr<SetObject>& base) const;

  const Module* module_;
  std::vector<std::shared_ptr<ValueObject>> values_;  // by slot
  std::vector<std::shared_ptr<SetObject>> sets_;      // by node
  bool sealed_ = false;
};

class Plan {
 public:
  Plan(const Module* module, const sdk::GraphView& graph);

  const Module* module() const { return module_; }
  uint64_t scratch_bytes() const { return scratch_bytes_; }
  // `address` finds the memory of a tensor of the core.
  void Execute(const Weights* weights, const ms_exec& exec, std::byte* (*address)(const ms_tensor&),
               Queue* queue);

 private:
  struct PlanNode {
    std::vector<mp_tensor> inputs;  // complete but for `at`
    std::vector<mp_tensor> outputs;
  };
  enum class Where { kBlock, kInput, kOutput, kConstant, kSlot };
  struct Place {
    Where where = Where::kBlock;
    uint64_t at = 0;  // index, or offset in scratch or in a block
    uint64_t bytes = 0;
  };
  struct Request;

  void PlaceValues(const sdk::GraphView& graph);
  void RunNode(size_t i, const Request& request, const std::shared_ptr<RegionBlock>& block,
               Queue* queue);
  // mp_tensor.at of a value, and its address for this process.
  uint64_t Locate(const Request& request, uint32_t value) const;
  const std::byte* HostAddress(const Request& request, uint32_t value,
                               const std::shared_ptr<RegionBlock>& block) const;
  std::shared_ptr<RegionBlock> TakeBlock();
  void GiveBlock(std::shared_ptr<RegionBlock> block);

  const Module* module_;
  std::vector<Place> places_;  // by value
  std::vector<PlanNode> nodes_;
  std::vector<std::pair<uint32_t, uint32_t>>
      copies_;                  // outputs of the segment that no node makes there
  uint64_t block_bytes_ = 0;    // of a request's values in the region
  uint64_t scratch_bytes_ = 0;  // the same in this process
  std::mutex mutex_;
  std::vector<std::shared_ptr<RegionBlock>> blocks_;  // not in use
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_MODULE_H_

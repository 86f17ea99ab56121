// Kernel: one node (or a few fused ones) as code. A list of kernels is all that a host-memory
// backend has to supply; backend.hpp makes the rest of the ABI from it.
//
// A kernel is made in module_create and then shared: by every plan, every weight set and every
// thread. It keeps parameters, never values. All methods are const and may run on several threads
// at once.
#ifndef MIDSTREAM_KERNEL_HPP_
#define MIDSTREAM_KERNEL_HPP_

#include <functional>
#include <memory>

#include "midstream/view.hpp"

namespace midstream::sdk {

struct KernelArgs {
  const TensorView* inputs;   // data is null for an input that was packed or is absent
  const TensorView* outputs;  // written completely
  uint32_t n_inputs;
  uint32_t n_outputs;
  const std::byte* const* packed;  // per input: its packed form, or null
  std::byte* scratch;              // ScratchBytes(), 64-byte aligned
  const Host* host;
};

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  // Weight or constant input `input` in the kernel's own layout: how many bytes (0: read as it is),
  // how to get there from the value, and back, bit for bit. `value` may have any alignment. Called
  // while staging, beside running plans.
  virtual uint64_t PackedBytes(uint32_t /*input*/, const TensorView& /*value*/) const { return 0; }
  virtual void Pack(uint32_t /*input*/, const TensorView& /*value*/, std::byte* /*packed*/,
                    const Host& /*host*/) const {}
  virtual void Unpack(uint32_t /*input*/, const std::byte* /*packed*/,
                      const TensorView& /*value*/) const {}

  // Memory for one Run at these shapes (data pointers are null here).
  virtual uint64_t ScratchBytes(const KernelArgs& /*shapes*/) const { return 0; }

  // True: output 0 is input 0 under another shape. It then shares memory where that is possible and
  // is copied where not; Run is never called.
  virtual bool IsView() const { return false; }

  // Which of several ways it computes by ("winograd"), for profiles. Lives as long as the kernel.
  virtual std::string_view Variant() const { return {}; }

  // Computes the outputs. Allocates nothing. May throw Error for input values that have no answer.
  virtual void Run(const KernelArgs& args) const = 0;
};

// A kernel with the graph values it reads and writes. inputs may hold MS_NONE.
struct KernelUse {
  std::string name;  // of the node, for messages
  std::unique_ptr<Kernel> kernel;
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> outputs;
};

struct Claim {
  bool mine = false;
  ms_dtype compute{};
  ms_dtype accumulate{};
  uint32_t reason = MS_REASON_OP;

  static Claim Yes(ms_dtype compute, ms_dtype accumulate) {
    return {true, compute, accumulate, MS_REASON_NONE};
  }
  static Claim No(uint32_t reason) { return {false, {}, {}, reason}; }
};

struct ModuleOptions {
  bool deterministic = false;
};

// One row of a backend's operator table.
struct KernelEntry {
  std::string_view domain;
  std::string_view op;
  Claim (*claim)(const NodeView& node);
  std::unique_ptr<Kernel> (*create)(const NodeView& node);
};

inline const KernelEntry* FindKernel(std::span<const KernelEntry> table, const NodeView& node) {
  for (const KernelEntry& entry : table) {
    if (entry.op == node.op() && entry.domain == node.domain()) return &entry;
  }
  return nullptr;
}

inline Claim ClaimFromTable(std::span<const KernelEntry> table, const NodeView& node) {
  const KernelEntry* entry = FindKernel(table, node);
  return entry != nullptr ? entry->claim(node) : Claim::No(MS_REASON_OP);
}

inline KernelUse UseFromTable(std::span<const KernelEntry> table, const NodeView& node) {
  const KernelEntry* entry = FindKernel(table, node);
  if (entry == nullptr) {
    throw Error(MS_UNIMPLEMENTED,
                "no kernel for " + std::string(node.op()) + " '" + std::string(node.name()) + "'");
  }
  return {std::string(node.name()),
          entry->create(node),
          {node.inputs().begin(), node.inputs().end()},
          {node.outputs().begin(), node.outputs().end()}};
}

// One kernel a node, in order.
inline std::vector<KernelUse> UsesFromTable(std::span<const KernelEntry> table,
                                            const GraphView& graph) {
  std::vector<KernelUse> uses;
  for (uint32_t id = 0; id < graph.node_count(); ++id)
    uses.push_back(UseFromTable(table, graph.node(id)));
  return uses;
}

}  // namespace midstream::sdk

#endif  // MIDSTREAM_KERNEL_HPP_

// The interface of an operator's kernel on this backend. To add an operator:
//
//   1. kernels/NAME.cl   the OpenCL C. common.cl is put before it; see there for TENSOR_IN, BIND_IN,
//                        LOAD and STORE, which make one kernel serve every dtype.
//   2. ops/NAME.cc       a class derived from Kernel, and `void AddNameOps(OpList*)` with a claim
//                        and a create function for each operator; declared in ops/op_table.h and
//                        listed in ops/op_table.cc. CMake finds both files by itself.
//
// create() runs in module_create: it reads attributes and keeps nothing of the graph. Plan() runs in
// plan_create with every shape known and describes launches, it computes nothing. Kernels are shared
// by plans and threads: all methods are const.
//
// Rules for kernels that hold on every device:
//   - Global sizes are rounded up to whole work-groups: every kernel checks its bounds.
//   - barrier() only where all work-items of the work-group come by; no early return before it.
//   - Write every element of the outputs, nothing else. Reading out of bounds is an error too.
//   - Tensors start at multiples of 64 bytes in buffers they share; a vloadN needs only element
//     alignment, a cast to a vector pointer is not allowed.
//   - Never trust index tensors: clamp or test them before they address memory.
//   - Sums in a fixed order that depends neither on the batch nor on the device's size.
//   - Few, fixed work-group sizes: some drivers compile a kernel again for each.
// A kernel that has no work-item (an empty tensor) is not launched.
#ifndef MIDSTREAM_PLUGINS_OPENCL_KERNEL_H_
#define MIDSTREAM_PLUGINS_OPENCL_KERNEL_H_

#include <memory>
#include <optional>
#include <span>

#include "midstream/kernel.hpp"
#include "runtime/call.h"
#include "runtime/traits.h"

namespace midstream::opencl {

// What Plan() sees of its node and writes to.
class PlanBuilder {
 public:
  virtual const Traits& traits() const = 0;
  virtual bool HasInput(uint32_t i) const = 0;
  virtual const Operand& in(uint32_t i) const = 0;  // requires HasInput(i)
  virtual const Operand& out(uint32_t i) const = 0;
  // The form that Pack() gave for input i, as an operand of this dtype and shape.
  virtual bool IsPacked(uint32_t i) const = 0;
  virtual Operand packed(uint32_t i, ms_dtype dtype, std::vector<int64_t> shape) const = 0;
  // Bytes of input i when they are known now (constants; values that the shapes determine), else
  // empty. Valid during Plan().
  virtual std::span<const std::byte> HostValue(uint32_t i) const = 0;

  // Memory between the launches of this node.
  virtual Operand Scratch(ms_dtype dtype, std::vector<int64_t> shape) = 0;
  // Bytes on the device as long as the plan lives.
  virtual Operand Constant(ms_dtype dtype, std::vector<int64_t> shape, const void* data) = 0;
  // Commands run in the order of these calls.
  virtual void Launch(Call call) = 0;
  // One of several calls that compute the same bits: the fastest, found by timing them once on this
  // device (the first where tuning is off).
  virtual void LaunchFastest(std::vector<Call> calls) = 0;
  virtual void Copy(const Operand& from, const Operand& to) = 0;  // equal bytes

 protected:
  ~PlanBuilder() = default;
};

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  // Input `input` is a weight or constant of this dtype and shape: the form to keep it in, or
  // nothing to read it as it is.
  virtual std::optional<Packing> Pack(uint32_t /*input*/, const Operand& /*value*/,
                                      const Traits& /*traits*/) const {
    return std::nullopt;
  }
  // True: output 0 is input 0 under another shape; Plan is not called.
  virtual bool IsView() const { return false; }
  virtual void Plan(PlanBuilder& plan) const = 0;
};

struct OpEntry {
  std::string_view domain;
  std::string_view op;
  sdk::Claim (*claim)(const sdk::NodeView& node, const Traits& traits);
  // Requires: claim(node) said yes.
  std::unique_ptr<Kernel> (*create)(const sdk::NodeView& node);
};
using OpList = std::vector<OpEntry>;

constexpr std::string_view kOnnx = "";
constexpr std::string_view kMidstream = "midstream";

// nullptr when the operator is not known.
const OpEntry* FindOp(const sdk::NodeView& node);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_KERNEL_H_

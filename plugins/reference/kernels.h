// How the reference writes a kernel: a function over its tensors that captures the attributes.
//
// MakeCompute is for arithmetic: the function sees wide copies (element.h) of inputs and outputs,
// which lie in the scratch memory. MakeMove is for operators that only move elements; it works on
// the tensors as they are.
#ifndef MIDSTREAM_PLUGINS_REFERENCE_KERNELS_H_
#define MIDSTREAM_PLUGINS_REFERENCE_KERNELS_H_

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "midstream/arena.hpp"
#include "midstream/kernel.hpp"
#include "plugins/reference/element.h"
#include "plugins/reference/index.h"

namespace midstream::reference {

using sdk::KernelArgs;
using sdk::KernelEntry;
using sdk::NodeView;
using sdk::TensorView;
using KernelPtr = std::unique_ptr<sdk::Kernel>;

// One input or output of a computing kernel.
struct Operand {
  TensorView tensor;
  void* wide = nullptr;

  bool present() const { return tensor.present(); }
  ms_dtype dtype() const { return tensor.dtype; }
  Dims shape() const { return tensor.shape(); }
  int64_t count() const { return tensor.count(); }
  template <typename T>
  T* as() const {
    return static_cast<T*>(wide);
  }
};

class Call {
 public:
  explicit Call(const KernelArgs& args) : args_(args) {}
  uint32_t n_inputs() const { return args_.n_inputs; }
  // The operand, or an absent one when the node has no such input.
  Operand in(uint32_t i) const {
    if (i >= args_.n_inputs || !args_.inputs[i].present()) return {};
    return {args_.inputs[i], args_.scratch + OffsetOf(i)};
  }
  Operand out(uint32_t i = 0) const {
    return {args_.outputs[i], args_.scratch + OffsetOf(args_.n_inputs + i)};
  }
  // Bytes in front of operand i; operands are the inputs, then the outputs.
  uint64_t OffsetOf(uint32_t i) const {
    uint64_t offset = 0;
    for (uint32_t k = 0; k < i; ++k) {
      const TensorView& tensor =
          k < args_.n_inputs ? args_.inputs[k] : args_.outputs[k - args_.n_inputs];
      if (tensor.present()) offset += sdk::AlignUp(static_cast<uint64_t>(tensor.count()) * 8);
    }
    return offset;
  }

 private:
  const KernelArgs& args_;
};

template <typename Body>
class ComputeKernel : public sdk::Kernel {
 public:
  explicit ComputeKernel(Body body) : body_(std::move(body)) {}
  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return Call(shapes).OffsetOf(shapes.n_inputs + shapes.n_outputs);
  }
  void Run(const KernelArgs& args) const override {
    Call call(args);
    for (uint32_t i = 0; i < args.n_inputs; ++i) {
      if (Operand in = call.in(i); in.present()) Widen(in.tensor, in.wide);
    }
    body_(call);
    for (uint32_t i = 0; i < args.n_outputs; ++i) {
      Narrow(call.out(i).wide, args.outputs[i]);
    }
  }

 private:
  Body body_;
};

template <typename Body>
class MoveKernel : public sdk::Kernel {
 public:
  explicit MoveKernel(Body body) : body_(std::move(body)) {}
  void Run(const KernelArgs& args) const override { body_(args); }

 private:
  Body body_;
};

// body(const Call&).
template <typename Body>
KernelPtr MakeCompute(Body body) {
  return std::make_unique<ComputeKernel<Body>>(std::move(body));
}
// body(const KernelArgs&).
template <typename Body>
KernelPtr MakeMove(Body body) {
  return std::make_unique<MoveKernel<Body>>(std::move(body));
}

inline bool HasInput(const KernelArgs& args, uint32_t i) {
  return i < args.n_inputs && args.inputs[i].present();
}

inline bool IsChannelsLast(const NodeView& node) {
  return node.String("data_layout", "NCHW") == "NHWC";
}

// Claims every node whose tensors have dtypes and ranks that the reference can hold.
sdk::Claim ClaimAny(const NodeView& node);

// Every operator.
const std::vector<KernelEntry>& KernelTable();

// The groups of the operator table, one for each source file.
std::span<const KernelEntry> ElementwiseKernels();
std::span<const KernelEntry> BinaryKernels();
std::span<const KernelEntry> MatMulKernels();
std::span<const KernelEntry> ConvKernels();
std::span<const KernelEntry> PoolKernels();
std::span<const KernelEntry> NormalizationKernels();
std::span<const KernelEntry> AttentionKernels();
std::span<const KernelEntry> ReduceKernels();
std::span<const KernelEntry> ShapeKernels();
std::span<const KernelEntry> MovementKernels();
std::span<const KernelEntry> GeneratorKernels();
std::span<const KernelEntry> RandomKernels();
std::span<const KernelEntry> IndexingKernels();

}  // namespace midstream::reference

#endif  // MIDSTREAM_PLUGINS_REFERENCE_KERNELS_H_

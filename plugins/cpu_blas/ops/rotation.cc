// RotaryEmbedding: pairs of each head turned by the angles of its position.
#include <algorithm>
#include <string>

#include "ops/heads.h"
#include "ops/op_table.h"
#include "ops/row_buffers.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

struct Options {
  int64_t heads;
  int64_t rotated;  // width that is turned; 0: all
  bool interleaved;
};

template <typename T>
class RotationKernel final : public sdk::Kernel {
 public:
  RotationKernel(const KernelTable& isa, const Options& options) : isa_(isa), options_(options) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    const TensorView& x = args.inputs[0];
    if (x.count() == 0) return;
    CheckPositions(args);
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    const Heads& heads = job.heads;
    const int64_t half = (options_.rotated > 0 ? options_.rotated : heads.width) / 2;
    const bool split = x.rank == 4;
    const auto* positions = args.n_inputs > 3 ? args.inputs[3].as<const int64_t>() : nullptr;
    job.rows.ForRows(
        *args.host, static_cast<double>(x.count()) / 2e3, x.data, args.outputs[0].data,
        x.count() / heads.width, [&](const T* from, T* to, int64_t row) {
          const int64_t sample = row / (heads.heads * heads.length);
          const int64_t s = split ? row % heads.length : row / heads.heads % heads.length;
          int64_t angle = sample * heads.length + s;
          if (positions != nullptr) angle = positions[angle];
          RealsOf(isa_, T{}).rotate_row(from, job.cosine + angle * half, job.sine + angle * half,
                                        to, half, options_.interleaved);
          if (from != to) std::copy(from + 2 * half, from + heads.width, to + 2 * half);
        });
  }

 private:
  struct Job {
    Heads heads;
    const T* cosine;
    const T* sine;
    RowBuffers<T> rows;
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const TensorView& x = args.inputs[0];
    const Heads heads(x, options_.heads);
    return {heads, AsReals<T>(isa_, args.inputs[1], scratch),
            AsReals<T>(isa_, args.inputs[2], scratch),
            RowBuffers<T>(isa_, *args.host, x.dtype, heads.width, scratch)};
  }

  static void CheckPositions(const KernelArgs& args) {
    if (args.n_inputs < 4) return;
    const int64_t rows = args.inputs[1].dim(0);
    for (int64_t i = 0; i < args.inputs[3].count(); ++i) {
      const int64_t position = args.inputs[3].as<const int64_t>()[i];
      if (position >= 0 && position < rows) continue;
      throw sdk::Error(MS_OUT_OF_RANGE, "RotaryEmbedding: position " + std::to_string(position) +
                                            " is outside a cache of " + std::to_string(rows) +
                                            " rows");
    }
  }

  const KernelTable& isa_;
  const Options options_;
};

Claim ClaimRotation(const NodeView& node) {
  const bool wide = IsF64(node.input(0).dtype());
  for (size_t i = 0; i < 3; ++i) {
    if (!IsReal(node.input(i).dtype())) return Claim::No(MS_REASON_DTYPE);
  }
  return wide ? Claim::Yes(sdk::kF64, sdk::kF64) : Claim::Yes(sdk::kF32, sdk::kF32);
}

std::unique_ptr<sdk::Kernel> CreateRotation(const NodeView& node, const Setup& setup) {
  const Options options{node.Int("num_heads", 0), node.Int("rotary_embedding_dim", 0),
                        node.Int("interleaved", 0) != 0};
  if (IsF64(node.input(0).dtype())) {
    return std::make_unique<RotationKernel<double>>(setup.isa, options);
  }
  return std::make_unique<RotationKernel<float>>(setup.isa, options);
}

}  // namespace

void AddRotationOps(OpList* list) {
  list->push_back({kOnnx, "RotaryEmbedding", ClaimRotation, CreateRotation});
}

}  // namespace midstream::cpu_blas

// Attention without a matrix of all scores in memory.
//
// Keys and values of each group of heads are packed once; then blocks of queries are worked off by
// the threads: scores of the block against all keys, softmax in place, product with the values. A
// block is as many rows as keep their scores in the second-level cache. The queries of all heads
// that share keys are the rows of one matrix, so that a few positions of many heads fill the block.
#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "ops/attention_products.h"
#include "ops/heads.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

constexpr int64_t kRowTile = 14;        // of the products
constexpr int64_t kScores = 64 * 1024;  // of a block
constexpr int64_t kMostRows = 8 * kRowTile;

struct Options {
  int64_t q_heads, kv_heads;
  double scale;  // NaN: 1 / sqrt(width)
};

// attn_mask, which broadcasts to [B, N, S, T].
template <typename T>
class Mask {
 public:
  Mask(const KernelTable& isa, const KernelArgs& args, ScratchCutter* scratch) {
    if (args.n_inputs < 4 || !args.inputs[3].present()) return;
    const TensorView& mask = args.inputs[3];
    int64_t step = 1;
    for (uint32_t i = 1; i <= mask.rank; ++i) {
      const int64_t size = mask.dim(mask.rank - i);
      steps_[4 - i] = size == 1 ? 0 : step;
      step *= size;
    }
    if (IsBool(mask.dtype)) {
      seen_ = mask.as<const uint8_t>();
    } else {
      add_ = AsReals<T>(isa, mask, scratch);
    }
  }
  ScoreRow<T> Row(T* scores, int64_t n, T scale, int64_t b, int64_t head, int64_t s) const {
    const int64_t at = b * steps_[0] + head * steps_[1] + s * steps_[2];
    const bool along = steps_[3] != 0;
    return {scores, n,
            scale,  add_ != nullptr ? add_ + at : nullptr,
            along,  seen_ != nullptr ? seen_ + at : nullptr,
            along};
  }

 private:
  const uint8_t* seen_ = nullptr;
  const T* add_ = nullptr;
  std::array<int64_t, 4> steps_{};
};

template <typename Products>
class AttentionKernel final : public sdk::Kernel {
 public:
  AttentionKernel(const KernelTable& isa, const Options& options, const Products& products)
      : isa_(isa), options_(options), products_(products) {}

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    if (args.outputs[0].count() == 0) return;
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    PackKeysAndValues(args, job);
    const double products = static_cast<double>(job.groups() * job.rows * job.k.length) *
                            static_cast<double>(job.k.width + job.v.width);
    ScratchSlots slots(job.slots);
    ForRange(*args.host, products / 40e3, job.groups() * job.blocks, 1,
             [&](int64_t begin, int64_t end) {
               ScratchSlots::Lease lease(&slots);
               const Slot slot = SlotOf(job, lease.index());
               for (int64_t unit = begin; unit < end; ++unit) {
                 RunBlock(args, job, slot, unit / job.blocks, unit % job.blocks);
               }
             });
  }

 private:
  using Left = typename Products::Left;
  using Real = typename Products::Real;

  struct Job {
    Heads q, k, v, out;
    Mask<Real> mask;
    Real scale = 0;
    int64_t shared = 0;  // heads of Q for one of K
    int64_t rows = 0;    // queries of one group: those of all heads that share
    int64_t block_rows = 0, blocks = 0;
    uint64_t key_bytes = 0, value_bytes = 0;  // of one group
    std::byte* keys = nullptr;                // packed, one group after the other
    std::byte* values = nullptr;
    uint32_t slots = 1;
    std::byte* slot_memory = nullptr;
    int64_t groups() const { return k.batch * k.heads; }
  };
  // The scratch memory of a task.
  struct Slot {
    Left* queries;
    Real* scores;
    Left* weights;  // the scores as a left-hand side
    Left* work;     // of the products
    Real* sums;
    Real* result;
    uint64_t bytes;
  };

  Slot CutSlot(const Job& job, std::byte* memory) const {
    ScratchCutter scratch(memory);
    Slot slot{};
    slot.queries = scratch.Take<Left>(job.block_rows * job.q.width);
    slot.scores = scratch.Take<Real>(job.block_rows * job.k.length);
    if constexpr (std::is_same_v<Left, Real>) {
      slot.weights = slot.scores;
    } else {
      slot.weights = scratch.Take<Left>(job.block_rows * job.k.length);
    }
    slot.work = scratch.Take<Left>(
        products_.WorkElements(job.block_rows, std::max(job.q.width, job.k.length)));
    slot.sums = scratch.Take<Real>(job.block_rows);
    slot.result = scratch.Take<Real>(job.block_rows * job.v.width);
    slot.bytes = scratch.used();
    return slot;
  }
  Slot SlotOf(const Job& job, uint32_t index) const {
    return CutSlot(job, job.slot_memory + index * CutSlot(job, nullptr).bytes);
  }

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const Heads q(args.inputs[0], options_.q_heads), k(args.inputs[1], options_.kv_heads);
    const Heads v(args.inputs[2], options_.kv_heads);
    Job job{q, k, v, Heads(args.outputs[0], q.heads), {isa_, args, scratch}};
    job.scale =
        static_cast<Real>(std::isnan(options_.scale) ? 1.0 / std::sqrt(static_cast<double>(q.width))
                                                     : options_.scale);
    job.shared = k.heads > 0 ? q.heads / k.heads : 0;
    job.rows = job.shared * q.length;
    const int64_t fitting = kScores / std::max<int64_t>(k.length, 1) / kRowTile * kRowTile;
    job.block_rows = std::clamp<int64_t>(fitting, kRowTile, kMostRows);
    job.block_rows = std::min(job.block_rows, std::max<int64_t>(job.rows, 1));
    job.blocks = (job.rows + job.block_rows - 1) / job.block_rows;
    job.key_bytes = sdk::AlignUp(products_.PackedBytes(k.width, k.length));
    job.value_bytes = sdk::AlignUp(products_.PackedBytes(v.length, v.width));
    job.keys = scratch->Take<std::byte>(job.groups() * static_cast<int64_t>(job.key_bytes));
    job.values = scratch->Take<std::byte>(job.groups() * static_cast<int64_t>(job.value_bytes));
    job.slots = Threads(*args.host);
    const auto slot_bytes = static_cast<int64_t>(CutSlot(job, nullptr).bytes);
    job.slot_memory = scratch->Take<std::byte>(job.slots * slot_bytes);
    return job;
  }

  // Of every group: K as [width, keys], V as [keys, width].
  void PackKeysAndValues(const KernelArgs& args, const Job& job) const {
    const double elements = static_cast<double>(args.inputs[1].count() + args.inputs[2].count());
    ForRange(*args.host, elements / 2e3, 2 * job.groups(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t group = unit / 2, b = group / job.k.heads, n = group % job.k.heads;
        if (unit % 2 == 0) {
          const PackShape keys{job.k.width, job.k.length, 1, job.k.row_step};
          products_.Pack(keys, Address(args.inputs[1], job.k.At(b, n, 0)),
                         job.keys + static_cast<uint64_t>(group) * job.key_bytes);
        } else {
          const PackShape values{job.v.length, job.v.width, job.v.row_step, 1};
          products_.Pack(values, Address(args.inputs[2], job.v.At(b, n, 0)),
                         job.values + static_cast<uint64_t>(group) * job.value_bytes);
        }
      }
    });
  }

  void RunBlock(const KernelArgs& args, const Job& job, const Slot& slot, int64_t group,
                int64_t block) const {
    const int64_t first = block * job.block_rows;
    const int64_t rows = std::min(job.block_rows, job.rows - first);
    const int64_t b = group / job.k.heads, keys = job.k.length;
    auto head_of = [&](int64_t row) {
      return group % job.k.heads * job.shared + (first + row) / job.q.length;
    };
    auto position_of = [&](int64_t row) { return (first + row) % job.q.length; };
    for (int64_t row = 0; row < rows; ++row) {
      products_.LeftFromTensor(args.inputs[0].dtype,
                               Address(args.inputs[0], job.q.At(b, head_of(row), position_of(row))),
                               slot.queries + row * job.q.width, job.q.width);
    }
    products_.Multiply(slot.queries, rows, job.q.width,
                       job.keys + static_cast<uint64_t>(group) * job.key_bytes, keys, slot.scores,
                       slot.work);
    for (int64_t row = 0; row < rows; ++row) {
      slot.sums[row] = RealsOf(isa_, Real{})
                           .score_row(job.mask.Row(slot.scores + row * keys, keys, job.scale, b,
                                                   head_of(row), position_of(row)));
    }
    if constexpr (!std::is_same_v<Left, Real>) {
      products_.LeftFromReals(slot.scores, slot.weights, rows * keys);
    }
    products_.Multiply(slot.weights, rows, keys,
                       job.values + static_cast<uint64_t>(group) * job.value_bytes, job.v.width,
                       slot.result, slot.work);
    for (int64_t row = 0; row < rows; ++row) {
      Real* result = slot.result + row * job.v.width;
      const Real sum = slot.sums[row], factor = sum > 0 ? 1 / sum : sum;
      for (int64_t i = 0; i < job.v.width; ++i) result[i] *= factor;
      constexpr ms_dtype kDType{MS_DTYPE_FLOAT, sizeof(Real) * 8, 1};
      ConvertElements(isa_, kDType, result, args.outputs[0].dtype,
                      Address(args.outputs[0], job.out.At(b, head_of(row), position_of(row))),
                      job.v.width);
    }
  }

  const KernelTable& isa_;
  const Options options_;
  const Products products_;
};

Claim ClaimAttention(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.HasInput(i)) continue;
    const bool mask = i == 3 && IsBool(node.input(i).dtype());
    if (!mask && !IsReal(node.input(i).dtype())) return Claim::No(MS_REASON_DTYPE);
  }
  return Claim::Yes(ComputeDType(dtype), ComputeDType(dtype));
}

std::unique_ptr<sdk::Kernel> CreateAttention(const NodeView& node, const Setup& setup) {
  const Options options{node.Int("q_num_heads", 0), node.Int("kv_num_heads", 0),
                        node.Float("scale", std::nan(""))};
  const ms_dtype dtype = node.input(0).dtype();
  if (IsF64(dtype)) {
    return std::make_unique<AttentionKernel<DoubleProducts>>(setup.isa, options,
                                                             DoubleProducts{setup.isa});
  }
  const BF16Arithmetic* narrow = UsefulBF16Arithmetic(setup.isa);
  if (sdk::Same(dtype, sdk::kBF16) && narrow != nullptr && !setup.deterministic) {
    return std::make_unique<AttentionKernel<BF16Products>>(setup.isa, options,
                                                           BF16Products{setup.isa, *narrow});
  }
  return std::make_unique<AttentionKernel<FloatProducts>>(
      setup.isa, options, FloatProducts{setup.isa, StorageOf(dtype)});
}

}  // namespace

void AddAttentionOps(OpList* list) {
  list->push_back({kOnnx, "Attention", ClaimAttention, CreateAttention});
}

}  // namespace midstream::cpu_blas

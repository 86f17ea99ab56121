#include "ops/matmul_bf16.h"

#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::KernelArgs;
using sdk::TensorView;

using avx512_bf16::FirstRowOfTile;
using avx512_bf16::kPairPanel;
using avx512_bf16::PairTiles;

constexpr double kProductsPerMicrosecond = 80e3;
// A block of results is so many panels and tiles at most: it stays in the second-level cache until
// it is finished.
constexpr int64_t kBlockPanels = 4, kBlockTiles = 64;

class BF16MatMulKernel final : public sdk::Kernel {
 public:
  BF16MatMulKernel(const KernelTable& isa, const BF16Arithmetic& arithmetic, bool transpose_b,
                   const Activation& activation)
      : isa_(isa), arithmetic_(arithmetic), transpose_b_(transpose_b), activation_(activation) {}

  uint64_t PackedBytes(uint32_t input, const TensorView& value) const override {
    if (input != 1) return 0;
    PackShape shape = ShapeOf(value);
    return static_cast<uint64_t>(arithmetic_.elements(shape.k, shape.n)) * sizeof(uint16_t);
  }
  void Pack(uint32_t, const TensorView& value, std::byte* packed,
            const sdk::Host& host) const override {
    const PackShape shape = ShapeOf(value);
    auto* to = reinterpret_cast<uint16_t*>(packed);
    ForRange(host, static_cast<double>(value.count()) / 1e3, Panels(shape.n), 1,
             [&](int64_t begin, int64_t end) {
               arithmetic_.pack(shape, value.as<const uint16_t>(), to, begin, end);
             });
  }
  void Unpack(uint32_t, const std::byte* packed, const TensorView& value) const override {
    arithmetic_.unpack(ShapeOf(value), reinterpret_cast<const uint16_t*>(packed),
                       value.as<uint16_t>());
  }

  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return ScratchUsed([&](ScratchCutter* scratch) { Prepare(shapes, scratch); });
  }

  void Run(const KernelArgs& args) const override {
    if (args.outputs[0].count() == 0) return;
    ScratchCutter scratch(args.scratch);
    const Job job = Prepare(args, &scratch);
    const int64_t tiles = PairTiles(job.pairs.rows);
    ForRange(*args.host, static_cast<double>(args.inputs[0].count()) / 1e3, tiles, 1,
             [&](int64_t begin, int64_t end) {
               arithmetic_.pack_rows(args.inputs[0].as<const uint16_t>(), job.pairs.rows,
                                     job.pairs.k, job.packed_rows, begin, end);
             });
    const double products = static_cast<double>(job.pairs.k * job.pairs.n) *
                            static_cast<double>(std::max<int64_t>(job.pairs.rows, 4));
    ScratchSlots slots(job.slots);
    // Panels first: neighbouring blocks share the rows.
    ForRange(*args.host, products / kProductsPerMicrosecond, job.panel_blocks * job.tile_blocks, 1,
             [&](int64_t begin, int64_t end) {
               ScratchSlots::Lease lease(&slots);
               for (int64_t block = begin; block < end; ++block) {
                 RunBlock(args, job, block / job.panel_blocks, block % job.panel_blocks,
                          job.results + lease.index() * job.slot_floats);
               }
             });
  }

 private:
  struct Job {
    avx512_bf16::PairArgs pairs{};
    uint32_t* packed_rows = nullptr;
    int64_t panels = 0, panel_blocks = 0, tile_blocks = 0;
    uint32_t slots = 1;
    int64_t slot_floats = 0;
    float* results = nullptr;  // a block for each task
  };

  Job Prepare(const KernelArgs& args, ScratchCutter* scratch) const {
    const PackShape shape = ShapeOf(args.inputs[1]);
    Job job;
    job.pairs.k = shape.k;
    job.pairs.n = shape.n;
    job.pairs.rows = shape.n == 0 ? 0 : args.outputs[0].count() / shape.n;
    job.pairs.b =
        reinterpret_cast<const uint16_t*>(args.packed != nullptr ? args.packed[1] : nullptr);
    job.pairs.bias = args.n_inputs > 2 ? AsFloats(isa_, args.inputs[2], scratch) : nullptr;
    job.packed_rows =
        scratch->Take<uint32_t>(avx512_bf16::PackedRowPairs(job.pairs.rows, job.pairs.k));
    job.pairs.a = job.packed_rows;
    job.panels = Panels(shape.n);
    job.slots = Threads(*args.host);
    const int64_t tiles = PairTiles(job.pairs.rows);
    job.panel_blocks = (job.panels + kBlockPanels - 1) / kBlockPanels;
    // Few panels are not enough for the threads.
    const int64_t wanted =
        (4 * job.slots + job.panel_blocks - 1) / std::max<int64_t>(job.panel_blocks, 1);
    job.tile_blocks = std::max((tiles + kBlockTiles - 1) / kBlockTiles, std::min(wanted, tiles));
    const int64_t most = tiles == 0 ? 0 : (tiles + job.tile_blocks - 1) / job.tile_blocks;
    job.slot_floats = most * avx512_bf16::kPairTile * kBlockPanels * kPairPanel;
    job.results = scratch->Take<float>(job.slots * job.slot_floats);
    return job;
  }

  void RunBlock(const KernelArgs& args, const Job& job, int64_t tile_block, int64_t panel_block,
                float* results) const {
    const int64_t tiles = PairTiles(job.pairs.rows), n = job.pairs.n;
    const int64_t tile_begin = tiles * tile_block / job.tile_blocks;
    const int64_t tile_end = tiles * (tile_block + 1) / job.tile_blocks;
    const int64_t panel_begin = job.panels * panel_block / job.panel_blocks;
    const int64_t panel_end = job.panels * (panel_block + 1) / job.panel_blocks;
    avx512_bf16::PairArgs pairs = job.pairs;
    pairs.c = results;
    pairs.c_step = (panel_end - panel_begin) * kPairPanel;
    arithmetic_.multiply(pairs, tile_begin, tile_end, panel_begin, panel_end);
    const int64_t column = panel_begin * kPairPanel;
    const int64_t width = std::min(panel_end * kPairPanel, n) - column;
    const TensorView& out = args.outputs[0];
    for (int64_t row = FirstRowOfTile(pairs.rows, tile_begin);
         row < FirstRowOfTile(pairs.rows, tile_end); ++row, results += pairs.c_step) {
      activation_.RunRow(isa_, results, width);
      auto* to = static_cast<std::byte*>(out.data) +
                 static_cast<uint64_t>(row * n + column) * sdk::ByteWidth(out.dtype);
      isa_.narrow(StorageOf(out.dtype), results, to, width);
    }
  }

  static int64_t Panels(int64_t n) { return (n + kPairPanel - 1) / kPairPanel; }

  PackShape ShapeOf(const TensorView& b) const {
    if (transpose_b_) return {b.dim(1), b.dim(0), 1, b.dim(1)};
    return {b.dim(0), b.dim(1), b.dim(1), 1};
  }

  const KernelTable& isa_;
  const BF16Arithmetic& arithmetic_;
  const bool transpose_b_;
  const Activation activation_;
};

}  // namespace

std::unique_ptr<sdk::Kernel> CreateBF16MatMul(const sdk::NodeView& node, const Setup& setup) {
  const sdk::ValueView x = node.input(0), w = node.input(1);
  bool fits = sdk::Same(x.dtype(), sdk::kBF16) && sdk::Same(w.dtype(), sdk::kBF16) && IsHeld(w) &&
              w.info().rank == 2;
  const BF16Arithmetic* arithmetic = fits ? UsefulBF16Arithmetic(setup.isa) : nullptr;
  if (arithmetic == nullptr) return nullptr;
  return std::make_unique<BF16MatMulKernel>(setup.isa, *arithmetic, node.Int("transpose_b", 0) != 0,
                                            *ParseActivation(node));
}

}  // namespace midstream::cpu_blas

#include "ops/packed_matrix.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parallel.h"
#include "shortest_run.h"

namespace midstream::cpu_blas {
namespace {

// Rough rates of one thread, for the decision whether to use more: bytes and multiply-adds a
// microsecond.
constexpr double kBytesPerMicrosecond = 40e3;
constexpr double kProductsPerMicrosecond = 40e3;

// Smaller matrices stay in the caches, where the next run wants them.
constexpr double kBypassBytes = 4 << 20;

// Whether stores past the caches pack a large matrix much faster. It depends on the processor, and
// they can slow what runs beside them, so a small gain does not count. Measured once a process:
// about 20 ms.
bool BypassPays(const KernelTable& isa) {
  static const bool pays = [&] {
    constexpr int64_t kK = 3072, kN = 1024;
    constexpr double kGain = 1.5;
    const auto bytes = static_cast<size_t>(kK * kN) * sizeof(float);
    const std::vector<std::byte> source(bytes);
    std::vector<std::byte> space(2 * bytes + 64);
    void* first = space.data();
    size_t room = space.size();
    std::align(64, 2 * bytes, first, room);
    int turn = 0;  // two targets in turn, as the running version and the next one are
    auto run = [&](bool bypass) {
      PackShape shape{kK, kN, kN, 1};
      shape.bypass_cache = bypass;
      std::byte* to = static_cast<std::byte*>(first) + (turn++ % 2 == 0 ? 0 : bytes);
      isa.pack(shape, Storage::kF32, source.data(), to, 0, Panels(isa, kN));
    };
    const double cached = ShortestRun(4, [&] { run(false); });
    return ShortestRun(4, [&] { run(true); }) * kGain < cached;
  }();
  return pays;
}

}  // namespace

int64_t PackedElements(const KernelTable& isa, int64_t k, int64_t n) {
  int64_t whole = n / isa.panel * isa.panel;
  int64_t rest = n - whole;
  int64_t last = rest == 0 ? 0 : rest <= isa.panel / 2 ? isa.panel / 2 : isa.panel;
  return k * (whole + last);
}

void PackMatrix(const KernelTable& isa, const PackShape& whole, Storage storage, const void* b,
                void* packed, const sdk::Host& host) {
  PackShape shape = whole;
  const double bytes = static_cast<double>(shape.k) * static_cast<double>(shape.n) * 4.0;
  shape.bypass_cache = bytes >= kBypassBytes && shape.column_step == 1 && shape.block_rows == 0 &&
                       reinterpret_cast<uintptr_t>(packed) % 64 == 0 && BypassPays(isa);
  const int64_t panels = Panels(isa, shape.n);
  // One thread streams as fast as the memory takes it; two, each with half of every row, are slower.
  const int64_t grain = shape.bypass_cache ? panels : 4;
  ForRange(host, bytes / kBytesPerMicrosecond, panels, grain,
           [&](int64_t begin, int64_t end) { isa.pack(shape, storage, b, packed, begin, end); });
}

void RunGemm(const KernelTable& isa, Storage storage, const GemmArgs& args, int64_t rows,
             const sdk::Host& host) {
  auto gemm = isa.gemm[static_cast<int>(storage)];
  const int64_t panels = Panels(isa, args.n);
  const double products = static_cast<double>(args.n_segments * args.segment_length) *
                          static_cast<double>(args.n) *
                          static_cast<double>(std::max<int64_t>(rows, 4));
  const double microseconds = products / kProductsPerMicrosecond;
  const int64_t row_tiles = (rows + isa.row_tile - 1) / isa.row_tile;
  if (panels >= row_tiles || panels >= 8 * Threads(host)) {
    const int64_t grain = rows == 1 ? 4 : rows <= 3 ? 2 : 1;  // panels that run together
    ForRange(host, microseconds, panels, grain,
             [&](int64_t begin, int64_t end) { gemm(args, 0, rows, begin, end); });
  } else {
    ForRange(host, microseconds, rows, isa.row_tile,
             [&](int64_t begin, int64_t end) { gemm(args, begin, end, 0, panels); });
  }
}

}  // namespace midstream::cpu_blas

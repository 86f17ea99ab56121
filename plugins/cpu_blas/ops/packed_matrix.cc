#include "ops/packed_matrix.h"

#include <algorithm>

#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

// Rough rates of one thread, for the decision whether to use more: bytes and multiply-adds a
// microsecond.
constexpr double kBytesPerMicrosecond = 40e3;
constexpr double kProductsPerMicrosecond = 40e3;

}  // namespace

int64_t PackedElements(const KernelTable& isa, int64_t k, int64_t n) {
  int64_t whole = n / isa.panel * isa.panel;
  int64_t rest = n - whole;
  int64_t last = rest == 0 ? 0 : rest <= isa.panel / 2 ? isa.panel / 2 : isa.panel;
  return k * (whole + last);
}

void PackMatrix(const KernelTable& isa, const PackShape& shape, Storage storage, const void* b,
                void* packed, const sdk::Host& host) {
  constexpr int64_t kGrain = 4;  // panels that are packed together
  double bytes = static_cast<double>(shape.k) * static_cast<double>(shape.n) * 4.0;
  ForRange(host, bytes / kBytesPerMicrosecond, Panels(isa, shape.n), kGrain,
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

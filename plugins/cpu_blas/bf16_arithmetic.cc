#include "bf16_arithmetic.h"

#include <string_view>
#include <vector>

#include "cpu_features.h"
#include "isa.h"
#include "ops/packed_matrix.h"
#include "shortest_run.h"

namespace midstream::cpu_blas {

#if defined(__x86_64__)
namespace {

constexpr double kWorthIt = 1.2;
constexpr int kRuns = 20;

// A product that fits the first two cache levels, both ways.
double MeasureSpeedup(const KernelTable& isa) {
  constexpr int64_t kRows = 14, kK = 256, kN = 64;
  constexpr uint16_t kOne = 0x3f80;
  std::vector<float> a(kRows * kK, 1.0f), c(kRows * kN);
  std::vector<uint16_t> narrow_a(kRows * kK, kOne), b(kK * kN, kOne);
  std::vector<uint16_t> packed(static_cast<size_t>(PackedElements(isa, kK, kN)));
  std::vector<uint16_t> pairs(static_cast<size_t>(avx512_bf16::PairElements(kK, kN)));
  const PackShape shape{kK, kN, kN, 1};
  isa.pack(shape, Storage::kBF16, b.data(), packed.data(), 0, Panels(isa, kN));
  avx512_bf16::PackPairs(shape, b.data(), pairs.data(), 0, 2);
  GemmArgs plain{a.data(), kK, &kNoOffset, 1,     kK,   packed.data(), kN,
                 c.data(), kN, nullptr,    false, 0.0f, 0.0f};
  std::vector<uint32_t> rows(static_cast<size_t>(avx512_bf16::PackedRowPairs(kRows, kK)));
  avx512_bf16::PackRowPairs(narrow_a.data(), kRows, kK, rows.data(), 0, 1);
  avx512_bf16::PairArgs native{rows.data(), kRows, kK, pairs.data(), kN, c.data(), kN, nullptr};
  auto gemm = isa.gemm[static_cast<int>(Storage::kBF16)];
  double widened = ShortestRun(kRuns, [&] { gemm(plain, 0, kRows, 0, Panels(isa, kN)); });
  double direct = ShortestRun(kRuns, [&] { avx512_bf16::MultiplyPairs(native, 0, 1, 0, 2); });
  return direct > 0 ? widened / direct : 0.0;
}

}  // namespace

const BF16Arithmetic* MeasuredBF16Arithmetic() {
  static const BF16Arithmetic* const measured = []() -> const BF16Arithmetic* {
    const KernelTable* isa = ChooseIsa("avx512");
    if (isa == nullptr || !ThisCpu().avx512_bf16) return nullptr;
    static const BF16Arithmetic found = {avx512_bf16::PairElements,  avx512_bf16::PackPairs,
                                         avx512_bf16::UnpackPairs,   avx512_bf16::PackRowPairs,
                                         avx512_bf16::MultiplyPairs, MeasureSpeedup(*isa)};
    return &found;
  }();
  return measured;
}

const BF16Arithmetic* UsefulBF16Arithmetic(const KernelTable& isa) {
  if (std::string_view(isa.name) != "avx512") return nullptr;
  const BF16Arithmetic* measured = MeasuredBF16Arithmetic();
  return measured != nullptr && measured->speedup >= kWorthIt ? measured : nullptr;
}

#else

const BF16Arithmetic* MeasuredBF16Arithmetic() { return nullptr; }
const BF16Arithmetic* UsefulBF16Arithmetic(const KernelTable&) { return nullptr; }

#endif

}  // namespace midstream::cpu_blas

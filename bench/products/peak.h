// The rate at which this processor multiplies and adds when it does nothing else: loops over
// registers, one on each thread.
#ifndef MIDSTREAM_BENCH_PRODUCTS_PEAK_H_
#define MIDSTREAM_BENCH_PRODUCTS_PEAK_H_

#include <cstdint>

namespace midstream::bench {

enum class Arithmetic { kFloat32, kBFloat16 };

// Whether the processor has the instructions (AVX-512 F; AVX512-BF16).
bool HasPeakLoop(Arithmetic arithmetic);
// Runs the loop on so many threads. Returns the operations (two for a multiplication and its
// addition) of all of them. Requires: HasPeakLoop.
double RunPeakLoop(Arithmetic arithmetic, uint32_t threads);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_PRODUCTS_PEAK_H_

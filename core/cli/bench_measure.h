// Measuring one case of `midstream bench`.
#ifndef MIDSTREAM_CORE_CLI_BENCH_MEASURE_H_
#define MIDSTREAM_CORE_CLI_BENCH_MEASURE_H_

#include <vector>

#include "core/cli/bench_report.h"
#include "core/cli/bench_workload.h"

namespace midstream::cli {

// Clients without updates are timed in rounds, as `midstream compare` does it; everything else in
// slices (core/measure/live_update.h). Requires: the workload is prepared for the case. Errors: in
// rounds, those of the model; in slices they are counted.
Result<BenchReport> MeasureCase(const BenchArgs& args, const BenchCase& one,
                                const std::vector<double>& percentiles, BenchWorkload& workload);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BENCH_MEASURE_H_

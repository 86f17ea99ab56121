// The questions of this folder; each adds its rows to the results. Errors: those of the engine.
#ifndef MIDSTREAM_BENCH_UPDATE_QUESTIONS_H_
#define MIDSTREAM_BENCH_UPDATE_QUESTIONS_H_

#include <string>

#include "bench/update/results.h"
#include "core/base/status.h"

namespace midstream::bench {

struct Options {
  std::string backend = "cpu_blas";
  double scale = 1;  // of rounds and seconds
};

// How long the pointer swap takes, and a rollback, for models of 100 KB, 13 MB and 1 GB.
Status MeasureCommits(const Options& options, Results* results);
// How long staging takes beside copies of the same bytes.
Status MeasureStaging(const Options& options, Results* results);
// An update of some tensors of a model beside the same update of a model that is nothing else.
Status MeasureDeltas(const Options& options, Results* results);
// Latency under updates at a rate beside quiet, with a free core and without.
Status MeasureServing(const Options& options, Results* results);
// The first answer of each version beside the others.
Status MeasureFirstAnswers(const Options& options, Results* results);
// Updates back to back while requests run.
Status MeasureUpdateRate(const Options& options, Results* results);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_UPDATE_QUESTIONS_H_

// The models that bench_load reads, written as TensorFlow writes them: a checkpoint of a gigabyte,
// and an inference graph of fifty thousand nodes.
#ifndef MIDSTREAM_BENCH_LOAD_CHECKPOINT_H_
#define MIDSTREAM_BENCH_LOAD_CHECKPOINT_H_

#include <cstdint>
#include <string>

#include "core/base/status.h"

namespace midstream::bench {

struct BigCheckpoint {
  std::string prefix;
  std::string data_path;
  uint64_t bytes = 0;  // of its tensors
};

// x -> nine products with matrices of 105 MB, each followed by 220 additions of vectors.
Result<BigCheckpoint> WriteBigCheckpoint(const std::string& folder);

// The prefix of a chain of `nodes` element-wise operators, constants and identities, y behind x.
Result<std::string> WriteLongGraph(const std::string& folder, int nodes);

}  // namespace midstream::bench

#endif  // MIDSTREAM_BENCH_LOAD_CHECKPOINT_H_

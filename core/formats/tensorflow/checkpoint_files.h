// Which files a checkpoint consists of, given any of the names that people and tools use for it.
//
// Format V2 is `P.index` and `P.data-00000-of-00001`, ...; V1 is one file `P`, or the shards
// `P-00000-of-00002`, ..., which TensorFlow itself writes as the pattern `P-?????-of-00002`. The
// graph is beside them in `P.meta`.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_FILES_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_FILES_H_

#include <string>
#include <vector>

#include "core/base/status.h"

namespace midstream::tensorflow {

// `P` for any name of the checkpoint or of one of its files; the files need not exist.
std::string CheckpointPrefix(const std::string& path);

struct CheckpointFiles {
  std::string prefix;
  std::vector<std::string> v1;  // the files of format V1, in order; empty: format V2
};

// Errors: NOT_FOUND saying what was looked for, or which shards are missing; INVALID_ARGUMENT when
// shards of several checkpoints lie there and the name does not say which.
Result<CheckpointFiles> FindCheckpointFiles(const std::string& path);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_FILES_H_

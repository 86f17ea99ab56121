// The text file `checkpoint` that a Saver keeps in its directory: which checkpoint is the latest.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_STATE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_STATE_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::tensorflow {

struct CheckpointState {
  std::string latest;            // model_checkpoint_path
  std::vector<std::string> all;  // all_model_checkpoint_paths, oldest first
};

// `text` is the file's content. Paths keep their spelling. Errors: DATA_LOSS naming line and column.
Result<CheckpointState> ParseCheckpointState(std::string_view text);

// The prefix of the latest checkpoint of `directory`. A path in the file that is gone, since the
// directory was moved or came from another machine, is looked for beside the file by its last part.
// Errors: NOT_FOUND, DATA_LOSS.
Result<std::string> LatestCheckpoint(const std::string& directory);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_CHECKPOINT_STATE_H_

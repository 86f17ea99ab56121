// The restore part of a Saver: which name in a checkpoint file feeds which variable.
//
// The names in a file are not always those of variables (a Saver may be given a map, as for moving
// averages), so TensorFlow's own restore path is followed: the restore operator that the file's
// SaverDef names, the assignments it triggers, and for each the output of RestoreV2, Restore or
// RestoreSlice that it reads.
//
// A graph may hold more Savers than that one. They are found by their shape: a NoOp that triggers
// assignments from a file and that no other such NoOp triggers.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVER_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVER_H_

#include <map>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

struct RestoreSource {
  std::string key;    // name in the checkpoint
  std::string slice;  // "" for the whole tensor, else "10 22 0,10:0,6": the full shape and the part
};

struct Saver {
  std::string restore_op;
  std::map<std::string, RestoreSource, std::less<>> sources;  // by variable
};

// The Saver that the file's SaverDef names, then the others in the graph's order. Empty when there
// is no SaverDef; then a variable's own name is the key. Errors: INVALID_ARGUMENT when the named
// Saver cannot be followed.
Result<std::vector<Saver>> FollowSavers(const TfGraph& graph);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVER_H_

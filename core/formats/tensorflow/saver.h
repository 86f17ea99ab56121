// The restore part of a Saver: which name in a checkpoint file feeds which variable.
//
// The names in a file are not always those of variables (a Saver may be given a map, as for moving
// averages), so TensorFlow's own restore path is followed: the restore operator that the file's
// SaverDef names, the assignments it triggers, and for each the RestoreV2 output that it reads.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVER_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVER_H_

#include <map>
#include <string>

#include "core/base/status.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

struct RestoreSource {
  std::string key;    // name in the checkpoint
  std::string slice;  // "" for the whole tensor, else "10 22 0,10:0,6": the full shape and the part
};

// Variable name -> where its value comes from. Empty when the file has no Saver; then a variable's
// own name is the key. Errors: INVALID_ARGUMENT for a Saver that cannot be followed.
Result<std::map<std::string, RestoreSource, std::less<>>> FollowSaver(const TfGraph& graph);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SAVER_H_

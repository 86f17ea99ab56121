// Writes checkpoints in TensorFlow's V2 format, with the bytes that TensorFlow itself writes: one data
// file with the tensors in the order of their names, and the index.
//
// A prefix that holds a checkpoint already is overwritten in a way that has one moment at which the
// new one takes over, the replacement of the index: the data goes to files that the old index does
// not name. TensorFlow's layout puts the number of data files into their names, so a checkpoint
// replaces one of one data file by two (of which the second is empty), and any other by one. Before
// that moment the old checkpoint can be read, after it the new one; then the old data is deleted.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_WRITER_H_

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensor_file.h"

namespace midstream::tensorflow {

// Writes `prefix`.index and its data; the names of `tensors` are the keys. `read` is asked for one
// tensor at a time. Errors: INVALID_ARGUMENT for an empty name, one that is there twice, or a dtype
// that a checkpoint cannot hold; those of `read`, naming the tensor; what the system says about the
// paths. A failure leaves an old checkpoint as it was.
Status WriteBundle(const std::string& prefix, const std::vector<formats::TensorInfo>& tensors,
                   const formats::TensorProvider& read);

// Makes the checkpoint at `prefix` the latest in the file `checkpoint` of its folder, as a Saver does
// after saving; those that the file names already stay in its list. Errors: those of reading and
// replacing the file.
Status UpdateCheckpointState(const std::string& prefix);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_BUNDLE_WRITER_H_

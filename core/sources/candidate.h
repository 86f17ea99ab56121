// Candidate: what lies in a watched folder and may become the weights of a model.
//
// That is every .safetensors and .npz file whose name does not begin with a dot, and the checkpoint
// that a file `checkpoint` of TensorFlow names, wherever that lies.
#ifndef MIDSTREAM_CORE_SOURCES_CANDIDATE_H_
#define MIDSTREAM_CORE_SOURCES_CANDIDATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace midstream::sources {

// Which bytes a path leads to, as far as the system tells without reading them. Links are followed.
struct FileIdentity {
  std::string path;
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;  // nanoseconds
  int64_t changed = 0;   // of the entry itself: renaming sets it

  // Whether the bytes are the same, under whatever name.
  bool SameBytes(const FileIdentity& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           modified == other.modified;
  }
};

struct Candidate {
  std::string name;      // in the folder
  FileIdentity trigger;  // the file called `name`
  // What to open: a file, or the prefix of a checkpoint. Empty when `problem` says why there is none.
  std::string path;
  std::vector<FileIdentity> files;  // that hold the values
  Status problem;
};

// Whether a and b lead to the same values.
bool SameBytes(const Candidate& a, const Candidate& b);

// All candidates of the folder, the newest first: by time of modification, then by time of arrival,
// then by name with numbers in their order. Errors: NOT_FOUND and others about the folder.
Result<std::vector<Candidate>> ListCandidates(const std::string& folder);

}  // namespace midstream::sources

#endif  // MIDSTREAM_CORE_SOURCES_CANDIDATE_H_

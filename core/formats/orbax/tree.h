// The tree of a checkpoint's parameters, as the file `_METADATA` lists it.
//
// Threads: pure functions.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_TREE_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_TREE_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::orbax {

struct Leaf {
  std::string key;  // of the array in the store: all names on the way to it, joined by "."
  std::string
      name;  // joined by "/", without what all leaves have and nobody means (see NameLeaves)
};

struct Tree {
  std::vector<Leaf> leaves;  // in the order of their names; without empty dicts
  bool every_chunk = false;  // chunks are stored even where they hold nothing but fill values
};

// Errors: DATA_LOSS; UNIMPLEMENTED for Zarr's third version. Without the file's name.
Result<Tree> ParseTree(std::string_view json);

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_TREE_H_

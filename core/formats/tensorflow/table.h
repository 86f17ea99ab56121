// The sorted table that holds the index of a checkpoint: the same file format as LevelDB's, read
// through LevelDB with every checksum on.
//
// LevelDB trusts block positions after their checksum, and allocates what they say. They are
// therefore checked against the file here, before it sees them.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_H_

#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace midstream::tensorflow {

using TableRows = std::vector<std::pair<std::string, std::string>>;  // key, value; sorted by key

// All rows of the table in `path`. Errors: NOT_FOUND; DATA_LOSS when it is no table or damaged;
// INVALID_ARGUMENT when it has more than 1 GiB or is not a regular file.
Result<TableRows> ReadTable(const std::string& path);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_H_

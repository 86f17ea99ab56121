// Writes the sorted tables that table.h reads, with the bytes that LevelDB and TensorFlow write: no
// compression, blocks of 256 KiB, a whole key every sixteen rows.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_WRITER_H_

#include <string>

#include "core/formats/tensorflow/table.h"

namespace midstream::tensorflow {

// Requires: rows sorted by key, each key once.
std::string FormatTable(const TableRows& rows);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_WRITER_H_

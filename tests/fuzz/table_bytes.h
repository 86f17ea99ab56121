// Tables (LevelDB's file format) from fuzzed bytes. Checksums would stop a fuzzer at the first
// changed byte, so what lies behind them is reached in two ways: a table whose checksums are put
// right again, and a table written from fuzzed rows.
#ifndef MIDSTREAM_TESTS_FUZZ_TABLE_BYTES_H_
#define MIDSTREAM_TESTS_FUZZ_TABLE_BYTES_H_

#include <string>
#include <string_view>

namespace midstream::fuzz {

// `table` with right checksums on the blocks that its footer and its index point to.
std::string WithRightChecksums(std::string_view table);

// Takes rows off the front of `input` and writes them as a table, sorted, the first one of a key.
// A row is a byte with the key's length, two with the value's (little endian), key and value; the
// length 255 ends the rows. The first byte of the input says whether blocks are compressed.
std::string TableOfRows(std::string_view* input);

}  // namespace midstream::fuzz

#endif  // MIDSTREAM_TESTS_FUZZ_TABLE_BYTES_H_

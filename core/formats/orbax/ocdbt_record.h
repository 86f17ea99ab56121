// The records that an OCDBT database consists of (TensorStore's "Optionally-Cooperative Distributed
// B+Tree"): the manifest, which names the root of each version, and the nodes of the tree. Each is
// an envelope (magic, length, version, compression, CRC-32C) around a body of columns.
//
// Source: TensorStore's documentation of the format, kvstore/ocdbt, checked with files that Orbax
// wrote. Only decoding of bytes is here; files are ocdbt.h's business.
//
// Errors of all functions: DATA_LOSS without a name; UNIMPLEMENTED for what the format has and
// checkpoints do not use.
//
// Threads: pure functions.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_OCDBT_RECORD_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_OCDBT_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::orbax {

enum class RecordKind : uint32_t { kManifest = 0x0cdb3a2a, kNode = 0x0cdb20de };

// The body in the envelope `bytes`, decompressed, of at most `most` bytes.
Result<std::string> OpenEnvelope(RecordKind kind, std::string_view bytes, size_t most);

// A file of data, seen from the folder that the table's reader is in: `base` is what the reader of
// the file starts from in turn.
struct DataPath {
  std::string path;
  std::string base;
};

struct Location {
  size_t file = 0;  // in the table of the record
  uint64_t offset = 0;
  uint64_t size = 0;
};

// The root of the newest version.
struct Manifest {
  std::vector<DataPath> files;
  bool empty = true;  // no version, or a tree without keys: `root` is nothing
  Location root;
  uint8_t height = 0;
};
Result<Manifest> DecodeManifest(std::string_view body);

struct LeafEntry {
  std::string key;  // behind the prefix of its subtree
  bool is_inline = false;
  std::string_view value;  // in the body, when inline
  Location location;       // when not
};
struct ChildEntry {
  std::string key_prefix;  // what all keys of the subtree begin with, behind this node's prefix
  Location location;
};
struct Node {
  uint8_t height = 0;
  std::vector<DataPath> files;
  std::vector<LeafEntry> leaves;     // height 0
  std::vector<ChildEntry> children;  // above
};
Result<Node> DecodeNode(std::string_view body);

// What a checkpoint never reaches. Compression and shared prefixes make much out of few bytes.
constexpr size_t kLongestName = 1024;                // of a key or data file
constexpr size_t kMostNames = size_t{1} << 20;       // in one record
constexpr size_t kMostNameBytes = size_t{64} << 20;  // of all of them

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_OCDBT_RECORD_H_

// Writes OCDBT databases, Zarr arrays and Orbax checkpoints for tests, with whatever the format
// allows and Orbax does not do at such sizes: trees of many levels, many versions, all chunkings.
#ifndef MIDSTREAM_TESTS_CORE_FORMATS_ORBAX_TESTING_H_
#define MIDSTREAM_TESTS_CORE_FORMATS_ORBAX_TESTING_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/tensor.h"

namespace midstream::orbax {

using KeyValues = std::map<std::string, std::string>;

std::string Varint(uint64_t value);
std::string Fixed(uint64_t value, size_t width);  // little endian
std::string Zstd(std::string_view bytes);         // a frame that does not tell its size
// The record around `body`, with a right checksum.
std::string Envelope(uint32_t magic, std::string_view body, bool compress);

struct OcdbtOptions {
  bool compress = true;
  size_t entries = 4;        // of a node
  size_t most_inline = 100;  // bytes of a value in the leaf
  // Nodes are in `d/nodes`, values in `BASEd/values`; with a base, lower nodes are behind it, too.
  std::string base = "ocdbt.process_0/";
  // Generations of the versions that the manifest lists; the largest is the one of `values`, the
  // others are without keys.
  std::vector<uint64_t> generations = {1};
};

// Parts of a manifest and of nodes, for tests that change them.
struct DataFiles {
  std::vector<std::string> paths;
  std::vector<size_t> base_lengths;
};
std::string FileTable(const DataFiles& files);
struct Version {
  uint64_t generation = 1;
  uint8_t height = 0;
  uint64_t file = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t keys = 0;
};
std::string ManifestBody(const DataFiles& files, const std::vector<Version>& versions);
constexpr uint32_t kManifestMagic = 0x0cdb3a2a;
constexpr uint32_t kNodeMagic = 0x0cdb20de;

void WriteFileBelow(const std::string& folder, const std::string& name, std::string_view bytes);
void WriteOcdbt(const std::string& folder, const KeyValues& values,
                const OcdbtOptions& options = {});
// Each value as a file.
void WriteFolder(const std::string& folder, const KeyValues& values);

struct ZarrOptions {
  std::vector<int64_t> chunk;
  bool compress = true;
  bool big_endian = false;
  bool column_major = false;
  char separator = '.';
};
// The values by which a store has the array `name`. Padding of chunks at the edge is not zero.
KeyValues ZarrArray(const std::string& name, const Tensor& tensor, const ZarrOptions& options);
std::string ZarrJson(const Tensor& tensor, const ZarrOptions& options);

// `_METADATA` of arrays with these paths, each joined by "/".
std::string TreeJson(const std::vector<std::string>& paths, const std::string& more = "");

}  // namespace midstream::orbax

#endif  // MIDSTREAM_TESTS_CORE_FORMATS_ORBAX_TESTING_H_

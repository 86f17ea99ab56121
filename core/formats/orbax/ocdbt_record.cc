#include "core/formats/orbax/ocdbt_record.h"

#include <algorithm>
#include <optional>

#include "core/base/crc32c.h"
#include "core/formats/file.h"
#include "core/formats/orbax/byte_reader.h"
#include "core/formats/orbax/zstd.h"

namespace midstream::orbax {
namespace {

using formats::Quoted;

constexpr size_t kPreludeSize = 12;  // magic, length
constexpr size_t kCrcSize = 4;
constexpr size_t kUuidSize = 16;

Status Malformed(const std::string& what) { return DataLoss("is malformed: " + what); }

uint32_t BigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

Status CheckEnvelope(RecordKind kind, std::string_view bytes) {
  const char* what = kind == RecordKind::kManifest ? "OCDBT manifest" : "OCDBT node";
  if (bytes.size() < kPreludeSize + 2 + kCrcSize) {
    return DataLoss("is no " + std::string(what) + ": it has " + std::to_string(bytes.size()) +
                    " bytes");
  }
  if (BigEndian32(bytes) != static_cast<uint32_t>(kind)) {
    return DataLoss("is no " + std::string(what) + ": its first bytes are " +
                    Quoted(bytes.substr(0, 4)));
  }
  const uint64_t length = ByteReader(bytes.substr(4)).Fixed(8);
  if (length != bytes.size()) {
    return DataLoss("is said to have " + std::to_string(length) + " bytes and has " +
                    std::to_string(bytes.size()));
  }
  const std::string_view summed = bytes.substr(0, bytes.size() - kCrcSize);
  const uint64_t crc = ByteReader(bytes.substr(summed.size())).Fixed(kCrcSize);
  if (crc == Crc32c(summed.data(), summed.size())) return OkStatus();
  return DataLoss("is damaged: its checksum is another one");
}

// Paths come from files: none may lead out of the checkpoint's folder. An empty one is that of a
// version without keys, and not referred to otherwise.
Status CheckPath(const std::string& path) {
  if (path.empty()) return OkStatus();
  bool fine = path.size() <= kLongestName && path.find('\0') == path.npos;
  for (size_t at = 0; fine && at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = std::string_view(path).substr(at, end - at);
    fine = !part.empty() && part != "." && part != "..";
    at = end + 1;
  }
  return fine ? OkStatus() : DataLoss("names a data file " + Quoted(path));
}

// What each of `count` texts has of the one before, its own length, and later its own bytes.
class PrefixedTexts {
 public:
  PrefixedTexts(size_t count, ByteReader* reader)
      : prefixes_(reader->Varints(count == 0 ? 0 : count - 1)) {
    suffixes_ = reader->Varints(count);
  }

  // Requires: each text is asked for once, in order. Errors: DATA_LOSS.
  Result<std::string> Next(ByteReader* reader) {
    const uint64_t shared = at_ == 0 ? 0 : prefixes_[at_ - 1];
    const uint64_t own = suffixes_[at_++];
    if (shared > last_.size() || own > kLongestName || shared + own > kLongestName) {
      return Malformed("a name of " + std::to_string(shared) + " and " + std::to_string(own) +
                       " bytes, of which the one before has " + std::to_string(last_.size()));
    }
    last_.resize(static_cast<size_t>(shared));
    last_ += reader->Bytes(own);
    if (!reader->ok()) return Malformed("it ends within a name");
    bytes_ += last_.size();
    if (bytes_ <= kMostNameBytes) return last_;
    return Malformed("its names have more than " + std::to_string(kMostNameBytes) + " bytes");
  }

 private:
  std::vector<uint64_t> prefixes_;
  std::vector<uint64_t> suffixes_;
  std::string last_;
  size_t at_ = 0;
  size_t bytes_ = 0;
};

Result<std::vector<DataPath>> DecodeFiles(ByteReader* reader) {
  const size_t count = reader->Count(kMostNames);
  PrefixedTexts texts(count, reader);
  const std::vector<uint64_t> bases = reader->Varints(count);
  std::vector<DataPath> files;
  for (size_t i = 0; i < count && reader->ok(); ++i) {
    MS_ASSIGN_OR_RETURN(std::string path, texts.Next(reader));
    MS_RETURN_IF_ERROR(CheckPath(path));
    if (bases[i] > path.size()) return Malformed("the base path of " + Quoted(path) + " is longer");
    files.push_back({path, path.substr(0, static_cast<size_t>(bases[i]))});
  }
  if (!reader->ok()) return Malformed("it ends within the table of data files");
  return files;
}

Result<Location> MakeLocation(uint64_t file, uint64_t offset, uint64_t size,
                              const std::vector<DataPath>& files) {
  if (file >= files.size()) {
    return Malformed("it refers to data file " + std::to_string(file) + " of " +
                     std::to_string(files.size()));
  }
  if (files[file].path.empty()) return Malformed("it refers to a data file without a name");
  return Location{static_cast<size_t>(file), offset, size};
}

// Which of the versions is the newest; none: there is no version.
std::optional<size_t> Newest(const std::vector<uint64_t>& generations) {
  if (generations.empty()) return std::nullopt;
  return std::max_element(generations.begin(), generations.end()) - generations.begin();
}

// The configuration of the database; what a reader needs of it is that its manifest is this one.
Status SkipConfig(ByteReader* reader) {
  reader->Bytes(kUuidSize);
  const uint64_t manifest_kind = reader->Varint();
  reader->Varint();  // bytes of the longest inline value
  reader->Varint();  // bytes of the largest node
  reader->U8();      // arity of the tree of versions
  const uint64_t compression = reader->Varint();
  if (compression == 1) reader->Fixed(4);  // level
  if (!reader->ok() || compression > 1) return Malformed("its configuration is");
  if (manifest_kind == 0) return OkStatus();
  return Unimplemented("is a numbered manifest (kind " + std::to_string(manifest_kind) +
                       "); only single manifests are read, which Orbax writes");
}

// The newest version is always among those that the manifest lists itself, so older ones, to which
// it refers by nodes, need not be looked at.
Status DecodeVersions(ByteReader* reader, Manifest* manifest) {
  const size_t count = reader->Count(kMostNames);
  const std::vector<uint64_t> generations = reader->Varints(count);
  const std::string_view heights = reader->Bytes(count);
  const std::vector<uint64_t> files = reader->Varints(count);
  const std::vector<uint64_t> offsets = reader->Varints(count);
  const std::vector<uint64_t> sizes = reader->Varints(count);
  const std::vector<uint64_t> keys = reader->Varints(count);
  reader->Varints(count);                               // bytes of the tree
  reader->Varints(count);                               // bytes of values that are not inline
  for (size_t i = 0; i < count; ++i) reader->Fixed(8);  // time of commit
  if (!reader->ok()) return Malformed("it ends within the list of versions");
  const std::optional<size_t> newest = Newest(generations);
  if (!newest || keys[*newest] == 0) return OkStatus();
  manifest->empty = false;
  manifest->height = static_cast<uint8_t>(heights[*newest]);
  MS_ASSIGN_OR_RETURN(manifest->root, MakeLocation(files[*newest], offsets[*newest], sizes[*newest],
                                                   manifest->files));
  return OkStatus();
}

// Keys of a node increase.
Status CheckOrder(const std::string& before, const std::string& key, bool first) {
  if (first || before < key) return OkStatus();
  return Malformed("its key " + Quoted(key) + " comes behind " + Quoted(before));
}

Status DecodeLeaves(ByteReader* reader, Node* node) {
  const size_t count = reader->Count(kMostNames);
  PrefixedTexts keys(count, reader);
  node->leaves.resize(count);
  std::string last;
  for (LeafEntry& leaf : node->leaves) {
    MS_ASSIGN_OR_RETURN(leaf.key, keys.Next(reader));
    MS_RETURN_IF_ERROR(CheckOrder(last, leaf.key, &leaf == node->leaves.data()));
    last = leaf.key;
  }
  const std::vector<uint64_t> sizes = reader->Varints(count);
  const std::vector<uint64_t> kinds = reader->Varints(count);
  const auto far = static_cast<size_t>(std::count(kinds.begin(), kinds.end(), 1u));
  const std::vector<uint64_t> files = reader->Varints(far);
  const std::vector<uint64_t> offsets = reader->Varints(far);
  for (size_t i = 0, f = 0; i < count; ++i) {
    LeafEntry& leaf = node->leaves[i];
    if (kinds[i] > 1) return Malformed("the value of " + Quoted(leaf.key) + " is of no known kind");
    leaf.is_inline = kinds[i] == 0;
    if (leaf.is_inline) {
      leaf.value = reader->Bytes(sizes[i]);
      continue;
    }
    MS_ASSIGN_OR_RETURN(leaf.location, MakeLocation(files[f], offsets[f], sizes[i], node->files));
    ++f;
  }
  return OkStatus();
}

Status DecodeChildren(ByteReader* reader, Node* node) {
  const size_t count = reader->Count(kMostNames);
  PrefixedTexts keys(count, reader);
  const std::vector<uint64_t> prefixes = reader->Varints(count);
  std::vector<std::string> texts(count);
  for (size_t i = 0; i < count; ++i) {
    MS_ASSIGN_OR_RETURN(texts[i], keys.Next(reader));
    MS_RETURN_IF_ERROR(CheckOrder(i == 0 ? "" : texts[i - 1], texts[i], i == 0));
    if (prefixes[i] > texts[i].size()) return Malformed("the prefix of a subtree is too long");
  }
  const std::vector<uint64_t> files = reader->Varints(count);
  const std::vector<uint64_t> offsets = reader->Varints(count);
  const std::vector<uint64_t> sizes = reader->Varints(count);
  for (size_t column = 0; column < 3; ++column) reader->Varints(count);  // statistics
  if (!reader->ok()) return Malformed("it ends within its entries");
  for (size_t i = 0; i < count; ++i) {
    MS_ASSIGN_OR_RETURN(Location location,
                        MakeLocation(files[i], offsets[i], sizes[i], node->files));
    texts[i].resize(static_cast<size_t>(prefixes[i]));
    node->children.push_back({std::move(texts[i]), location});
  }
  return OkStatus();
}

}  // namespace

Result<std::string> OpenEnvelope(RecordKind kind, std::string_view bytes, size_t most) {
  MS_RETURN_IF_ERROR(CheckEnvelope(kind, bytes));
  ByteReader reader(bytes.substr(kPreludeSize, bytes.size() - kPreludeSize - kCrcSize));
  const uint64_t version = reader.Varint();
  const uint64_t compression = reader.Varint();
  if (!reader.ok() || version != 0 || compression > 1) {
    return Unimplemented("is of version " + std::to_string(version) + " with compression " +
                         std::to_string(compression) + "; known are version 0, compressions 0, 1");
  }
  const std::string_view body = reader.Bytes(reader.remaining());
  if (compression == 1) return ZstdDecompress(body, most);
  if (body.size() <= most) return std::string(body);
  return DataLoss("has more than " + std::to_string(most) + " bytes");
}

Result<Manifest> DecodeManifest(std::string_view body) {
  ByteReader reader(body);
  MS_RETURN_IF_ERROR(SkipConfig(&reader));
  Manifest manifest;
  MS_ASSIGN_OR_RETURN(manifest.files, DecodeFiles(&reader));
  MS_RETURN_IF_ERROR(DecodeVersions(&reader, &manifest));
  return manifest;
}

Result<Node> DecodeNode(std::string_view body) {
  ByteReader reader(body);
  Node node;
  node.height = reader.U8();
  MS_ASSIGN_OR_RETURN(node.files, DecodeFiles(&reader));
  MS_RETURN_IF_ERROR(node.height == 0 ? DecodeLeaves(&reader, &node)
                                      : DecodeChildren(&reader, &node));
  if (reader.AtEnd()) return node;
  return Malformed(reader.ok() ? "bytes follow its entries" : "it ends within its entries");
}

}  // namespace midstream::orbax

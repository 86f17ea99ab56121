#include "tests/core/formats/orbax_testing.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/crc32c.h"

namespace midstream::orbax {
namespace {

namespace fs = std::filesystem;

std::string Column(const std::vector<uint64_t>& values) {
  std::string bytes;
  for (uint64_t value : values) bytes += Varint(value);
  return bytes;
}

size_t Shared(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                             a.begin());
}

// Prefix lengths and suffix lengths; the suffixes themselves come later.
std::string Prefixed(const std::vector<std::string>& texts, std::string* suffixes) {
  std::vector<uint64_t> prefix, suffix;
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t shared = i == 0 ? 0 : Shared(texts[i - 1], texts[i]);
    if (i > 0) prefix.push_back(shared);
    suffix.push_back(texts[i].size() - shared);
    *suffixes += texts[i].substr(shared);
  }
  return Column(prefix) + Column(suffix);
}

// A node that was written: the keys below it, and where it is.
struct Written {
  std::string first, last;
  uint64_t offset = 0;
  uint64_t size = 0;
};

class TreeWriter {
 public:
  TreeWriter(std::string folder, const OcdbtOptions& options)
      : folder_(std::move(folder)), options_(options) {}

  Version Write(const KeyValues& values, uint64_t generation);

 private:
  Written Put(const std::string& body, const std::string& first, const std::string& last);
  std::vector<Written> Leaves(const KeyValues& values, const std::string& prefix);
  std::vector<Written> Above(const std::vector<Written>& nodes, uint8_t height);

  std::string folder_;
  const OcdbtOptions& options_;
  std::string nodes_, values_;
};

Written TreeWriter::Put(const std::string& body, const std::string& first,
                        const std::string& last) {
  const std::string record = Envelope(kNodeMagic, body, options_.compress);
  Written node{first, last, nodes_.size(), record.size()};
  nodes_ += record;
  return node;
}

// Keys of a leaf are relative to what all keys of the tree share, which is `prefix`.
std::vector<Written> TreeWriter::Leaves(const KeyValues& values, const std::string& prefix) {
  std::vector<Written> leaves;
  for (auto at = values.begin(); at != values.end();) {
    std::vector<std::string> keys;
    std::vector<uint64_t> sizes, kinds, files, offsets;
    std::string inlined, suffixes, first = at->first, last;
    for (size_t i = 0; i < options_.entries && at != values.end(); ++i, ++at) {
      last = at->first;
      keys.push_back(at->first.substr(prefix.size()));
      sizes.push_back(at->second.size());
      kinds.push_back(at->second.size() > options_.most_inline);
      if (kinds.back() == 0) {
        inlined += at->second;
        continue;
      }
      files.push_back(0);
      offsets.push_back(values_.size());
      values_ += at->second;
    }
    const std::string lengths = Prefixed(keys, &suffixes);
    leaves.push_back(Put(Fixed(0, 1) + FileTable({{"d/values"}, {0}}) + Varint(keys.size()) +
                             lengths + suffixes + Column(sizes) + Column(kinds) + Column(files) +
                             Column(offsets) + inlined,
                         first, last));
  }
  return leaves;
}

// The keys of all subtrees are seen from the tree's prefix: only the root's children have one.
std::vector<Written> TreeWriter::Above(const std::vector<Written>& nodes, uint8_t height) {
  std::vector<Written> above;
  for (size_t at = 0; at < nodes.size(); at += options_.entries) {
    const size_t end = std::min(nodes.size(), at + options_.entries);
    std::vector<std::string> keys;
    std::vector<uint64_t> zeros, offsets, sizes;
    std::string suffixes;
    for (size_t i = at; i < end; ++i) {
      keys.push_back(nodes[i].first);
      zeros.push_back(0);
      offsets.push_back(nodes[i].offset);
      sizes.push_back(nodes[i].size);
    }
    const std::string lengths = Prefixed(keys, &suffixes);
    above.push_back(Put(Fixed(height, 1) + FileTable({{"d/nodes"}, {0}}) + Varint(keys.size()) +
                            lengths + Column(zeros) + suffixes + Column(zeros) + Column(offsets) +
                            Column(sizes) + Column(zeros) + Column(zeros) + Column(zeros),
                        nodes[at].first, nodes[end - 1].last));
  }
  return above;
}

Version TreeWriter::Write(const KeyValues& values, uint64_t generation) {
  const std::string prefix =
      values.begin()->first.substr(0, Shared(values.begin()->first, values.rbegin()->first));
  std::vector<Written> nodes = Leaves(values, values.size() > options_.entries ? prefix : "");
  uint8_t height = 0;
  while (nodes.size() > options_.entries) nodes = Above(nodes, ++height);
  if (nodes.size() > 1) {
    // The root, with the prefix.
    std::vector<std::string> keys;
    std::vector<uint64_t> prefixes, zeros, offsets, sizes;
    for (const Written& node : nodes) {
      keys.push_back(node.first);
      prefixes.push_back(prefix.size());
      zeros.push_back(0);
      offsets.push_back(node.offset);
      sizes.push_back(node.size);
    }
    std::string suffixes;
    const std::string lengths = Prefixed(keys, &suffixes);
    const std::string path = options_.base + "d/nodes";
    const Written root =
        Put(Fixed(++height, 1) + FileTable({{path}, {options_.base.size()}}) + Varint(keys.size()) +
                lengths + Column(prefixes) + suffixes + Column(zeros) + Column(offsets) +
                Column(sizes) + Column(zeros) + Column(zeros) + Column(zeros),
            "", "");
    nodes = {root};
  }
  WriteFileBelow(folder_, options_.base + "d/nodes", nodes_);
  WriteFileBelow(folder_, options_.base + "d/values", values_);
  const bool leaf = height == 0;
  if (!leaf) WriteFileBelow(folder_, "d/root", nodes_);
  return {generation, height, leaf ? 1u : 0u, nodes[0].offset, nodes[0].size, values.size()};
}

std::string Elements(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.data()), tensor.byte_size()};
}

std::string DTypeText(DType dtype, bool big_endian) {
  if (dtype == DType::kBF16) return "bfloat16";
  if (dtype == DType::kBool) return "|b1";
  const char kind = IsFloat(dtype) ? 'f' : IsSignedInteger(dtype) ? 'i' : 'u';
  const std::string size = std::to_string(DTypeSize(dtype));
  return (size == "1" ? "|" : big_endian ? ">" : "<") + std::string(1, kind) + size;
}

}  // namespace

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string Fixed(uint64_t value, size_t width) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string Zstd(std::string_view bytes) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

std::string Envelope(uint32_t magic, std::string_view body, bool compress) {
  const std::string inner = compress ? Zstd(body) : std::string(body);
  std::string record;
  for (int shift = 24; shift >= 0; shift -= 8) record += static_cast<char>(magic >> shift);
  record += Fixed(4 + 8 + 2 + inner.size() + 4, 8) + Varint(0) + Varint(compress) + inner;
  return record + Fixed(Crc32c(record.data(), record.size()), 4);
}

std::string FileTable(const DataFiles& files) {
  std::string suffixes;
  const std::string lengths = Prefixed(files.paths, &suffixes);
  return Varint(files.paths.size()) + lengths +
         Column({files.base_lengths.begin(), files.base_lengths.end()}) + suffixes;
}

std::string ManifestBody(const DataFiles& files, const std::vector<Version>& versions) {
  std::string body = std::string(16, 'u') + Varint(0) + Varint(1024) + Varint(100'000'000) +
                     Fixed(4, 1) + Varint(1) + Fixed(0, 4) + FileTable(files);
  std::vector<uint64_t> generations, files_of, offsets, sizes, keys, zeros;
  std::string heights, times;
  for (const Version& version : versions) {
    generations.push_back(version.generation);
    heights += static_cast<char>(version.height);
    files_of.push_back(version.file);
    offsets.push_back(version.offset);
    sizes.push_back(version.size);
    keys.push_back(version.keys);
    zeros.push_back(0);
    times += Fixed(1'700'000'000'000'000'000, 8);
  }
  body += Varint(versions.size()) + Column(generations) + heights + Column(files_of) +
          Column(offsets) + Column(sizes) + Column(keys) + Column(zeros) + Column(zeros) + times;
  return body + Varint(0);  // no nodes of versions
}

void WriteFileBelow(const std::string& folder, const std::string& name, std::string_view bytes) {
  const fs::path path = fs::path(folder) / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

void WriteOcdbt(const std::string& folder, const KeyValues& values, const OcdbtOptions& options) {
  const uint64_t newest = *std::max_element(options.generations.begin(), options.generations.end());
  const Version version = TreeWriter(folder, options).Write(values, newest);
  std::vector<Version> versions;
  for (uint64_t generation : options.generations) {
    // What TensorStore writes of a version without keys: a file without a name.
    versions.push_back(generation == newest ? version
                                            : Version{generation, 0, 0, UINT64_MAX, UINT64_MAX, 0});
    versions.back().file += generation == newest;
  }
  const DataFiles files{{"", "d/root", options.base + "d/nodes"}, {0, 0, options.base.size()}};
  WriteFileBelow(folder, "manifest.ocdbt",
                 Envelope(kManifestMagic, ManifestBody(files, versions), options.compress));
}

void WriteFolder(const std::string& folder, const KeyValues& values) {
  for (const auto& [key, value] : values) WriteFileBelow(folder, key, value);
}

std::string ZarrJson(const Tensor& tensor, const ZarrOptions& options) {
  nlohmann::json json = {{"zarr_format", 2},
                         {"shape", tensor.shape().dims()},
                         {"chunks", options.chunk},
                         {"dtype", DTypeText(tensor.dtype(), options.big_endian)},
                         {"compressor", nullptr},
                         {"order", options.column_major ? "F" : "C"},
                         {"fill_value", nullptr},
                         {"filters", nullptr},
                         {"dimension_separator", std::string(1, options.separator)}};
  if (options.compress) json["compressor"] = {{"id", "zstd"}, {"level", 1}};
  return json.dump();
}

KeyValues ZarrArray(const std::string& name, const Tensor& tensor, const ZarrOptions& options) {
  KeyValues values = {{name + "/.zarray", ZarrJson(tensor, options)}};
  const std::vector<int64_t>& shape = tensor.shape().dims();
  const std::string elements = Elements(tensor);
  const size_t item = DTypeSize(tensor.dtype()), rank = shape.size();
  std::vector<int64_t> grid;
  int64_t chunks = 1, per_chunk = 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    grid.push_back((shape[axis] + options.chunk[axis] - 1) / options.chunk[axis]);
    chunks *= grid.back();
    per_chunk *= options.chunk[axis];
  }
  for (int64_t number = 0; number < chunks; ++number) {
    std::vector<int64_t> position(rank);
    int64_t rest = number;
    for (size_t axis = rank; axis-- > 0; rest /= grid[axis]) position[axis] = rest % grid[axis];
    std::string chunk(static_cast<size_t>(per_chunk) * item, '\x77');
    for (int64_t i = 0; i < per_chunk; ++i) {
      // Element i of the chunk, in the chunk's order, and where the array has it.
      std::vector<int64_t> at(rank);
      int64_t left = i, from = 0;
      for (size_t step = 0; step < rank; ++step) {
        const size_t axis = options.column_major ? step : rank - 1 - step;
        at[axis] = position[axis] * options.chunk[axis] + left % options.chunk[axis];
        left /= options.chunk[axis];
      }
      bool inside = true;
      for (size_t axis = 0; axis < rank; ++axis) {
        inside = inside && at[axis] < shape[axis];
        from = from * shape[axis] + at[axis];
      }
      if (!inside) continue;
      std::string element = elements.substr(static_cast<size_t>(from) * item, item);
      if (options.big_endian) std::reverse(element.begin(), element.end());
      chunk.replace(static_cast<size_t>(i) * item, item, element);
    }
    std::string key;
    for (int64_t index : position) {
      key += (key.empty() ? "" : std::string(1, options.separator)) + std::to_string(index);
    }
    values[name + "/" + (rank == 0 ? "0" : key)] = options.compress ? Zstd(chunk) : chunk;
  }
  return values;
}

std::string TreeJson(const std::vector<std::string>& paths, const std::string& more) {
  nlohmann::ordered_json entries = nlohmann::ordered_json::object();
  for (const std::string& path : paths) {
    nlohmann::json parts = nlohmann::json::array();
    std::string text = "(";
    for (size_t at = 0; at <= path.size();) {
      const size_t end = std::min(path.find('/', at), path.size());
      parts.push_back({{"key", path.substr(at, end - at)}, {"key_type", 2}});
      text += "'" + path.substr(at, end - at) + "', ";
      at = end + 1;
    }
    entries[text + ")"] = {
        {"key_metadata", parts},
        {"value_metadata", {{"value_type", "jax.Array"}, {"skip_deserialize", false}}}};
  }
  return R"({"tree_metadata": )" + entries.dump() + R"(, "use_zarr3": false)" + more + "}";
}

}  // namespace midstream::orbax

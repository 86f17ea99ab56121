// An OCDBT database as a Store: follows the newest version's tree from the manifest to its leaves and
// keeps where each value lies. Every record is checked before anything is made of it, none is read
// twice, and all of them together are held to a size, so that a small file cannot stand for a tree
// without end.

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/formats/orbax/ocdbt_record.h"
#include "core/formats/orbax/store.h"

namespace midstream::orbax {
namespace {

using formats::File;
using formats::Quoted;

constexpr size_t kMostRecordBytes = size_t{64} << 20;  // of one record, decompressed
constexpr size_t kMostTreeBytes = size_t{256} << 20;   // of all nodes
constexpr size_t kMostNodes = 100'000;
constexpr size_t kMostFiles = size_t{1} << 16;
constexpr const char* kIncomplete = "; the copy of the checkpoint is incomplete";

// `status` told of `where`.
Status Of(const std::string& where, const Status& status) {
  return Status(status.code(), where + " " + std::string(status.message()));
}

class OcdbtStore : public Store {
 public:
  explicit OcdbtStore(std::string folder) : folder_(std::move(folder)) {}

  Status Open();
  Result<Value> Find(const std::string& key) const override;

 private:
  // Of one subtree: where its node is, and what is known of it before it is read.
  struct Subtree {
    std::string path;  // of the node's file, seen from folder_
    std::string base;  // what paths in the node are seen from
    Location location;
    uint8_t height = 0;
    std::string prefix;  // of its keys
  };
  struct Entry {
    std::string bytes;
    size_t file = kInline;  // in paths_
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  static constexpr size_t kInline = static_cast<size_t>(-1);

  Result<Node> ReadNode(const Subtree& subtree, std::string* body);
  Status AddSubtree(const Subtree& subtree, std::vector<Subtree>* pending);
  Status AddLeaves(const Subtree& subtree, const Node& node);
  Result<size_t> FileIndex(const std::string& path);
  Result<std::shared_ptr<const DataFile>> UseFile(size_t index) const;

  std::string folder_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, size_t> indices_;  // of paths
  std::vector<std::string> paths_;
  mutable std::mutex mutex_;  // guards files_
  mutable std::vector<std::shared_ptr<const DataFile>>
      files_;                                        // parallel to paths_; null: not used
  std::set<std::pair<std::string, uint64_t>> seen_;  // nodes: path and offset
  size_t tree_bytes_ = 0;
  size_t key_bytes_ = 0;
};

Status OcdbtStore::Open() {
  const std::string path = folder_ + "/manifest.ocdbt";
  MS_ASSIGN_OR_RETURN(const File file, File::Open(path));
  if (file.size() > kMostRecordBytes) return DataLoss(path + " is no OCDBT manifest: too large");
  std::string bytes(static_cast<size_t>(file.size()), '\0');
  MS_RETURN_IF_ERROR(file.ReadAt(0, bytes.data(), bytes.size()));
  auto body = OpenEnvelope(RecordKind::kManifest, bytes, kMostRecordBytes);
  if (!body.ok()) return Of(path, body.status());
  auto manifest = DecodeManifest(*body);
  if (!manifest.ok()) return Of(path, manifest.status());
  if (manifest->empty) return OkStatus();
  const DataPath& root = manifest->files[manifest->root.file];
  std::vector<Subtree> pending = {{root.path, root.base, manifest->root, manifest->height, ""}};
  while (!pending.empty()) {
    const Subtree subtree = std::move(pending.back());
    pending.pop_back();
    MS_RETURN_IF_ERROR(AddSubtree(subtree, &pending));
  }
  seen_.clear();
  files_.resize(paths_.size());
  return OkStatus();
}

Result<Node> OcdbtStore::ReadNode(const Subtree& subtree, std::string* body) {
  const std::string path = folder_ + "/" + subtree.path;
  const Location& at = subtree.location;
  auto file = File::Open(path);
  if (!file.ok()) return file.status().WithContext("a node of the checkpoint's index");
  if (at.size > kMostRecordBytes)
    return DataLoss(path + " is said to hold a node of " + std::to_string(at.size) + " bytes");
  const std::string where = path + ": the node at " + std::to_string(at.offset);
  if (at.offset > file->size() || at.size > file->size() - at.offset) {
    return DataLoss(where + " has " + std::to_string(at.size) + " bytes and the file has " +
                    std::to_string(file->size()) + kIncomplete);
  }
  std::string bytes(static_cast<size_t>(at.size), '\0');
  MS_RETURN_IF_ERROR(file->ReadAt(at.offset, bytes.data(), bytes.size()));
  auto opened = OpenEnvelope(RecordKind::kNode, bytes, kMostRecordBytes);
  if (!opened.ok()) return Of(where, opened.status());
  *body = *std::move(opened);
  auto node = DecodeNode(*body);
  if (!node.ok()) return Of(where, node.status());
  if (node->height == subtree.height) return node;
  return DataLoss(where + " has height " + std::to_string(node->height) + " where " +
                  std::to_string(subtree.height) + " was expected");
}

Status OcdbtStore::AddSubtree(const Subtree& subtree, std::vector<Subtree>* pending) {
  if (!seen_.emplace(subtree.path, subtree.location.offset).second) {
    return DataLoss(folder_ + "/" + subtree.path + ": its index refers twice to the node at " +
                    std::to_string(subtree.location.offset));
  }
  std::string body;
  MS_ASSIGN_OR_RETURN(const Node node, ReadNode(subtree, &body));
  tree_bytes_ += std::max<uint64_t>(body.size(), subtree.location.size);
  if (seen_.size() > kMostNodes || tree_bytes_ > kMostTreeBytes) {
    return DataLoss(folder_ + " has an index of more than " + std::to_string(kMostNodes) +
                    " nodes or " + std::to_string(kMostTreeBytes) + " bytes");
  }
  if (node.height == 0) return AddLeaves(subtree, node);
  for (const ChildEntry& child : node.children) {
    const DataPath& file = node.files[child.location.file];
    Subtree below{subtree.base + file.path, subtree.base + file.base, child.location,
                  static_cast<uint8_t>(node.height - 1), subtree.prefix + child.key_prefix};
    if (below.prefix.size() > kLongestName || below.path.size() > kLongestName ||
        pending->size() >= kMostNodes) {
      return DataLoss(folder_ +
                      ": its index has a key or path that is too long, or too many nodes");
    }
    pending->push_back(std::move(below));
  }
  return OkStatus();
}

Status OcdbtStore::AddLeaves(const Subtree& subtree, const Node& node) {
  for (const LeafEntry& leaf : node.leaves) {
    Entry entry;
    if (leaf.is_inline) {
      entry.bytes = leaf.value;
      entry.size = leaf.value.size();
    } else {
      MS_ASSIGN_OR_RETURN(entry.file,
                          FileIndex(subtree.base + node.files[leaf.location.file].path));
      entry.offset = leaf.location.offset;
      entry.size = leaf.location.size;
    }
    std::string key = subtree.prefix + leaf.key;
    key_bytes_ += key.size();
    if (entries_.size() >= kMostNames || key_bytes_ > kMostNameBytes) {
      return DataLoss(folder_ + " has more than " + std::to_string(kMostNames) + " keys or " +
                      std::to_string(kMostNameBytes) + " bytes of them");
    }
    const auto [at, fresh] = entries_.emplace(std::move(key), std::move(entry));
    if (!fresh)
      return DataLoss(folder_ + ": its index has the key " + Quoted(at->first) + " twice");
  }
  return OkStatus();
}

Result<size_t> OcdbtStore::FileIndex(const std::string& path) {
  if (path.size() > kLongestName || paths_.size() >= kMostFiles) {
    return DataLoss(folder_ + ": its index names too many files, or one too long");
  }
  const auto [at, fresh] = indices_.emplace(path, paths_.size());
  if (fresh) paths_.push_back(path);
  return at->second;
}

Result<std::shared_ptr<const DataFile>> OcdbtStore::UseFile(size_t index) const {
  std::lock_guard lock(mutex_);
  if (files_[index] == nullptr) {
    MS_ASSIGN_OR_RETURN(files_[index], DataFile::Find(folder_ + "/" + paths_[index]));
  }
  return files_[index];
}

Result<Value> OcdbtStore::Find(const std::string& key) const {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return NotFound(folder_ + " has no key " + Quoted(key));
  const Entry& entry = at->second;
  if (entry.file == kInline) return Value{entry.bytes, nullptr, 0, entry.size};
  auto file = UseFile(entry.file);
  if (!file.ok()) {
    return DataLoss(Quoted(key) + " lies in a file that cannot be used (" +
                    std::string(file.status().message()) + ")" + kIncomplete);
  }
  const uint64_t size = (*file)->size();
  if (entry.offset > size || entry.size > size - entry.offset) {
    return DataLoss((*file)->path() + " has " + std::to_string(size) + " bytes and should have " +
                    Quoted(key) + ", " + std::to_string(entry.size) + " bytes, at " +
                    std::to_string(entry.offset) + kIncomplete);
  }
  return Value{"", *std::move(file), entry.offset, entry.size};
}

}  // namespace

Result<std::unique_ptr<Store>> OpenOcdbt(const std::string& folder) {
  auto store = std::make_unique<OcdbtStore>(folder);
  MS_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace midstream::orbax

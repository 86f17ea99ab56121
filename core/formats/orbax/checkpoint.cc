#include "core/formats/orbax/checkpoint.h"

#include "core/base/file.h"
#include "core/formats/orbax/tree.h"

namespace midstream::orbax {
namespace {

constexpr uint64_t kMostTreeBytes = uint64_t{4} << 20;
constexpr const char* kTree = "/_METADATA";
constexpr const char* kManifest = "/manifest.ocdbt";

Result<Tree> ReadTree(const std::string& folder) {
  const std::string path = folder + kTree;
  if (!formats::Exists(path)) {
    return NotFound(path +
                    ", the list of parameters, is missing; the copy of the checkpoint is "
                    "incomplete");
  }
  MS_ASSIGN_OR_RETURN(const std::string json, ReadFile(path, kMostTreeBytes));
  auto tree = ParseTree(json);
  return tree.ok() ? std::move(tree) : tree.status().WithContext(path);
}

// Orbax writes a database unless it is told not to. Then each array is a folder of its own.
Result<std::unique_ptr<Store>> OpenStore(const std::string& folder, const Tree& tree) {
  if (formats::Exists(folder + kManifest)) return OpenOcdbt(folder);
  if (formats::IsDirectory(folder + "/" + tree.leaves.front().key)) return OpenFolder(folder);
  return NotFound(
      folder + kManifest +
      ", the index of the arrays, is missing; the copy of the checkpoint is incomplete");
}

}  // namespace

std::string FindParams(const std::string& path) {
  if (!formats::IsDirectory(path)) return "";
  std::string root = path;
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  for (const char* below : {"", "/params", "/params/params"}) {
    const std::string folder = root + below;
    if (formats::IsFile(folder + kTree) || formats::IsFile(folder + kManifest)) return folder;
  }
  return "";
}

Result<std::unique_ptr<formats::TensorFile>> Checkpoint::Open(const std::string& path) {
  const std::string folder = FindParams(path);
  if (folder.empty()) {
    return NotFound(path + " is no Orbax checkpoint: neither it nor its params/ has a _METADATA");
  }
  MS_ASSIGN_OR_RETURN(const Tree tree, ReadTree(folder));
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint);
  checkpoint->shared_->path = folder;
  checkpoint->shared_->every_chunk = tree.every_chunk;
  MS_ASSIGN_OR_RETURN(checkpoint->shared_->store, OpenStore(folder, tree));
  for (const Leaf& leaf : tree.leaves) {
    MS_ASSIGN_OR_RETURN(auto array, Array::Open(checkpoint->shared_, leaf.key));
    checkpoint->tensors_.push_back({leaf.name, array->dtype(), array->shape()});
    checkpoint->arrays_.push_back(std::move(array));
  }
  return std::unique_ptr<formats::TensorFile>(std::move(checkpoint));
}

Result<Tensor> Checkpoint::ReadRows(size_t index, int64_t begin, int64_t count) const {
  MS_RETURN_IF_ERROR(formats::RowsShape(tensors_[index], begin, count).status());
  return arrays_[index]->ReadRows(begin, count);
}

}  // namespace midstream::orbax

#include "core/formats/model_source.h"

#include <string_view>

#include "core/formats/file.h"
#include "core/formats/package/model.h"
#include "core/formats/tensor_file.h"
#include "core/formats/tensorflow/checkpoint.h"
#include "core/formats/tensorflow/checkpoint_files.h"
#include "core/formats/tensorflow/checkpoint_state.h"
#include "core/formats/tensorflow/model.h"
#include "core/formats/tensorflow/saved_model.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kMeta = ".meta";

std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<std::unique_ptr<TensorFile>> ModelSource::Adapt(std::unique_ptr<TensorFile> file) const {
  return file;
}

Result<std::unique_ptr<ModelSource>> OpenModel(const std::string& path,
                                               const OpenOptions& options) {
  using tensorflow::TensorFlowModel;
  if (package::IsPackageName(path)) return package::PackageModel::Open(path, options);
  std::string checkpoint = path;
  if (IsDirectory(path)) {
    std::string directory = WithoutTrailingSlash(path);
    if (!tensorflow::SavedModelFile(directory).empty()) {
      return TensorFlowModel::OpenSavedModel(directory, options);
    }
    if (!Exists(directory + "/checkpoint")) {
      return NotFound(path +
                      " is a directory without a `checkpoint` file and without a saved_model.pb");
    }
    MS_ASSIGN_OR_RETURN(checkpoint, tensorflow::LatestCheckpoint(directory));
  } else if ((path.ends_with(kMeta) || path.ends_with(".pbtxt")) && Exists(path)) {
    return TensorFlowModel::Open(path, tensorflow::CheckpointPrefix(path), false, options);
  }
  std::string meta = tensorflow::CheckpointPrefix(checkpoint) + std::string(kMeta);
  if (Exists(meta)) return TensorFlowModel::Open(meta, checkpoint, true, options);
  if (tensorflow::Checkpoint::Open(checkpoint).ok()) {
    return NotFound(meta +
                    " is missing: the checkpoint has weights but no graph; open the .meta file of "
                    "another step and give this one as its weights");
  }
  return NotFound(
      path +
      " is no model: expected a checkpoint prefix (with .meta, and .index or a V1 "
      "checkpoint), a .meta file, a .mspkg package, or a directory with a `checkpoint` file or a "
      "saved_model.pb");
}

}  // namespace midstream::formats

#include "core/formats/model_source.h"

#include <string_view>

#include "core/formats/file.h"
#include "core/formats/tensorflow/checkpoint_state.h"
#include "core/formats/tensorflow/model.h"

namespace midstream::formats {
namespace {

constexpr std::string_view kMeta = ".meta";

std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<std::unique_ptr<ModelSource>> OpenModel(const std::string& path,
                                               const OpenOptions& options) {
  if (IsDirectory(path)) {
    std::string directory = WithoutTrailingSlash(path);
    if (!IsFile(directory + "/checkpoint")) {
      return NotFound(path + " is a directory without a `checkpoint` file");
    }
    MS_ASSIGN_OR_RETURN(std::string prefix, tensorflow::LatestCheckpoint(directory));
    return tensorflow::TensorFlowModel::Open(prefix + std::string(kMeta), prefix, true, options);
  }
  if (path.ends_with(kMeta) && IsFile(path)) {
    std::string prefix = path.substr(0, path.size() - kMeta.size());
    return tensorflow::TensorFlowModel::Open(path, prefix, false, options);
  }
  if (IsFile(path + std::string(kMeta))) {
    return tensorflow::TensorFlowModel::Open(path + std::string(kMeta), path, true, options);
  }
  if (IsFile(path + ".index")) {
    return NotFound(path + kMeta.data() +
                    " is missing: the checkpoint has weights but no graph; open the .meta file of "
                    "another step and give this one as its weights");
  }
  return NotFound(path +
                  " is no model: expected a checkpoint prefix (with .meta and .index files), a "
                  ".meta file, or a directory with a `checkpoint` file");
}

}  // namespace midstream::formats

#include "core/models/open_model.h"

#include <utility>

#include "core/formats/package/package.h"
#include "core/formats/tensor_file.h"
#include "core/models/openpi/model.h"

namespace midstream::models {

Result<std::unique_ptr<formats::ModelSource>> OpenModel(const std::string& path,
                                                        const formats::OpenOptions& options,
                                                        const openpi::SizeOptions& sizes) {
  // A package has weights too, and its own graph.
  if (package::IsPackageName(path)) return formats::OpenModel(path, options);
  const std::string checkpoint = openpi::CheckpointFile(path);
  if (checkpoint.empty()) return formats::OpenModel(path, options);
  MS_ASSIGN_OR_RETURN(auto file, formats::OpenTensorFile(checkpoint));
  MS_ASSIGN_OR_RETURN(auto model, openpi::OpenPiModel::Open(std::move(file), sizes));
  return std::unique_ptr<formats::ModelSource>(std::move(model));
}

}  // namespace midstream::models

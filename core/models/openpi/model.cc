#include "core/models/openpi/model.h"

#include <algorithm>
#include <utility>

#include "core/formats/file.h"
#include "core/formats/weight_file.h"
#include "core/graph/op_schema.h"
#include "core/models/openpi/cut.h"
#include "core/models/openpi/graph.h"
#include "core/models/openpi/names.h"

namespace midstream::openpi {
namespace {

constexpr const char* kTorchFile = "/model.safetensors";

std::string OperatorName(const Node& node) {
  return (node.domain.empty() ? "" : node.domain + ".") + node.op;
}

}  // namespace

std::string CheckpointFile(const std::string& path) {
  if (formats::Exists(path + kTorchFile)) return path + kTorchFile;
  if (formats::IsTensorFile(path)) return path;
  return "";
}

Result<std::unique_ptr<OpenPiModel>> OpenPiModel::Open(std::unique_ptr<formats::TensorFile> file,
                                                       const SizeOptions& options) {
  const std::string path = file->path();
  std::unique_ptr<OpenPiModel> model(new OpenPiModel());
  auto sizes = RecogniseSizes(file->tensors(), options);
  if (!sizes.ok()) return sizes.status().WithContext(path);
  model->sizes_ = *sizes;
  MS_ASSIGN_OR_RETURN(model->weights_file_, CanonicalFile::Open(std::move(file), *sizes));
  const std::vector<formats::TensorInfo>& tensors = model->weights_file_->tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    auto bytes = ByteSize(tensors[i].dtype, tensors[i].shape);
    if (!bytes.ok()) return bytes.status().WithContext(path);
    model->weights_.push_back({tensors[i].name, tensors[i].dtype, tensors[i].shape, *bytes,
                               model->weights_file_->StoredName(i), formats::WeightUse::kOutputs});
    model->indices_.emplace(tensors[i].name, i);
  }
  model->inputs_ = ModelInputs(*sizes);
  model->outputs_ = {{ModelOutput(*sizes), DType::kF32, Shape::UnknownRank()}};
  auto whole = BuildWholeGraph(*sizes, model->weights_);
  if (!whole.ok()) return whole.status().WithContext(path);
  model->whole_ = *std::move(whole);
  for (const Value& value : model->whole_.values()) {
    if (value.name == model->outputs_.front().name) model->outputs_.front().shape = value.shape;
  }
  return model;
}

Result<std::vector<formats::OpCount>> OpenPiModel::Operators(
    const std::vector<std::string>& outputs) const {
  formats::GraphRequest request;
  request.outputs = outputs;
  MS_ASSIGN_OR_RETURN(const formats::BuiltGraph built, BuildGraph(request));
  std::map<std::string, formats::OpCount> counts;
  for (const Node& node : built.graph.nodes()) {
    formats::OpCount& count = counts[OperatorName(node)];
    if (count.count++ > 0) continue;
    count.op = OperatorName(node);
    count.supported = FindSchema(node.domain, node.op) != nullptr;
    count.example = node.name;
  }
  std::vector<formats::OpCount> sorted;
  for (auto& [op, count] : counts) sorted.push_back(std::move(count));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  return sorted;
}

Result<formats::BuiltGraph> OpenPiModel::BuildGraph(const formats::GraphRequest& request) const {
  auto built = CutGraph(whole_, request);
  if (!built.ok()) return built.status().WithContext(path());
  return built;
}

Result<Tensor> OpenPiModel::ReadWeight(const std::string& name) const {
  const auto at = indices_.find(name);
  if (at == indices_.end()) return NotFound("the model has no weight " + formats::Quoted(name));
  return weights_file_->Read(at->second);
}

Result<std::unique_ptr<formats::WeightReader>> OpenPiModel::OpenWeights(
    const std::string& path) const {
  const std::string file_path = CheckpointFile(path);
  if (file_path.empty()) {
    return NotFound(path +
                    " is no checkpoint of the model: expected a folder with a model.safetensors or "
                    "an Orbax checkpoint, or a .safetensors or .npz file");
  }
  MS_ASSIGN_OR_RETURN(auto file, formats::OpenTensorFile(file_path));
  formats::MatchOptions match;
  match.convert_floats = true;
  return formats::OpenWeights(*this, std::move(file), match);
}

Result<std::unique_ptr<formats::TensorFile>> OpenPiModel::Adapt(
    std::unique_ptr<formats::TensorFile> file) const {
  const std::vector<formats::TensorInfo>& tensors = file->tensors();
  // A file with the model's own names has JAX's too, and some that are of one layer only.
  const bool own = std::any_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return tensor.name.starts_with("PaliGemma/llm/layers/0/");
  });
  const auto naming = RecogniseNaming(tensors);
  if (own || !naming.ok()) return file;
  Sizes sizes = sizes_;
  sizes.naming = *naming;
  MS_ASSIGN_OR_RETURN(auto canonical, CanonicalFile::Open(std::move(file), sizes));
  return std::unique_ptr<formats::TensorFile>(std::move(canonical));
}

}  // namespace midstream::openpi

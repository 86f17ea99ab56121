#include "core/formats/tensorflow/model.h"

#include <utility>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/build.h"
#include "core/formats/tensorflow/checkpoint_state.h"
#include "core/formats/tensorflow/inference_part.h"
#include "core/formats/tensorflow/text_proto.h"
#include "core/formats/tensorflow/weights.h"
#include "core/formats/tensorflow/wire_writer.h"

namespace midstream::tensorflow {
namespace {

constexpr uint64_t kLargestMeta = uint64_t{2} << 30;  // protobuf's own limit

std::vector<formats::TensorInfo> Placeholders(const TfGraph& graph) {
  std::vector<formats::TensorInfo> infos;
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    std::string_view op = graph.node(i).op;
    if (op != "Placeholder" && op != "PlaceholderV2" && op != "PlaceholderWithDefault") continue;
    formats::TensorInfo info = InfoOf(graph, {i, 0});
    if (DTypeSize(info.dtype) > 0) infos.push_back(std::move(info));  // no file names of Savers
  }
  return infos;
}

// Text holds a MetaGraphDef, or a GraphDef alone, of which MetaGraphDef knows no field.
Result<std::string> EncodeGraphText(std::string_view text) {
  MS_ASSIGN_OR_RETURN(std::string meta, EncodeText(text, TextMessage::kMetaGraphDef));
  if (!meta.empty()) return meta;
  MS_ASSIGN_OR_RETURN(std::string graph, EncodeText(text, TextMessage::kGraphDef));
  PutBytes(2, graph, &meta);
  return meta;
}

Result<TfGraph> ReadGraph(std::string_view bytes) {
  MS_ASSIGN_OR_RETURN(MetaGraph meta, DecodeMetaGraph(bytes));
  return TfGraph::Make(std::move(meta));
}

}  // namespace

Result<std::unique_ptr<TensorFlowModel>> TensorFlowModel::Make(
    const std::string& path, std::unique_ptr<const std::string> file, std::string_view meta,
    const formats::OpenOptions& options) {
  auto graph = ReadGraph(meta);
  if (!graph.ok()) return graph.status().WithContext(path);
  std::unique_ptr<TensorFlowModel> model(new TensorFlowModel(*std::move(graph)));
  model->path_ = path;
  model->options_ = options;
  model->bytes_ = std::move(file);
  auto signature = ChooseSignature(model->graph_, options.signature);
  if (!signature.ok()) return signature.status().WithContext(path);
  model->signature_ = *std::move(signature);
  std::vector<TensorRef> outputs;
  model->FindTensors(&outputs);
  auto variables = FindVariables(model->graph_, outputs);
  if (!variables.ok()) return variables.status().WithContext(path);
  model->variables_ = std::make_shared<const Variables>(*std::move(variables));
  return model;
}

// The model's inputs and outputs: those of the signature, or a guess.
void TensorFlowModel::FindTensors(std::vector<TensorRef>* outputs) {
  if (signature_) {
    for (const Signature::Tensor& tensor : signature_->inputs) inputs_.push_back(tensor.info);
    for (const Signature::Tensor& tensor : signature_->outputs) outputs_.push_back(tensor.info);
    *outputs = SignatureOutputs(graph_);
    return;
  }
  inputs_ = Placeholders(graph_);
  *outputs = FindInferenceOutputs(graph_);
  for (TensorRef ref : *outputs) outputs_.push_back(InfoOf(graph_, ref));
}

Status TensorFlowModel::OpenOwnWeights(const std::string& checkpoint, bool required) {
  auto weights = CheckpointWeights::Open(checkpoint, variables_, options_);
  if (weights.ok()) {
    NameKeys((*weights)->plan());
    own_weights_ = *std::move(weights);
  } else if (required) {
    return weights.status();
  } else {
    own_status_ = weights.status();
  }
  return OkStatus();
}

Result<std::unique_ptr<formats::ModelSource>> TensorFlowModel::Open(
    const std::string& meta_path, const std::string& prefix, bool weights_required,
    const formats::OpenOptions& options) {
  MS_ASSIGN_OR_RETURN(std::string content, ReadFile(meta_path, kLargestMeta));
  if (IsText(content)) {
    auto encoded = EncodeGraphText(content);
    if (!encoded.ok()) return encoded.status().WithContext(meta_path);
    content = *std::move(encoded);
  }
  auto file = std::make_unique<const std::string>(std::move(content));
  std::string_view meta = *file;
  MS_ASSIGN_OR_RETURN(auto model, Make(meta_path, std::move(file), meta, options));
  MS_RETURN_IF_ERROR(model->OpenOwnWeights(prefix, weights_required));
  return std::unique_ptr<formats::ModelSource>(std::move(model));
}

Result<std::unique_ptr<formats::ModelSource>> TensorFlowModel::OpenSavedModel(
    const std::string& directory, const formats::OpenOptions& options) {
  std::string path = SavedModelFile(directory);
  MS_ASSIGN_OR_RETURN(std::string content, ReadFile(path, kLargestMeta));
  if (path.ends_with(".pbtxt")) {
    auto encoded = EncodeText(content, TextMessage::kSavedModel);
    if (!encoded.ok()) return encoded.status().WithContext(path);
    content = *std::move(encoded);
  }
  auto file = std::make_unique<const std::string>(std::move(content));
  auto meta = ServingGraph(*file);
  if (!meta.ok()) return meta.status().WithContext(path);
  MS_ASSIGN_OR_RETURN(auto model, Make(path, std::move(file), *meta, options));
  // A model without variables has no checkpoint.
  bool has_weights = !model->variables_->infos.empty();
  MS_RETURN_IF_ERROR(model->OpenOwnWeights(SavedModelVariables(directory), has_weights));
  return std::unique_ptr<formats::ModelSource>(std::move(model));
}

// The keys of the model's own checkpoint, which another Saver than SaverDef's may have written.
void TensorFlowModel::NameKeys(const RestorePlan& plan) {
  auto variables = std::make_shared<Variables>(*variables_);
  for (size_t i = 0; i < variables->infos.size(); ++i) {
    variables->infos[i].checkpoint_key = plan.sources[i].key;
  }
  variables_ = std::move(variables);
}

Result<std::vector<formats::OpCount>> TensorFlowModel::Operators(
    const std::vector<std::string>& outputs) const {
  auto counts = CountOperators(graph_, signature(), outputs);
  if (!counts.ok()) return counts.status().WithContext(path_);
  return counts;
}

Result<formats::BuiltGraph> TensorFlowModel::BuildGraph(
    const formats::GraphRequest& request) const {
  auto built = tensorflow::BuildGraph(graph_, signature(), request);
  if (!built.ok()) return built.status().WithContext(path_);
  return built;
}

Result<Tensor> TensorFlowModel::ReadWeight(const std::string& name) const {
  if (own_weights_ == nullptr) return own_status_;
  return own_weights_->Read(name);
}

Result<std::unique_ptr<formats::WeightReader>> TensorFlowModel::OpenWeights(
    const std::string& path) const {
  std::string named = path;
  if (formats::IsDirectory(path) && !SavedModelFile(path).empty()) {
    named = SavedModelVariables(path);
  } else if (formats::IsDirectory(path)) {
    MS_ASSIGN_OR_RETURN(named, LatestCheckpoint(path));
  }
  MS_ASSIGN_OR_RETURN(auto weights, CheckpointWeights::Open(named, variables_, options_));
  return std::unique_ptr<formats::WeightReader>(std::move(weights));
}

}  // namespace midstream::tensorflow

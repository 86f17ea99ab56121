#include "core/formats/tensorflow/saved_model.h"

#include <algorithm>

#include "core/formats/file.h"
#include "core/formats/tensorflow/build.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr std::string_view kServe = "serve";
constexpr std::string_view kDefaultSignature = "serving_default";

// Signatures that TensorFlow 2 keeps for itself, as `__saved_model_init_op`.
bool IsInternal(std::string_view name) { return name.starts_with("__saved_model"); }

std::string ListedTags(const std::vector<TaggedGraph>& graphs) {
  std::string text;
  for (const TaggedGraph& graph : graphs) {
    std::string tags;
    for (std::string_view tag : graph.tags) tags += (tags.empty() ? "" : ", ") + Quoted(tag);
    text += (text.empty() ? "[" : ", [") + tags + "]";
  }
  return text.empty() ? "none" : text;
}

std::string ListedSignatures(const TfGraph& graph) {
  std::string text;
  for (const SignatureDef& signature : graph.signatures()) {
    if (!IsInternal(signature.name)) text += (text.empty() ? "" : ", ") + Quoted(signature.name);
  }
  return text.empty() ? "none" : text;
}

Result<std::vector<Signature::Tensor>> Resolve(const TfGraph& graph,
                                               const std::vector<SignatureDef::Tensor>& tensors) {
  std::vector<Signature::Tensor> resolved;
  for (const SignatureDef::Tensor& tensor : tensors) {
    auto ref = graph.ParseTensor(tensor.name);
    if (!ref.ok()) {
      return InvalidArgument(Quoted(tensor.key) + " is " + Quoted(tensor.name) + ", but " +
                             std::string(ref.status().message()));
    }
    formats::TensorInfo info = InfoOf(graph, *ref);
    info.name = std::string(tensor.key);
    if (tensor.type != 0) info.dtype = DTypeFromProto(tensor.type);
    auto shape = DecodeShape(tensor.shape);
    if (shape.ok() && shape->rank_known() && !tensor.shape.empty()) info.shape = *shape;
    resolved.push_back({info.name, *ref, info});
  }
  // Maps have no order in a file.
  std::sort(resolved.begin(), resolved.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return resolved;
}

const SignatureDef* FindSignature(const TfGraph& graph, std::string_view name) {
  std::vector<const SignatureDef*> usable;
  for (const SignatureDef& signature : graph.signatures()) {
    if (signature.name == (name.empty() ? kDefaultSignature : name)) return &signature;
    if (!IsInternal(signature.name)) usable.push_back(&signature);
  }
  return name.empty() && usable.size() == 1 ? usable[0] : nullptr;
}

}  // namespace

std::string SavedModelFile(const std::string& directory) {
  for (const char* name : {"/saved_model.pb", "/saved_model.pbtxt"}) {
    if (formats::IsFile(directory + name)) return directory + name;
  }
  return "";
}

std::string SavedModelVariables(const std::string& directory) {
  return directory + "/variables/variables";
}

Result<std::string_view> ServingGraph(std::string_view saved_model) {
  MS_ASSIGN_OR_RETURN(std::vector<TaggedGraph> graphs, DecodeSavedModel(saved_model));
  const TaggedGraph* found = nullptr;
  for (const TaggedGraph& graph : graphs) {
    if (std::find(graph.tags.begin(), graph.tags.end(), kServe) == graph.tags.end()) continue;
    // One for plain serving rather than one for other hardware too.
    if (found == nullptr || graph.tags.size() < found->tags.size()) found = &graph;
  }
  if (found == nullptr) {
    return NotFound("the SavedModel has no graph with the tag " + Quoted(kServe) +
                    "; its graphs have the tags: " + ListedTags(graphs));
  }
  return found->bytes;
}

const Signature::Tensor* Signature::Find(const std::vector<Tensor>& tensors,
                                         std::string_view name) {
  auto found = std::find_if(tensors.begin(), tensors.end(),
                            [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

const Signature::Tensor* Signature::Find(const std::vector<Tensor>& tensors, TensorRef ref) {
  auto found = std::find_if(tensors.begin(), tensors.end(),
                            [&](const Tensor& tensor) { return tensor.ref == ref; });
  return found == tensors.end() ? nullptr : &*found;
}

Result<std::optional<Signature>> ChooseSignature(const TfGraph& graph, std::string_view name) {
  std::optional<Signature> signature;
  const SignatureDef* found = FindSignature(graph, name);
  if (found == nullptr) {
    std::string listed = ListedSignatures(graph);
    if (name.empty() && listed == "none") return signature;
    return NotFound("the model has no signature " +
                    Quoted(name.empty() ? kDefaultSignature : name) + "; it has: " + listed);
  }
  signature.emplace();
  auto inputs = Resolve(graph, found->inputs);
  auto outputs = Resolve(graph, found->outputs);
  for (const auto* tensors : {&inputs, &outputs}) {
    if (!tensors->ok()) return tensors->status().WithContext("signature " + Quoted(found->name));
  }
  signature->inputs = *std::move(inputs);
  signature->outputs = *std::move(outputs);
  return signature;
}

std::vector<TensorRef> SignatureOutputs(const TfGraph& graph) {
  std::vector<TensorRef> refs;
  for (const SignatureDef& signature : graph.signatures()) {
    for (const SignatureDef::Tensor& tensor : signature.outputs) {
      auto ref = graph.ParseTensor(tensor.name);
      if (ref.ok() && !IsInternal(signature.name)) refs.push_back(*ref);
    }
  }
  return refs;
}

}  // namespace midstream::tensorflow

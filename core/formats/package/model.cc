#include "core/formats/package/model.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/file.h"
#include "core/graph/named_tensor.h"

namespace midstream::package {
namespace {

using formats::Quoted;
using formats::TensorInfo;
using Texts = std::vector<std::string>;

constexpr const char* kOperator = "PythonModel";

std::optional<size_t> Find(const std::vector<TensorInfo>& tensors, std::string_view name) {
  const auto at = std::find_if(tensors.begin(), tensors.end(), [&](const TensorInfo& tensor) {
    return tensor.name == WithoutPort(name);
  });
  if (at == tensors.end()) return std::nullopt;
  return static_cast<size_t>(at - tensors.begin());
}

std::string Listed(const std::vector<TensorInfo>& tensors) {
  std::string text;
  for (const TensorInfo& tensor : tensors) text += (text.empty() ? "" : ", ") + tensor.name;
  return text;
}

void AddDeclared(const std::string& kind, const std::vector<DeclaredTensor>& tensors,
                 Attributes* attrs) {
  Texts names, dtypes, shapes;
  for (const DeclaredTensor& tensor : tensors) {
    names.push_back(tensor.name);
    dtypes.emplace_back(DTypeName(tensor.dtype));
    shapes.push_back(ToString(tensor.shape));
  }
  (*attrs)[kind + "s"] = std::move(names);
  (*attrs)[kind + "_dtypes"] = std::move(dtypes);
  (*attrs)[kind + "_shapes"] = std::move(shapes);
}

Attributes AttributesOf(const Package& package, const std::string& path) {
  const Manifest& manifest = package.manifest();
  Attributes attrs = {{"package", path},
                      {"entry", manifest.entry},
                      {"extern", manifest.externs},
                      {"python", manifest.python},
                      {"batching", int64_t{manifest.batching}}};
  AddDeclared("input", manifest.inputs, &attrs);
  AddDeclared("output", manifest.outputs, &attrs);
  Texts weights, files, contents;
  std::vector<int64_t> offsets;
  for (size_t i = 0; i < manifest.tensors.size(); ++i) {
    weights.push_back(manifest.tensors[i].name);
    offsets.push_back(static_cast<int64_t>(package.tensor_offset(i)));
  }
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    files.push_back(manifest.files[i].file);
    contents.push_back(package.contents(i));
  }
  attrs["weights"] = std::move(weights);
  attrs["weight_offsets"] = std::move(offsets);
  attrs["files"] = std::move(files);
  attrs["contents"] = std::move(contents);
  return attrs;
}

// Which inputs are fed, in which order, and which are bound to a value.
struct Wiring {
  std::vector<size_t> fed;
  std::map<size_t, Tensor> bound;
};

Result<Wiring> WireInputs(const std::vector<TensorInfo>& inputs,
                          const formats::GraphRequest& request) {
  Wiring wiring;
  const auto find = [&](const std::string& name) -> Result<size_t> {
    if (const auto at = Find(inputs, name)) return *at;
    return NotFound("the model has no input " + Quoted(name) + "; it has " + Listed(inputs));
  };
  for (const auto& [name, value] : request.bound) {
    MS_ASSIGN_OR_RETURN(const size_t at, find(name));
    const TensorInfo& input = inputs[at];
    if (value.dtype() != input.dtype || !input.shape.Accepts(value.shape())) {
      return InvalidArgument("input " + Quoted(input.name) + " is " +
                             std::string(DTypeName(input.dtype)) + input.shape.ToString() +
                             " and cannot be bound to a value of " +
                             std::string(DTypeName(value.dtype())) + value.shape().ToString());
    }
    wiring.bound[at] = value;
  }
  for (const std::string& name : request.feeds) {
    MS_ASSIGN_OR_RETURN(const size_t at, find(name));
    if (wiring.bound.contains(at)) {
      return InvalidArgument("input " + Quoted(inputs[at].name) +
                             " is both fed and bound to a value");
    }
    if (std::find(wiring.fed.begin(), wiring.fed.end(), at) != wiring.fed.end()) {
      return InvalidArgument("input " + Quoted(inputs[at].name) + " is fed twice");
    }
    wiring.fed.push_back(at);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool fed = std::find(wiring.fed.begin(), wiring.fed.end(), i) != wiring.fed.end();
    if (fed || wiring.bound.contains(i)) continue;
    if (!request.feeds.empty()) {
      return InvalidArgument("the model needs input " + Quoted(inputs[i].name) +
                             ", which is not fed");
    }
    wiring.fed.push_back(i);
  }
  return wiring;
}

}  // namespace

Result<std::unique_ptr<formats::ModelSource>> PackageModel::Open(
    const std::string& path, const formats::OpenOptions& options) {
  if (!options.signature.empty()) {
    return InvalidArgument(path + " has no signatures: it was asked for " +
                           Quoted(options.signature));
  }
  std::unique_ptr<PackageModel> model(new PackageModel());
  MS_ASSIGN_OR_RETURN(model->absolute_path_, AbsolutePath(path));
  MS_ASSIGN_OR_RETURN(model->package_,
                      Package::Open(path, {options.verify_checksums, options.services}));
  const Manifest& manifest = model->package_->manifest();
  for (const DeclaredTensor& input : manifest.inputs) {
    model->inputs_.push_back({input.name, input.dtype, ToShape(input.shape)});
  }
  for (const DeclaredTensor& output : manifest.outputs) {
    model->outputs_.push_back({output.name, output.dtype, ToShape(output.shape)});
  }
  for (const StoredTensor& tensor : manifest.tensors) {
    MS_ASSIGN_OR_RETURN(const size_t bytes, ByteSize(tensor.dtype, tensor.shape));
    model->indices_.emplace(tensor.name, model->weights_.size());
    model->weights_.push_back({tensor.name, tensor.dtype, tensor.shape, bytes, tensor.name,
                               formats::WeightUse::kOutputs});
  }
  return std::unique_ptr<formats::ModelSource>(std::move(model));
}

Result<std::vector<formats::OpCount>> PackageModel::Operators(
    const std::vector<std::string>& outputs) const {
  formats::GraphRequest request;
  request.outputs = outputs;
  MS_ASSIGN_OR_RETURN(const formats::BuiltGraph built, BuildGraph(request));
  return std::vector<formats::OpCount>{
      {std::string(kMidstreamDomain) + "." + kOperator, 1, true, built.graph.node(0).name}};
}

Result<formats::BuiltGraph> PackageModel::BuildGraph(const formats::GraphRequest& request) const {
  auto wiring = WireInputs(inputs_, request);
  if (!wiring.ok()) return wiring.status().WithContext(path());
  formats::BuiltGraph built;
  Graph& graph = built.graph;
  std::vector<ValueId> operands(inputs_.size(), kNoValue);
  std::vector<ValueId> weights;
  // Inputs and weights first: their names are the model's, whatever the node is called.
  for (const formats::WeightInfo& weight : weights_) {
    weights.push_back(graph.AddWeight(weight.name, weight.dtype, weight.shape));
  }
  for (size_t i : wiring->fed) {
    operands[i] = graph.AddInput(inputs_[i].name, inputs_[i].dtype, inputs_[i].shape);
  }
  for (const auto& [i, value] : wiring->bound) {
    operands[i] = graph.AddConstant(inputs_[i].name, value);
  }
  operands.insert(operands.end(), weights.begin(), weights.end());
  const NodeId node = graph.AddNode(kOperator, package_->manifest().name, std::move(operands),
                                    AttributesOf(*package_, absolute_path_), outputs_.size(),
                                    std::string(kMidstreamDomain));
  if (request.outputs.empty()) return InvalidArgument(path() + ": no output was asked for");
  for (const std::string& name : request.outputs) {
    const auto at = Find(outputs_, name);
    if (!at) {
      return NotFound(path() + ": the model has no output " + Quoted(name) + "; it has " +
                      Listed(outputs_));
    }
    graph.AddOutput(graph.node(node).outputs[*at], name);
  }
  MS_RETURN_IF_ERROR(graph.Compact());
  return built;
}

Result<Tensor> PackageModel::ReadWeight(const std::string& name) const {
  const auto at = indices_.find(name);
  if (at == indices_.end()) return NotFound("the model has no weight " + Quoted(name));
  return package_->ReadTensor(at->second);
}

Result<std::unique_ptr<formats::WeightReader>> PackageModel::OpenWeights(
    const std::string& path) const {
  return NotFound(path + " holds no weights for " + this->path() +
                  ": expected a .mspkg, .safetensors or .npz file, or an Orbax checkpoint");
}

}  // namespace midstream::package

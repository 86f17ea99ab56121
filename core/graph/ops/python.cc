// A model that is Python code, as one node of domain "midstream". What it computes lies in its
// attributes: the core checks what they declare and lets a backend run it.
#include <map>
#include <set>

#include "core/graph/named_shape.h"
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

using Texts = std::vector<std::string>;

// Absent is empty; of another type is an error.
Result<Texts> TextsOf(const InferContext& context, std::string_view attr) {
  const auto it = context.node().attrs.find(attr);
  if (it == context.node().attrs.end()) return Texts();
  if (const auto* texts = std::get_if<Texts>(&it->second)) return *texts;
  return context.Error("expected '" + std::string(attr) + "' to be a list of strings");
}

Status CheckCount(const InferContext& context, std::string_view attr, size_t count,
                  std::string_view of, size_t expected) {
  if (count == expected) return OkStatus();
  return context.Error("expected one of '" + std::string(attr) + "' for each of '" +
                       std::string(of) + "', got " + std::to_string(count) + " and " +
                       std::to_string(expected));
}

Status CheckNames(const InferContext& context, std::string_view attr, const Texts& names) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty()) return context.Error("a name in '" + std::string(attr) + "' is empty");
    if (seen.insert(name).second) continue;
    return context.Error("'" + std::string(attr) + "' names '" + name + "' twice");
  }
  return OkStatus();
}

struct Declared {
  std::string name;
  DType dtype = DType::kInvalid;
  NamedShape shape;
};

// `kind`: "input" or "output".
Result<std::vector<Declared>> DeclaredTensors(const InferContext& context,
                                              const std::string& kind) {
  MS_ASSIGN_OR_RETURN(Texts names, TextsOf(context, kind + "s"));
  MS_ASSIGN_OR_RETURN(Texts dtypes, TextsOf(context, kind + "_dtypes"));
  MS_ASSIGN_OR_RETURN(Texts shapes, TextsOf(context, kind + "_shapes"));
  MS_RETURN_IF_ERROR(CheckNames(context, kind + "s", names));
  MS_RETURN_IF_ERROR(
      CheckCount(context, kind + "_dtypes", dtypes.size(), kind + "s", names.size()));
  MS_RETURN_IF_ERROR(
      CheckCount(context, kind + "_shapes", shapes.size(), kind + "s", names.size()));
  std::vector<Declared> tensors;
  for (size_t i = 0; i < names.size(); ++i) {
    const DType dtype = DTypeFromName(dtypes[i]);
    if (DTypeSize(dtype) == 0) {
      return context.Error("expected a dtype of fixed size for " + kind + " '" + names[i] +
                           "', got '" + dtypes[i] + "'");
    }
    Result<NamedShape> shape = ParseNamedShape(shapes[i]);
    if (!shape.ok()) {
      return context.Error(kind + " '" + names[i] + "': " + std::string(shape.status().message()));
    }
    tensors.push_back({names[i], dtype, *std::move(shape)});
  }
  return tensors;
}

Status CheckTexts(const InferContext& context) {
  for (const char* attr : {"package", "entry"}) {
    if (context.node().String(attr, "").empty()) {
      return context.Error("attribute '" + std::string(attr) + "' is missing");
    }
  }
  const std::string entry = context.node().String("entry", "");
  const size_t colon = entry.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == entry.size()) {
    return context.Error("expected an entry \"module:name\", got '" + entry + "'");
  }
  MS_ASSIGN_OR_RETURN(Texts files, TextsOf(context, "files"));
  MS_ASSIGN_OR_RETURN(Texts contents, TextsOf(context, "contents"));
  MS_RETURN_IF_ERROR(CheckNames(context, "files", files));
  MS_RETURN_IF_ERROR(CheckCount(context, "contents", contents.size(), "files", files.size()));
  return TextsOf(context, "extern").status();
}

// A named size, and the input that gave it.
struct Known {
  int64_t size = kUnknownDim;
  std::string input;
};
using Sizes = std::map<std::string, Known, std::less<>>;

Status BindInput(const InferContext& context, size_t i, const Declared& input, Sizes* sizes) {
  if (context.dtype(i) != input.dtype) {
    return context.Error("expected input '" + input.name + "' of " +
                         std::string(DTypeName(input.dtype)) + ", got " +
                         std::string(DTypeName(context.dtype(i))));
  }
  for (const NamedDim& dim : input.shape) {
    if (!dim.name.empty()) sizes->try_emplace(dim.name);
  }
  const Shape& shape = context.shape(i);
  if (!shape.rank_known()) return OkStatus();
  const Status differs = context.Error("expected input '" + input.name + "' of shape [" +
                                       ToString(input.shape) + "], got " + shape.ToString());
  if (shape.rank() != input.shape.size()) return differs;
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    const NamedDim& dim = input.shape[axis];
    if (shape[axis] < 0) continue;
    if (dim.name.empty()) {
      if (shape[axis] != dim.size) return differs;
      continue;
    }
    Known& known = (*sizes)[dim.name];
    if (known.size >= 0 && known.size != shape[axis]) {
      return context.Error("expected one size of dimension '" + dim.name + "', got " +
                           std::to_string(known.size) + " in input '" + known.input + "' and " +
                           std::to_string(shape[axis]) + " in input '" + input.name + "'");
    }
    known = {shape[axis], input.name};
  }
  return OkStatus();
}

Result<Shape> OutputShape(const InferContext& context, const Declared& output, const Sizes& sizes) {
  std::vector<int64_t> dims;
  for (const NamedDim& dim : output.shape) {
    if (dim.name.empty()) {
      dims.push_back(dim.size);
      continue;
    }
    const auto it = sizes.find(dim.name);
    if (it == sizes.end()) {
      return context.Error("dimension '" + dim.name + "' of output '" + output.name +
                           "' is in no input");
    }
    dims.push_back(it->second.size);
  }
  return Shape(std::move(dims));
}

Status CheckWeights(const InferContext& context, size_t n_inputs) {
  MS_ASSIGN_OR_RETURN(Texts weights, TextsOf(context, "weights"));
  MS_RETURN_IF_ERROR(CheckNames(context, "weights", weights));
  const std::vector<int64_t> offsets = context.node().Ints("weight_offsets");
  MS_RETURN_IF_ERROR(
      CheckCount(context, "weight_offsets", offsets.size(), "weights", weights.size()));
  if (context.input_count() == n_inputs + weights.size()) return OkStatus();
  return context.Error("expected " + std::to_string(n_inputs) + " inputs and " +
                       std::to_string(weights.size()) + " weights, got " +
                       std::to_string(context.input_count()) + " operands");
}

// batching = 1 says that requests may be joined along axis 0.
Status CheckBatching(const InferContext& context, const std::vector<Declared>& inputs,
                     const std::vector<Declared>& outputs) {
  if (context.node().Int("batching", 0) == 0) return OkStatus();
  for (const auto* tensors : {&inputs, &outputs}) {
    for (const Declared& tensor : *tensors) {
      const bool joins = !tensor.shape.empty() && !inputs[0].shape.empty() &&
                         !tensor.shape[0].name.empty() && tensor.shape[0] == inputs[0].shape[0];
      if (joins) continue;
      return context.Error(
          "batching = 1 needs one named dimension at the front of all inputs and "
          "outputs; '" +
          tensor.name + "' has [" + ToString(tensor.shape) + "]");
    }
  }
  return OkStatus();
}

Status PythonModel(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckTexts(context));
  MS_ASSIGN_OR_RETURN(std::vector<Declared> inputs, DeclaredTensors(context, "input"));
  MS_ASSIGN_OR_RETURN(std::vector<Declared> outputs, DeclaredTensors(context, "output"));
  MS_RETURN_IF_ERROR(CheckWeights(context, inputs.size()));
  MS_RETURN_IF_ERROR(CheckBatching(context, inputs, outputs));
  if (context.output_count() != outputs.size()) {
    return context.Error("expected " + std::to_string(outputs.size()) + " outputs, got " +
                         std::to_string(context.output_count()));
  }
  Sizes sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    MS_RETURN_IF_ERROR(BindInput(context, i, inputs[i], &sizes));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    context.output(i).dtype = outputs[i].dtype;
    MS_ASSIGN_OR_RETURN(context.output(i).shape, OutputShape(context, outputs[i], sizes));
  }
  return OkStatus();
}

}  // namespace

void AddPythonSchemas(std::vector<OpSchema>* table) {
  table->push_back({kMidstreamDomain, "PythonModel", 1, -1, 1, -1, PythonModel, true});
}

}  // namespace midstream::infer

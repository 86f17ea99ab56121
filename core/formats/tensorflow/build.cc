#include "core/formats/tensorflow/build.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/formats/file.h"
#include "core/formats/tensorflow/path.h"
#include "core/formats/tensorflow/saved_model.h"
#include "core/formats/tensorflow/scalar.h"
#include "core/formats/tensorflow/translate.h"
#include "core/formats/tensorflow/variables.h"
#include "core/graph/op_schema.h"

namespace midstream::tensorflow {
namespace {

using formats::BuiltGraph;
using formats::GraphRequest;
using formats::Quoted;

// A few bytes may say that a constant repeats one value millions of times.
constexpr size_t kMostRepeatedBytes = size_t{256} << 20;

bool IsPlaceholder(const NodeDef& node) {
  return node.op == "Placeholder" || node.op == "PlaceholderV2";
}

Result<TensorRef> ParseOutput(const TfGraph& source, const Signature* signature,
                              const std::string& name) {
  const auto* named = signature ? Signature::Find(signature->outputs, name) : nullptr;
  return named ? Result<TensorRef>(named->ref) : source.ParseTensor(name);
}

// Collects what cannot be translated, so that one error tells all of it.
class Problems {
 public:
  void Add(const NodeDef& node, std::string line) {
    if (total_ < kMostListed) text_ += "\n  " + std::move(line);
    ++counts_[std::string(node.op)];
    ++total_;
  }

  Status ToStatus() const {
    if (total_ == 0) return OkStatus();
    std::string by_op;
    for (const auto& [op, count] : counts_) {
      by_op += (by_op.empty() ? "" : ", ") + Quoted(op) + " " + std::to_string(count);
    }
    return Unimplemented(std::to_string(total_) + (total_ == 1 ? " node" : " nodes") +
                         " on the way to the outputs cannot be translated (" + by_op +
                         "):" + text_ + (total_ > kMostListed ? "\n  ..." : ""));
  }

 private:
  static constexpr int kMostListed = 200;  // one by one; all are counted

  std::string text_;
  std::map<std::string, int> counts_;
  int total_ = 0;
};

class Builder {
 public:
  Builder(const TfGraph& source, const Signature* signature, const GraphRequest& request)
      : source_(source), signature_(signature), request_(request), values_(source.nodes().size()) {}

  Result<BuiltGraph> Build() {
    MS_RETURN_IF_ERROR(ParseRequest());
    MS_ASSIGN_OR_RETURN(path_,
                        FindPath(source_, cut_, bound_scalars_, outputs_, request_.keep_dropout));
    MS_RETURN_IF_ERROR(ReportDropouts());
    // Weights come first: their names are the trainer's, whatever else the graph holds.
    MS_RETURN_IF_ERROR(AddVariables());
    MS_RETURN_IF_ERROR(AddInputs());
    for (const Path::Step& step : path_.steps) {
      MS_RETURN_IF_ERROR(Translate(step));
    }
    MS_RETURN_IF_ERROR(problems_.ToStatus());
    MS_RETURN_IF_ERROR(AddOutputs());
    if (random_key_ != kNoValue) built_.random_key = built_.graph.value(random_key_).name;
    MS_RETURN_IF_ERROR(built_.graph.Compact());
    return std::move(built_);
  }

 private:
  Status ParseRequest() {
    if (request_.outputs.empty()) return InvalidArgument("no output was asked for");
    for (const std::string& name : request_.outputs) {
      MS_ASSIGN_OR_RETURN(TensorRef ref, ParseOutput(source_, signature_, name));
      outputs_.push_back(ref);
    }
    for (const std::string& name : request_.feeds) {
      MS_ASSIGN_OR_RETURN(TensorRef ref, ParseInput(name));
      if (!cut_.insert(ref).second)
        return InvalidArgument("input " + Quoted(name) + " is fed twice");
      feeds_.push_back(ref);
    }
    for (const auto& [name, tensor] : request_.bound) {
      MS_ASSIGN_OR_RETURN(TensorRef ref, ParseInput(name));
      MS_RETURN_IF_ERROR(Bind(name, ref, tensor));
    }
    return OkStatus();
  }

  // Inputs are called as the caller calls them.
  Result<TensorRef> ParseInput(const std::string& name) {
    const auto* named = signature_ ? Signature::Find(signature_->inputs, name) : nullptr;
    if (named == nullptr) return source_.ParseTensor(name);
    called_.emplace(named->ref, name);
    return named->ref;
  }

  // What is known of a tensor that is fed.
  formats::TensorInfo InputInfo(TensorRef ref) const {
    formats::TensorInfo info = InfoOf(source_, ref);
    const auto* named = signature_ ? Signature::Find(signature_->inputs, ref) : nullptr;
    if (named == nullptr) return info;
    bool unknown = !info.shape.rank_known();
    if (unknown) info.shape = named->info.shape;
    if (feeds_.empty() || called_.count(ref) > 0) info.name = named->name;
    return info;
  }

  Status Bind(const std::string& name, TensorRef ref, const Tensor& tensor) {
    if (!cut_.insert(ref).second) {
      return InvalidArgument("tensor " + Quoted(name) + " is both fed and bound to a value");
    }
    formats::TensorInfo info = InputInfo(ref);
    if (info.dtype != tensor.dtype() || !info.shape.Accepts(tensor.shape())) {
      return InvalidArgument("tensor " + Quoted(name) + " is " +
                             std::string(DTypeName(info.dtype)) + info.shape.ToString() +
                             " and cannot be bound to a value of " +
                             std::string(DTypeName(tensor.dtype())) + tensor.shape().ToString());
    }
    bound_.emplace(ref, tensor);
    if (auto scalar = ScalarValue(tensor)) bound_scalars_.emplace(ref, *scalar);
    return OkStatus();
  }

  Status ReportDropouts() {
    std::map<TensorRef, double> required;
    for (const Path::Dropout& dropout : path_.dropouts) {
      formats::RemovedDropout removed;
      removed.node = std::string(source_.node(dropout.node).name);
      removed.required = dropout.match.required;
      if (dropout.match.control) {
        TensorRef control = *dropout.match.control;
        removed.control = InputInfo(control).name;
        required.emplace(control, removed.required);
        auto bound = bound_.find(control);
        if (bound != bound_.end() && ScalarValue(bound->second) != removed.required) {
          return InvalidArgument("dropout " + Quoted(removed.node) +
                                 " can only be left out of inference, and " +
                                 Quoted(removed.control) + " is bound to another value than " +
                                 std::to_string(static_cast<int>(removed.required)));
        }
      }
      built_.removed_dropout.push_back(std::move(removed));
    }
    for (TensorRef feed : feeds_) {
      if (path_.cuts.count(feed) > 0) continue;
      formats::IgnoredFeed ignored{InputInfo(feed), std::nullopt};
      if (auto it = required.find(feed); it != required.end()) ignored.required = it->second;
      built_.ignored_feeds.push_back(std::move(ignored));
    }
    return OkStatus();
  }

  Status AddVariables() {
    for (const Path::Step& step : path_.steps) {
      const NodeDef& node = source_.node(step.node);
      if (!IsVariable(node.op)) continue;
      DType dtype = DTypeFromProto(source_.Type(node, "dtype"));
      Shape shape = source_.ShapeOf(node, "shape");
      if (DTypeSize(dtype) == 0) {
        problems_.Add(
            node, Describe(node) + " has the type " + ProtoTypeName(source_.Type(node, "dtype")));
      } else if (auto bytes = ByteSize(dtype, shape); !bytes.ok()) {
        problems_.Add(node, Describe(node) + " has the shape " + shape.ToString());
      } else {
        values_[step.node] = {built_.graph.AddWeight(std::string(node.name), dtype, shape)};
        weight_names_.insert(node.name);
      }
    }
    return OkStatus();
  }

  Status AddInputs() {
    for (TensorRef feed : feeds_) {
      if (path_.cuts.count(feed) > 0) MS_RETURN_IF_ERROR(AddInput(feed));
    }
    for (const auto& [ref, tensor] : bound_) {
      cut_values_[ref] = built_.graph.AddConstant(source_.TensorName(ref), tensor);
    }
    for (const Path::Step& step : path_.steps) {
      const NodeDef& node = source_.node(step.node);
      if (!IsPlaceholder(node)) continue;
      if (!feeds_.empty()) {
        return InvalidArgument("the outputs need input " + Quoted(InputInfo({step.node, 0}).name) +
                               ", which is not fed");
      }
      MS_RETURN_IF_ERROR(AddInput({step.node, 0}));
      values_[step.node] = {cut_values_[{step.node, 0}]};
    }
    return OkStatus();
  }

  Status AddInput(TensorRef ref) {
    formats::TensorInfo info = InputInfo(ref);
    if (DTypeSize(info.dtype) == 0) {
      return Unimplemented("tensor " + Quoted(info.name) + " of type " +
                           ProtoTypeName(source_.OutputType(ref)) + " cannot be fed");
    }
    // A weight has the name already: the tensor's own is free.
    if (weight_names_.count(info.name) > 0) info.name = source_.TensorName(ref);
    cut_values_[ref] = built_.graph.AddInput(info.name, info.dtype, info.shape);
    return OkStatus();
  }

  // The value that stands for a tensor, or kNoValue: then its node is among the problems.
  Result<ValueId> ValueOf(TensorRef ref) {
    if (auto cut = cut_values_.find(ref); cut != cut_values_.end()) return cut->second;
    const std::vector<ValueId>& outputs = values_[ref.node];
    if (outputs.empty()) return kNoValue;
    if (ref.output >= outputs.size()) {
      return Unimplemented("output " + std::to_string(ref.output) + " of " +
                           Describe(source_.node(ref.node)) + " is not computed at inference");
    }
    return outputs[ref.output];
  }

  // The frame of the loop (Enter, Merge, Switch, Exit) that a node belongs to; empty for others.
  std::string_view LoopFrame(uint32_t idx) const {
    constexpr int kFromExitToEnter = 3;
    for (int i = 0; i <= kFromExitToEnter; ++i) {
      std::string_view op = source_.node(idx).op;
      if (op == "Enter" || op == "RefEnter") {
        return source_.String(source_.node(idx), "frame_name", "without a name");
      }
      if (i == 0 && op != "Exit" && op != "RefExit" && op != "Merge" && op != "RefMerge") break;
      auto input = source_.DataInput(idx, 0);
      if (!input.ok()) break;
      // A Merge that does not begin a loop ends a conditional.
      bool begins = source_.node(input->node).op.ends_with("Enter");
      if (op.ends_with("Merge") && !begins) break;
      idx = input->node;
    }
    return "";
  }

  Status Translate(const Path::Step& step) {
    const NodeDef& node = source_.node(step.node);
    if (IsVariable(node.op) || IsPlaceholder(node)) return OkStatus();
    if (std::string_view frame = LoopFrame(step.node); !frame.empty()) {
      problems_.Add(node, Describe(node) + " is part of the loop " + Quoted(frame));
      return OkStatus();
    }
    Translation translation = FindTranslation(node.op);
    if (translation == nullptr) {
      const std::string* call = source_.CallProblem(step.node);
      problems_.Add(node, Describe(node) + (call ? " " + *call : Hint(node)));
      return OkStatus();
    }
    std::vector<ValueId> inputs;
    std::vector<Shape> shapes;
    for (TensorRef ref : step.inputs) {
      auto value = ValueOf(ref);
      if (!value.ok()) return Report(node, value.status());
      if (*value == kNoValue) return OkStatus();
      inputs.push_back(*value);
      shapes.push_back(Refined(built_.graph.value(*value).shape, RecordedShape(ref)));
    }
    size_t first_new = built_.graph.nodes().size();
    OpContext context(source_, node, &built_.graph, std::move(inputs), std::move(shapes),
                      &random_key_);
    Status status = translation(context);
    if (!status.ok()) return Report(node, status);
    values_[step.node] = context.outputs();
    if (node.op == "Const") MS_RETURN_IF_ERROR(CountRepeated(node, values_[step.node][0]));
    return InferNodes(first_new);
  }

  Status CountRepeated(const NodeDef& node, ValueId constant) {
    size_t size = built_.graph.value(constant).constant.byte_size();
    const AttrValue* written = source_.Attr(node, "value", AttrKind::kTensor);
    if (size > written->bytes.size()) repeated_bytes_ += size;
    if (repeated_bytes_ <= kMostRepeatedBytes) return OkStatus();
    return ResourceExhausted(Describe(node) + " and the constants before it repeat single values " +
                             "to more than " + std::to_string(kMostRepeatedBytes) + " bytes");
  }

  // Dtypes and shapes of the nodes from `first` on, as later translations ask for them.
  Status InferNodes(size_t first) {
    for (auto id = static_cast<NodeId>(first); id < built_.graph.nodes().size(); ++id) {
      const Node& node = built_.graph.node(id);
      const OpSchema* schema = FindSchema(node.domain, node.op);
      if (schema == nullptr) continue;
      InferContext context(built_.graph, node);
      MS_RETURN_IF_ERROR(schema->infer(context));
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        Value& value = built_.graph.value(node.outputs[i]);
        value.dtype = context.output(i).dtype;
        value.shape = context.output(i).shape;
      }
    }
    return OkStatus();
  }

  const Shape& RecordedShape(TensorRef ref) {
    auto [it, fresh] = recorded_shapes_.try_emplace(ref);
    if (fresh) it->second = source_.OutputShape(ref);
    return it->second;
  }

  // `shape` with what the file records about it where inference does not know.
  static Shape Refined(Shape shape, const Shape& recorded) {
    if (!shape.rank_known()) return recorded;
    if (!recorded.rank_known() || recorded.rank() != shape.rank()) return shape;
    for (size_t i = 0; i < shape.rank(); ++i) {
      if (shape[i] == kUnknownDim) shape.mutable_dims()[i] = recorded[i];
    }
    return shape;
  }

  Status Report(const NodeDef& node, const Status& status) {
    if (status.code() != Code::kUnimplemented) return status;
    problems_.Add(node, std::string(status.message()));
    return OkStatus();
  }

  static std::string Hint(const NodeDef& node) {
    if (node.op == "While" || node.op == "StatelessWhile") return " is a loop";
    if (node.op == "Identity" || node.op == "RefIdentity" || node.op == "ReadVariableOp") {
      return " reads a variable after an operator has changed it, which inference does not";
    }
    if (WritesVariable(node.op)) return " changes a variable, which inference does not";
    if (node.op.starts_with("Iterator")) return " is an input pipeline: feed its outputs";
    return "";
  }

  Status AddOutputs() {
    for (size_t i = 0; i < path_.outputs.size(); ++i) {
      MS_ASSIGN_OR_RETURN(ValueId value, ValueOf(path_.outputs[i]));
      if (built_.graph.value(value).kind != ValueKind::kNode) {
        value = built_.graph.Add("Identity", source_.TensorName(outputs_[i]), {value});
      }
      built_.graph.AddOutput(value, request_.outputs[i]);
    }
    return OkStatus();
  }

  const TfGraph& source_;
  const Signature* signature_;
  const GraphRequest& request_;
  std::vector<TensorRef> outputs_;
  std::vector<TensorRef> feeds_;
  std::map<TensorRef, std::string> called_;  // fed and bound tensors that a signature names
  std::set<TensorRef> cut_;                  // feeds_ and bound_
  std::map<TensorRef, Tensor> bound_;
  std::map<TensorRef, double> bound_scalars_;
  Path path_;
  std::map<TensorRef, ValueId> cut_values_;
  std::set<std::string_view> weight_names_;
  std::vector<std::vector<ValueId>> values_;  // of each node's outputs
  std::map<TensorRef, Shape> recorded_shapes_;
  size_t repeated_bytes_ = 0;
  Problems problems_;
  ValueId random_key_ = kNoValue;
  BuiltGraph built_;
};

}  // namespace

Result<BuiltGraph> BuildGraph(const TfGraph& source, const Signature* signature,
                              const GraphRequest& request) {
  return Builder(source, signature, request).Build();
}

Result<std::vector<formats::OpCount>> CountOperators(const TfGraph& source,
                                                     const Signature* signature,
                                                     const std::vector<std::string>& outputs) {
  std::vector<TensorRef> refs;
  for (const std::string& name : outputs) {
    MS_ASSIGN_OR_RETURN(TensorRef ref, ParseOutput(source, signature, name));
    refs.push_back(ref);
  }
  std::set<TensorRef> cut;
  MS_ASSIGN_OR_RETURN(Path path, FindPath(source, cut, {}, refs));
  std::map<std::string_view, formats::OpCount> counts;
  for (const Path::Step& step : path.steps) {
    const NodeDef& node = source.node(step.node);
    formats::OpCount& count = counts[node.op];
    if (count.count++ > 0) continue;
    count.op = std::string(node.op);
    count.example = std::string(node.name);
    count.supported =
        IsVariable(node.op) || IsPlaceholder(node) || FindTranslation(node.op) != nullptr;
  }
  std::vector<formats::OpCount> sorted;
  for (auto& [op, count] : counts) sorted.push_back(std::move(count));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  return sorted;
}

formats::TensorInfo InfoOf(const TfGraph& source, TensorRef ref) {
  return {source.TensorName(ref), DTypeFromProto(source.OutputType(ref)), source.OutputShape(ref)};
}

}  // namespace midstream::tensorflow

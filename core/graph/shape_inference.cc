#include "core/graph/shape_inference.h"

#include <algorithm>

#include "core/graph/op_schema.h"
#include "core/graph/ops/infer.h"

namespace midstream {
namespace {

constexpr int64_t kMaxEvaluatedElements = 1024;

Status CheckArity(const InferContext& context, const OpSchema& schema) {
  auto outside = [](size_t n, int low, int high) {
    return n < static_cast<size_t>(low) || (high >= 0 && n > static_cast<size_t>(high));
  };
  if (outside(context.input_count(), schema.min_inputs, schema.max_inputs)) {
    return context.Error("has " + std::to_string(context.input_count()) + " inputs");
  }
  if (outside(context.output_count(), schema.min_outputs, schema.max_outputs)) {
    return context.Error("has " + std::to_string(context.output_count()) + " outputs");
  }
  size_t required =
      schema.max_inputs < 0 ? context.input_count() : static_cast<size_t>(schema.min_inputs);
  for (size_t i = 0; i < required; ++i) {
    if (!context.HasInput(i)) {
      return context.Error("input " + std::to_string(i) + " is missing");
    }
  }
  return OkStatus();
}

// A shape that the memory planner can trust: sizes neither negative nor too large.
Status CheckOutput(const InferContext& context, const InferContext::Output& output) {
  if (output.dtype == DType::kInvalid) return context.Error("its dtype is not known");
  if (!output.shape.rank_known()) return OkStatus();
  if (output.shape.rank() > infer::kMaxRank) {
    return context.Error("expected at most " + std::to_string(infer::kMaxRank) +
                         " dimensions, got " + std::to_string(output.shape.rank()));
  }
  if (!output.shape.IsFullyKnown()) return OkStatus();
  auto bytes = ByteSize(output.dtype, output.shape);
  return bytes.ok() ? OkStatus() : context.Error(bytes.status().message());
}

bool IsSmall(const Shape& shape) {
  auto count = ElementCount(shape);
  return count.ok() && *count <= kMaxEvaluatedElements;
}

// Every input is a known small value, and so will be every output.
bool IsEvaluable(const Graph& graph, const Node& node) {
  auto small_constant = [&](ValueId id) {
    return id == kNoValue ||
           (!graph.value(id).constant.empty() && IsSmall(graph.value(id).constant.shape()));
  };
  auto open = [&](ValueId id) { return graph.value(id).constant.empty(); };
  auto small = [&](ValueId id) { return IsSmall(graph.value(id).shape); };
  return std::all_of(node.inputs.begin(), node.inputs.end(), small_constant) &&
         std::any_of(node.outputs.begin(), node.outputs.end(), open) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), small);
}

Status EvaluateNode(Graph& graph, const InferContext& context, Evaluator& evaluator) {
  const Node& node = context.node();
  std::vector<Tensor> inputs;
  for (ValueId in : node.inputs) {
    inputs.push_back(in == kNoValue ? Tensor() : graph.value(in).constant);
  }
  auto results = evaluator.Evaluate(node, inputs);
  if (!results.ok()) {
    return context.Error("cannot be computed: " + std::string(results.status().message()));
  }
  if (results->size() != node.outputs.size()) {
    return Internal("evaluating '" + node.name + "' gave " + std::to_string(results->size()) +
                    " outputs");
  }
  for (size_t i = 0; i < results->size(); ++i) {
    Value& value = graph.value(node.outputs[i]);
    Tensor& result = (*results)[i];
    if (result.dtype() != value.dtype || result.shape() != value.shape) {
      return Internal("evaluating '" + node.name + "' gave " +
                      std::string(DTypeName(result.dtype())) + result.shape().ToString() +
                      " in place of " + std::string(DTypeName(value.dtype)) +
                      value.shape.ToString());
    }
    value.constant = std::move(result);
  }
  return OkStatus();
}

Status InferNode(Graph& graph, const Node& node, Evaluator* evaluator) {
  InferContext context(graph, node);
  const OpSchema* schema = FindSchema(node.domain, node.op);
  if (schema == nullptr) return context.Error("the operator is not known");
  MS_RETURN_IF_ERROR(CheckArity(context, *schema));
  MS_RETURN_IF_ERROR(schema->infer(context));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    MS_RETURN_IF_ERROR(CheckOutput(context, context.output(i)));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Value& value = graph.value(node.outputs[i]);
    value.dtype = context.output(i).dtype;
    value.shape = std::move(context.output(i).shape);
    value.constant = std::move(context.output(i).constant);
  }
  if (evaluator == nullptr || schema->opaque || !IsEvaluable(graph, node)) return OkStatus();
  return EvaluateNode(graph, context, *evaluator);
}

Status BindInput(Value& input, const std::map<ValueId, Shape>& shapes, ValueId id) {
  auto it = shapes.find(id);
  const Shape& actual = it == shapes.end() ? input.shape : it->second;
  if (!actual.IsFullyKnown()) {
    return InvalidArgument("input '" + input.name + "' " + input.shape.ToString() +
                           " needs a fully known shape, got " + actual.ToString());
  }
  if (!input.shape.Accepts(actual)) {
    return InvalidArgument("expected a shape " + input.shape.ToString() + " for input '" +
                           input.name + "', got " + actual.ToString());
  }
  auto bytes = ByteSize(input.dtype, actual);
  if (!bytes.ok()) return bytes.status().WithContext("input '" + input.name + "'");
  Shape bound = actual;
  input.shape = std::move(bound);
  return OkStatus();
}

}  // namespace

Status InferShapes(Graph& graph, Evaluator* evaluator) {
  for (const Node& node : graph.nodes()) {
    MS_RETURN_IF_ERROR(InferNode(graph, node, evaluator));
  }
  return OkStatus();
}

Result<Graph> BindShapes(const Graph& graph, const std::map<ValueId, Shape>& input_shapes,
                         Evaluator* evaluator) {
  Graph bound = graph;
  for (ValueId id : bound.inputs()) {
    MS_RETURN_IF_ERROR(BindInput(bound.value(id), input_shapes, id));
  }
  MS_RETURN_IF_ERROR(InferShapes(bound, evaluator));
  for (const Node& node : bound.nodes()) {
    for (ValueId out : node.outputs) {
      const Shape& shape = bound.value(out).shape;
      if (shape.IsFullyKnown()) continue;
      return InferContext(bound, node)
          .Error("its output shape " + shape.ToString() +
                 " depends on values that are known only when the model runs");
    }
  }
  return bound;
}

}  // namespace midstream

#include "core/plan/evaluator.h"

#include "core/backend/host.h"

namespace midstream::plan {
namespace {

// Inputs up to this size are constants of the graph, so that shape inference sees their values;
// larger ones are inputs.
constexpr int64_t kConstantElements = 1024;

struct OneNode {
  Graph graph;
  std::vector<Tensor> inputs;
};

Result<OneNode> BuildGraph(const Node& node, const std::vector<Tensor>& inputs) {
  OneNode one;
  std::vector<ValueId> ids;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& tensor = inputs[i];
    std::string name = "input" + std::to_string(i);
    if (tensor.empty()) {
      ids.push_back(kNoValue);
    } else if (tensor.count() <= kConstantElements) {
      ids.push_back(one.graph.AddConstant(name, tensor));
    } else {
      ids.push_back(one.graph.AddInput(name, tensor.dtype(), tensor.shape()));
      one.inputs.push_back(tensor);
    }
  }
  NodeId id =
      one.graph.AddNode(node.op, node.name, ids, node.attrs, node.outputs.size(), node.domain);
  for (ValueId out : one.graph.node(id).outputs)
    one.graph.AddOutput(out, one.graph.value(out).name);
  MS_RETURN_IF_ERROR(one.graph.Compact());
  MS_RETURN_IF_ERROR(InferShapes(one.graph, nullptr));
  return one;
}

}  // namespace

Result<std::vector<Tensor>> BackendEvaluator::Evaluate(const Node& node,
                                                       const std::vector<Tensor>& inputs) {
  MS_ASSIGN_OR_RETURN(OneNode one, BuildGraph(node, inputs));
  std::vector<Tensor> outputs;
  for (ValueId id : one.graph.outputs()) {
    const Value& value = one.graph.value(id);
    if (!value.shape.IsFullyKnown()) {
      return InvalidArgument(node.op + " '" + node.name +
                             "': the shape of its result depends on more than shapes");
    }
    MS_ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(value.dtype, value.shape));
    outputs.push_back(std::move(out));
  }
  MS_ASSIGN_OR_RETURN(auto module, backend::Module::Create(device_, one.graph, true));
  MS_ASSIGN_OR_RETURN(auto plan, backend::Plan::Create(module, one.graph));
  MS_ASSIGN_OR_RETURN(auto queue, backend::Queue::Open(device_, true));
  MS_ASSIGN_OR_RETURN(Tensor scratch,
                      Tensor::Allocate(DType::kU8, {static_cast<int64_t>(plan->scratch_bytes())}));

  std::vector<ms_tensor> in, out;
  for (const Tensor& tensor : one.inputs) in.push_back(backend::HostTensor(tensor));
  for (const Tensor& tensor : outputs) out.push_back(backend::HostTensor(tensor));
  ms_tensor scratch_tensor = backend::HostTensor(scratch);
  ms_exec exec{};
  exec.struct_size = sizeof exec;
  exec.inputs = in.data();
  exec.n_inputs = static_cast<uint32_t>(in.size());
  exec.outputs = out.data();
  exec.n_outputs = static_cast<uint32_t>(out.size());
  exec.scratch = &scratch_tensor;
  exec.signal = queue->NextSignal();
  ms_error error{};
  error.struct_size = sizeof error;
  ms_code code = device_->table().execute(plan->handle(), queue->handle(), &exec, &error);
  MS_RETURN_IF_ERROR(backend::FromAbi(code, error, device_->plugin_name(), "execute"));
  MS_RETURN_IF_ERROR(queue->Wait(uint64_t{60} * 1'000'000'000));
  return outputs;
}

Result<std::vector<Tensor>> EvaluateGraph(const Graph& graph, const std::vector<Tensor>& inputs,
                                          Evaluator& evaluator) {
  std::vector<Tensor> values(graph.values().size());
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = inputs[i];
  for (ValueId id = 0; id < values.size(); ++id) {
    if (graph.value(id).kind == ValueKind::kConstant) values[id] = graph.value(id).constant;
  }
  for (const Node& node : graph.nodes()) {
    std::vector<Tensor> arguments;
    for (ValueId in : node.inputs) arguments.push_back(in == kNoValue ? Tensor() : values[in]);
    MS_ASSIGN_OR_RETURN(std::vector<Tensor> results, evaluator.Evaluate(node, arguments));
    for (size_t i = 0; i < node.outputs.size(); ++i) values[node.outputs[i]] = results[i];
  }
  std::vector<Tensor> outputs;
  for (ValueId id : graph.outputs()) outputs.push_back(values[id]);
  return outputs;
}

}  // namespace midstream::plan

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

// The first device that claims the one node of `graph`.
Result<std::shared_ptr<backend::Device>> Choose(
    const std::vector<std::shared_ptr<backend::Device>>& devices, const Graph& graph) {
  for (const auto& device : devices) {
    MS_ASSIGN_OR_RETURN(auto claims, device->Claim(graph));
    if (claims[0].mine) return device;
  }
  const Node& node = graph.node(0);
  return Unimplemented(node.op + " '" + node.name + "': no backend computes it");
}

Status Execute(const backend::Device& device, const backend::Plan& plan, backend::Queue& queue,
               const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
  MS_ASSIGN_OR_RETURN(Tensor scratch,
                      Tensor::Allocate(DType::kU8, {static_cast<int64_t>(plan.scratch_bytes())}));
  std::vector<ms_tensor> in, out;
  for (const Tensor& tensor : inputs) in.push_back(backend::HostTensor(tensor));
  for (const Tensor& tensor : outputs) out.push_back(backend::HostTensor(tensor));
  ms_tensor scratch_tensor = backend::HostTensor(scratch);
  ms_exec exec{};
  exec.struct_size = sizeof exec;
  exec.inputs = in.data();
  exec.n_inputs = static_cast<uint32_t>(in.size());
  exec.outputs = out.data();
  exec.n_outputs = static_cast<uint32_t>(out.size());
  exec.scratch = &scratch_tensor;
  exec.signal = queue.NextSignal();
  ms_error error{};
  error.struct_size = sizeof error;
  ms_code code = device.table().execute(plan.handle(), queue.handle(), &exec, &error);
  MS_RETURN_IF_ERROR(backend::FromAbi(code, error, device.plugin_name(), "execute"));
  return queue.Wait(device.timeout_ns());
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
  MS_ASSIGN_OR_RETURN(auto device, Choose(devices_, one.graph));
  MS_ASSIGN_OR_RETURN(auto module, backend::Module::Create(device, one.graph, true));
  MS_ASSIGN_OR_RETURN(auto plan, backend::Plan::Create(module, one.graph));
  MS_ASSIGN_OR_RETURN(auto queue, backend::Queue::Open(device, true));
  MS_RETURN_IF_ERROR(Execute(*device, *plan, *queue, one.inputs, outputs));
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

// A whole graph on one device, for tests about fusing and about module options.
#ifndef MIDSTREAM_TESTS_PLUGINS_CPU_BLAS_SEGMENT_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_CPU_BLAS_SEGMENT_TESTING_H_

#include "tests/plugins/cpu_blas/cpu_blas_testing.h"

namespace midstream::plugin_testing {

// The graph's outputs for these inputs; a graph without weight slots.
inline Result<std::vector<Tensor>> RunSegment(const std::shared_ptr<backend::Device>& device,
                                              const Graph& graph, const std::vector<Tensor>& inputs,
                                              bool deterministic) {
  MS_ASSIGN_OR_RETURN(auto module, backend::Module::Create(device, graph, deterministic));
  MS_ASSIGN_OR_RETURN(auto plan, backend::Plan::Create(module, graph));
  MS_ASSIGN_OR_RETURN(auto queue, backend::Queue::Open(device, false));
  std::vector<Tensor> outputs;
  std::vector<ms_tensor> in, out;
  for (const Tensor& tensor : inputs) in.push_back(backend::HostTensor(tensor));
  for (ValueId id : graph.outputs()) {
    MS_ASSIGN_OR_RETURN(Tensor tensor,
                        Tensor::Allocate(graph.value(id).dtype, graph.value(id).shape));
    outputs.push_back(tensor);
  }
  for (const Tensor& tensor : outputs) out.push_back(backend::HostTensor(tensor));
  MS_ASSIGN_OR_RETURN(Tensor scratch,
                      Tensor::Allocate(DType::kU8, {static_cast<int64_t>(plan->scratch_bytes())}));
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
  ms_code code = device->table().execute(plan->handle(), queue->handle(), &exec, &error);
  MS_RETURN_IF_ERROR(backend::FromAbi(code, error, device->plugin_name(), "execute"));
  return outputs;
}

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_CPU_BLAS_SEGMENT_TESTING_H_

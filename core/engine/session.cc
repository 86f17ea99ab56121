// Session: the handle over core/session.

#include "core/engine/impl.h"

namespace midstream {

const std::vector<TensorSpec>& Session::inputs() const { return impl_->session->inputs(); }
const std::vector<TensorSpec>& Session::outputs() const { return impl_->session->outputs(); }
const std::vector<std::string>& Session::fallbacks() const { return impl_->session->fallbacks(); }
const PrecisionReport& Session::precision() const { return impl_->session->precision(); }
const PlacementReport& Session::placement() const { return impl_->session->placement(); }
Status Session::EnableProfile(bool on) { return impl_->session->EnableProfile(on); }
std::vector<NodeProfile> Session::profile() const { return impl_->session->profile(); }
std::string Session::DescribeGraph() const {
  const auto program = impl_->session->program();
  return program == nullptr ? "" : program->graph().ToString();
}

CompiledGraph Session::compiled_graph() const {
  CompiledGraph result;
  const auto program = impl_->session->program();
  if (program == nullptr) return result;
  const Graph& graph = program->graph();
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    const Node& node = graph.node(id);
    CompiledNode compiled;
    compiled.name = node.name;
    compiled.op = node.domain.empty() ? node.op : node.domain + "." + node.op;
    compiled.backend = program->devices()[program->placement().device_of[id]]->plugin_name();
    for (const ValueId in : node.inputs) {
      if (in != kNoValue) compiled.inputs.push_back(graph.value(in).name);
    }
    for (const ValueId out : node.outputs) {
      const Value& value = graph.value(out);
      compiled.outputs.push_back({value.name, value.dtype, value.shape});
    }
    result.nodes.push_back(std::move(compiled));
  }
  for (const ValueId id : graph.outputs()) result.outputs.push_back(graph.value(id).name);
  return result;
}

Result<RunResult> Session::Run(const std::vector<NamedTensor>& inputs,
                               const RequestOptions& options) {
  return impl_->session->Run(inputs, options);
}
Status Session::Run(const std::vector<Tensor>& inputs, std::vector<Tensor>* outputs,
                    uint64_t* version) {
  return impl_->session->Run(inputs, outputs, version);
}
Result<Response> Session::Submit(const std::vector<NamedTensor>& inputs,
                                 const RequestOptions& options) {
  return impl_->session->Submit(inputs, options);
}
Status Session::Drain(std::optional<std::chrono::nanoseconds> timeout) {
  return impl_->session->Drain(timeout);
}
Status Session::Close() { return impl_->session->Close(); }
SessionStats Session::stats() const { return impl_->session->stats(); }

}  // namespace midstream

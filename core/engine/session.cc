// Session: the handle over core/session.

#include "core/engine/impl.h"

namespace midstream {

const std::vector<TensorSpec>& Session::inputs() const { return impl_->session->inputs(); }
const std::vector<TensorSpec>& Session::outputs() const { return impl_->session->outputs(); }
const std::vector<std::string>& Session::fallbacks() const { return impl_->session->fallbacks(); }
const PrecisionReport& Session::precision() const { return impl_->session->precision(); }
std::string Session::DescribeGraph() const {
  const auto program = impl_->session->program();
  return program == nullptr ? "" : program->graph().ToString();
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

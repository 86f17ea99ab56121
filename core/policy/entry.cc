#include "core/policy/entry.h"

#include <algorithm>
#include <utility>

namespace midstream::policy {

Status Entry::Prepare(Model& model, const std::vector<std::string>& values) {
  bool complete = session_.has_value();
  for (const std::string& value : values) {
    if (std::find(outputs_.begin(), outputs_.end(), value) != outputs_.end()) continue;
    outputs_.push_back(value);
    complete = false;
  }
  if (complete) return OkStatus();
  if (session_) MS_RETURN_IF_ERROR(session_->Close());
  session_.reset();
  auto session = model.CreateSession({inputs_, outputs_, {}});
  if (!session.ok()) return session.status().WithContext("stage '" + name_ + "'");
  session_ = *std::move(session);
  return OkStatus();
}

Result<Tensors> Entry::Run(const std::vector<NamedTensor>& inputs, const VersionPin& version) {
  RequestOptions options;
  options.version = version;
  auto result = session_->Run(inputs, options);
  if (!result.ok()) return result.status().WithContext("stage '" + name_ + "'");
  Tensors tensors;
  for (NamedTensor& output : result->outputs) {
    tensors.emplace(std::move(output.name), std::move(output.value));
  }
  return tensors;
}

}  // namespace midstream::policy

#include "core/policy/entry.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace midstream::policy {

Status Entry::Prepare(Model& model, const std::vector<std::string>& values) {
  const std::set<std::string> taps(values.begin(), values.end());
  std::vector<std::string> outputs = results_;
  std::copy_if(taps.begin(), taps.end(), std::back_inserter(outputs), [&](const std::string& tap) {
    return std::find(results_.begin(), results_.end(), tap) == results_.end();
  });
  if (session_ && outputs == outputs_) return OkStatus();
  // The old session is closed first: of a large model, there is no room for the weights of both.
  if (session_) MS_RETURN_IF_ERROR(session_->Close());
  session_.reset();
  auto session = model.CreateSession({inputs_, outputs, {}});
  if (!session.ok()) return session.status().WithContext("stage '" + name_ + "'");
  session_ = *std::move(session);
  outputs_ = std::move(outputs);
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

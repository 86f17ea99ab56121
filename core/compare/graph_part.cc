#include "core/compare/graph_part.h"

#include <algorithm>
#include <utility>

namespace midstream::compare {

bool PartResult::diverges() const {
  return !failure.empty() || std::any_of(values.begin(), values.end(),
                                         [](const auto& entry) { return !entry.second.within(); });
}

Result<PartResult> RunPart(const Session& of, Model& arm, Model& baseline,
                           const std::vector<std::string>& values,
                           const std::vector<NamedTensor>& inputs) {
  PartResult part;
  MS_ASSIGN_OR_RETURN(Session expected_session, baseline.CreateProbe(of, values));
  MS_ASSIGN_OR_RETURN(const RunResult expected, expected_session.Run(inputs));
  Result<Session> session = arm.CreateProbe(of, values);
  if (!session.ok()) {
    part.failure = session.status().message();
    return part;
  }
  const Result<RunResult> result = session->Run(inputs);
  if (!result.ok()) {
    part.failure = result.status().message();
    return part;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    Result<Difference> difference =
        Compare(result->outputs[i].value, expected.outputs[i].value, Tolerance());
    if (!difference.ok()) return difference.status().WithContext(values[i]);
    part.values[values[i]] = *difference;
  }
  return part;
}

Cuts::Cuts(CompiledGraph graph) : graph_(std::move(graph)) {
  for (size_t i = 0; i < count(); ++i) {
    for (const std::string& in : node(i).inputs) {
      if (const auto it = uses_.find(in); it != uses_.end()) it->second.last_read_by = i;
    }
    for (const TensorSpec& out : node(i).outputs) uses_[out.name] = {i, i};
  }
  for (const std::string& output : graph_.outputs) {
    if (const auto it = uses_.find(output); it != uses_.end()) it->second.last_read_by = count();
  }
}

std::vector<std::string> Cuts::Alive(size_t k) const {
  std::vector<std::string> alive;
  for (const auto& [name, use] : uses_) {
    if (use.made_by < k && use.last_read_by >= k) alive.push_back(name);
  }
  return alive;
}

}  // namespace midstream::compare

// One update with every weight that a file or a checkpoint has for the model.
#include <chrono>

#include "core/engine/impl.h"

namespace midstream {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// One problem as it is, several as a list under the first one's code.
Status Joined(const std::vector<Status>& problems) {
  if (problems.size() == 1) return problems.front();
  std::string text =
      "the checkpoint cannot be taken, " + std::to_string(problems.size()) + " weights are bad:";
  for (const Status& problem : problems) text += "\n  " + std::string(problem.message());
  return {problems.front().code(), text};
}

}  // namespace

// Others may be missing from a checkpoint: a trainer need not save its step counter.
bool Model::Impl::IsNeeded(const formats::WeightInfo& weight) const {
  return weight.use == formats::WeightUse::kOutputs || store->IsUsed(weight.name);
}

Result<AppliedWeights> Model::Impl::ApplyWhole(Update update, const OpenReader& open) const {
  const auto begin = Clock::now();
  MS_ASSIGN_OR_RETURN(auto reader, open());
  AppliedWeights applied;
  std::vector<Status> problems;
  for (const formats::WeightInfo& weight : source->weights()) {
    if (weight.use == formats::WeightUse::kOptimizer) continue;
    auto value = reader->Read(weight.name);
    const bool needed = !weight.checkpoint_key.empty() && IsNeeded(weight);
    if (value.status().code() == Code::kNotFound && !needed) continue;
    if (value.ok()) {
      update.Assign(weight.name, *std::move(value));
      ++applied.tensors;
    } else {
      problems.push_back(value.status());
    }
  }
  if (!problems.empty()) return Joined(problems);
  const auto read = Clock::now();
  MS_ASSIGN_OR_RETURN(applied.version, update.Commit());
  applied.read_ms = Milliseconds(begin, read);
  applied.update_ms = Milliseconds(read, Clock::now());
  return applied;
}

}  // namespace midstream

// One update with every weight that a file or a checkpoint has for the model.
//
// Values are read as they are packed, one at a time, so the file is never in memory as a whole.
#include <chrono>

#include "core/engine/impl.h"

namespace midstream {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Result<AppliedWeights> Model::Impl::ApplyWhole(const UpdateOptions& options,
                                               const OpenReader& open) const {
  MS_RETURN_IF_ERROR(TakesWeights());
  const auto begin = Clock::now();
  UpdateOptions complete = Complete(options);
  formats::MatchOptions match;
  match.rename =
      std::exchange(complete.rename, {});  // of the file's names: readers give the model's
  match.allow_unknown = complete.check == CheckMode::kSuperset;
  match.need_all = complete.check != CheckMode::kSubset;
  match.convert_floats = true;
  match.accept_float64 = complete.accept_float64;
  MS_ASSIGN_OR_RETURN(std::shared_ptr<const formats::WeightReader> reader, open(match));

  if (reader->names().empty() && !match.need_all) {
    return InvalidArgument("it holds no weight of the model; nothing was changed");
  }
  Clock::duration reading = Clock::now() - begin;
  weights::Transaction transaction = store->Begin(complete);
  for (const std::string& name : reader->names()) {
    transaction.PutReader(name, [reader, name, &reading] {
      const auto start = Clock::now();
      auto value = reader->Read(name);
      reading += Clock::now() - start;
      return value;
    });
  }
  AppliedWeights applied;
  applied.tensors = reader->names().size();
  MS_ASSIGN_OR_RETURN(applied.version, transaction.Commit());
  applied.read_ms = Milliseconds(reading);
  applied.update_ms = Milliseconds(Clock::now() - begin - reading);
  return applied;
}

}  // namespace midstream

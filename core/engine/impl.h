// What stands behind the handles of engine.h. Each object keeps alive what it was made from: a
// session its model, a model its engine; inside the engine, members are destroyed in the reverse
// order of their use.
#ifndef MIDSTREAM_CORE_ENGINE_IMPL_H_
#define MIDSTREAM_CORE_ENGINE_IMPL_H_

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/backend/registry.h"
#include "core/engine/engine.h"
#include "core/engine/placement_rules.h"
#include "core/formats/model_source.h"
#include "core/formats/weight_file.h"
#include "core/plan/evaluator.h"
#include "core/session/session.h"
#include "core/weights/store.h"

namespace midstream {

// Errors: UNIMPLEMENTED for a mode that no backend has.
Result<passes::PrecisionPolicy> MakePrecisionPolicy(const Config& config);

struct Engine::Impl {
  Config config;
  backend::Registry registry;
  std::vector<std::shared_ptr<backend::Device>> placement;  // in the order in which they are asked
  std::vector<PlacementReport::Missing> missing;  // backends of the order that cannot be used here
  std::vector<plan::PlacementRule> rules;
  std::unique_ptr<plan::BackendEvaluator>
      folding;  // constants and shapes: the reference backend alone
  std::unique_ptr<plan::BackendEvaluator>
      recipes;  // derived weights: the placement, so that updates are fast
  weights::Reaper reaper;

  // passes and placement as the configuration asks for them.
  Result<plan::ProgramOptions> MakeProgramOptions() const;
  // Opens the devices of the placement order. Errors: those of the first that cannot be used, where
  // placement.fallback or the cause allows no other.
  Status OpenPlacement(const std::shared_ptr<backend::Device>& reference);
};

struct Model::Impl {
  std::shared_ptr<Engine::Impl> engine;
  std::unique_ptr<formats::ModelSource> source;
  std::unique_ptr<formats::WeightReader> initial;  // null: the source's own checkpoint
  std::shared_ptr<weights::Store> store;

  std::mutex sessions_mutex;
  std::vector<std::weak_ptr<session::Session>> sessions;  // some may be gone

  void Add(const std::shared_ptr<session::Session>& session);
  // Drains and closes every session that there is; one whose callback this runs in stays open.
  void CloseSessions();
  // Fills `store` from the source's weights.
  void MakeStore();
  // Makes one update of all that a file or a checkpoint has for the model. `open` gets what the file
  // may hold. Errors: those of opening and reading, each weight named; those of Update::Commit. In
  // every case nothing has changed.
  using OpenReader = std::function<Result<std::unique_ptr<formats::WeightReader>>(
      const formats::MatchOptions& match)>;
  Result<AppliedWeights> ApplyWhole(const UpdateOptions& options, const OpenReader& open) const;
  // With what the configuration asks of every update.
  UpdateOptions Complete(UpdateOptions options) const;
  // Errors: FAILED_PRECONDITION when the configuration or Unload forbids it.
  Status TakesWeights() const;
};

struct Session::Impl {
  std::shared_ptr<Model::Impl> model;
  std::shared_ptr<session::Session> session;
  session::Options options;  // that it was made with
};

struct Update::Impl {
  std::shared_ptr<Model::Impl> model;
  weights::Transaction transaction;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_IMPL_H_

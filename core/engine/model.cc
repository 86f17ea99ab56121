// Model and Update: the handles over formats and weights.

#include "core/engine/impl.h"
#include "core/engine/node_names.h"
#include "core/engine/shapes.h"
#include "core/formats/weight_file.h"

namespace midstream {
namespace {

session::Options MakeSessionOptions(const Config& config, const formats::BuiltGraph& built) {
  session::Options options;
  for (const formats::IgnoredFeed& feed : built.ignored_feeds) {
    options.unused.push_back(
        {{feed.tensor.name, feed.tensor.dtype, feed.tensor.shape}, feed.required});
  }
  options.random = {built.random_key, config.execution.seed};
  options.lanes = static_cast<size_t>(config.execution.instances * config.execution.streams);
  options.queue = {static_cast<size_t>(config.queue.max_requests),
                   static_cast<uint64_t>(config.queue.max_bytes)};
  options.batching = {config.batching.max_size,
                      static_cast<uint64_t>(config.batching.max_delay_us) * 1000};
  return options;
}

// The four weights of each batch normalisation whose inputs are weights themselves.
std::vector<weights::Normalisation> Normalisations(const Graph& graph) {
  std::vector<weights::Normalisation> found;
  for (const Node& node : graph.nodes()) {
    if (node.op != "BatchNormalization" || node.inputs.size() < 5) continue;
    const auto is_weight = [&](size_t i) {
      return graph.value(node.inputs[i]).kind == ValueKind::kWeight;
    };
    if (!is_weight(1) || !is_weight(2) || !is_weight(3) || !is_weight(4)) continue;
    const auto name = [&](size_t i) { return graph.value(node.inputs[i]).name; };
    found.push_back({name(1), name(2), name(3), name(4)});
  }
  return found;
}

// graph.dropout = "error"
Status RefuseDropout(const formats::BuiltGraph& built) {
  if (built.removed_dropout.empty()) return OkStatus();
  std::string text = "the graph has dropout and graph.dropout is \"error\":";
  for (const formats::RemovedDropout& dropout : built.removed_dropout)
    text += " '" + dropout.node + "'";
  return FailedPrecondition(text);
}

}  // namespace

void Model::Impl::MakeStore() {
  weights::Declared declared;
  for (const formats::WeightInfo& weight : source->weights()) {
    if (weight.use == formats::WeightUse::kOptimizer) continue;
    const bool stored = !weight.checkpoint_key.empty();
    const bool needed = weight.use == formats::WeightUse::kOutputs;
    declared[weight.name] = {weight.dtype, weight.shape, needed, stored};
  }
  auto read = [this](const std::string& name) {
    return initial != nullptr ? initial->Read(name) : source->ReadWeight(name);
  };
  const config::WeightsConfig& wanted = engine->config.weights;
  const weights::StoreOptions options{
      .keep_versions = static_cast<size_t>(wanted.keep_versions),
      .memory_limit = static_cast<double>(wanted.memory_limit_percent) / 100,
      .wait_ms = static_cast<uint64_t>(wanted.memory_wait_ms)};
  store = std::make_shared<weights::Store>(std::move(declared), read, *engine->recipes,
                                           engine->reaper, options);
}

UpdateOptions Model::Impl::Complete(UpdateOptions options) const {
  const config::WeightsConfig& wanted = engine->config.weights;
  options.finite = options.finite || wanted.require_finite;
  options.accept_float64 = options.accept_float64 || wanted.accept_float64;
  return options;
}

Status Model::Impl::TakesWeights() const {
  const Config& config = engine->config;
  if (config.weights.live_update) return OkStatus();
  return FailedPrecondition("the model takes no new weights: weights.live_update is false (" +
                            config.origin("weights.live_update").ToString() + ")");
}

void Model::Impl::Add(const std::shared_ptr<session::Session>& session) {
  std::lock_guard lock(sessions_mutex);
  std::erase_if(sessions, [](const auto& known) { return known.expired(); });
  sessions.push_back(session);
}

void Model::Impl::CloseSessions() {
  std::vector<std::weak_ptr<session::Session>> known;
  {
    std::lock_guard lock(sessions_mutex);
    known.swap(sessions);
  }
  for (const auto& weak : known) {
    if (auto session = weak.lock()) static_cast<void>(session->Close());
  }
}

const formats::ModelSource& Model::source() const { return *impl_->source; }

Result<Session> Model::CreateSession(const SessionOptions& options) {
  Engine::Impl& engine = *impl_->engine;
  formats::GraphRequest request{options.inputs, options.outputs, options.bound};
  request.keep_dropout = engine.config.graph.dropout == config::DropoutPolicy::kKeep;
  if (request.outputs.empty()) {
    for (const formats::TensorInfo& output : impl_->source->outputs())
      request.outputs.push_back(output.name);
  }
  MS_ASSIGN_OR_RETURN(formats::BuiltGraph built, impl_->source->BuildGraph(request));
  if (engine.config.graph.dropout == config::DropoutPolicy::kError) {
    MS_RETURN_IF_ERROR(RefuseDropout(built));
  }
  session::Options session_options = MakeSessionOptions(engine.config, built);
  MS_ASSIGN_OR_RETURN(plan::ProgramOptions program_options, engine.MakeProgramOptions());
  MS_RETURN_IF_ERROR(CheckNodeNames(engine.config, built.graph));
  MS_RETURN_IF_ERROR(CheckPlacementPatterns(engine.config, built.graph));
  MS_ASSIGN_OR_RETURN(program_options.shapes, ApplyShapes(engine.config, *impl_->source, built));
  std::vector<weights::Normalisation> normalisations = Normalisations(built.graph);
  const Config& config = engine.config;
  // A batch of every number of rows may come.
  if (config.batching.max_size > 1) {
    program_options.shapes.cached_plans += static_cast<size_t>(config.batching.max_size);
  }
  auto program = plan::Program::Compile(std::move(built.graph), program_options, engine.placement,
                                        *engine.folding);
  if (!program.ok()) return program.status().WithContext(impl_->source->path());
  WarnOfIdlePatterns(config, *(*program)->placement_report());
  Session session;
  session.impl_ = std::make_shared<Session::Impl>();
  session.impl_->model = impl_;
  session.impl_->options = session_options;
  MS_ASSIGN_OR_RETURN(
      session.impl_->session,
      session::Session::Create(*std::move(program), impl_->store, std::move(session_options)));
  impl_->Add(session.impl_->session);
  impl_->store->AddNormalisations(std::move(normalisations));
  return session;
}

Result<Session> Model::CreateProbe(const Session& of, const std::vector<std::string>& values) {
  Engine::Impl& engine = *impl_->engine;
  const auto compiled = of.impl_->session->program();
  if (compiled == nullptr) return FailedPrecondition("the session to probe is closed");
  MS_ASSIGN_OR_RETURN(const plan::ProgramOptions options, engine.MakeProgramOptions());
  auto program =
      plan::Program::CompileValues(*compiled, values, options, engine.placement, *engine.folding);
  if (!program.ok()) return program.status().WithContext(impl_->source->path());
  Session session;
  session.impl_ = std::make_shared<Session::Impl>();
  session.impl_->model = impl_;
  session.impl_->options = of.impl_->options;
  session.impl_->options.lanes = 1;
  session.impl_->options.batching = {};
  MS_ASSIGN_OR_RETURN(
      session.impl_->session,
      session::Session::Create(*std::move(program), impl_->store, session.impl_->options));
  impl_->Add(session.impl_->session);
  return session;
}

}  // namespace midstream

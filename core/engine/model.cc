// Model, Session and Update: the handles over formats, weights and sessions.

#include "core/engine/impl.h"
#include "core/engine/node_names.h"
#include "core/engine/shapes.h"
#include "core/formats/weight_file.h"

namespace midstream {
namespace {

std::vector<session::UnusedInput> UnusedInputs(const formats::BuiltGraph& built) {
  std::vector<session::UnusedInput> unused;
  for (const formats::IgnoredFeed& feed : built.ignored_feeds) {
    unused.push_back({{feed.tensor.name, feed.tensor.dtype, feed.tensor.shape}, feed.required});
  }
  return unused;
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
  std::map<std::string, weights::WeightDecl> declared;
  for (const formats::WeightInfo& weight : source->weights()) {
    if (weight.use == formats::WeightUse::kOptimizer) continue;
    declared[weight.name] = {weight.dtype, weight.shape};
  }
  auto read = [this](const std::string& name) {
    return initial != nullptr ? initial->Read(name) : source->ReadWeight(name);
  };
  store =
      std::make_shared<weights::Store>(std::move(declared), read, *engine->recipes, engine->reaper);
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
  auto unused = UnusedInputs(built);
  session::RandomSource random{built.random_key, engine.config.execution.seed};
  MS_ASSIGN_OR_RETURN(plan::ProgramOptions program_options, engine.MakeProgramOptions());
  MS_RETURN_IF_ERROR(CheckNodeNames(engine.config, built.graph));
  MS_ASSIGN_OR_RETURN(program_options.shapes, ApplyShapes(engine.config, *impl_->source, built));
  auto program = plan::Program::Compile(std::move(built.graph), program_options, engine.placement,
                                        *engine.folding);
  if (!program.ok()) return program.status().WithContext(impl_->source->path());
  Session session;
  session.impl_ = std::make_shared<Session::Impl>();
  session.impl_->model = impl_;
  MS_ASSIGN_OR_RETURN(
      session.impl_->session,
      session::Session::Create(*program, std::move(unused), impl_->store,
                               static_cast<size_t>(engine.config.execution.instances),
                               std::move(random)));
  return session;
}

Update Model::BeginUpdate() {
  Update update;
  update.impl_ = std::make_shared<Update::Impl>(Update::Impl{impl_, impl_->store->Begin()});
  return update;
}

Result<uint64_t> Model::UpdateFrom(const std::string& checkpoint) {
  MS_ASSIGN_OR_RETURN(const AppliedWeights applied, impl_->ApplyWhole(BeginUpdate(), [&] {
    return formats::OpenWeights(*impl_->source, checkpoint);
  }));
  return applied.version;
}

uint64_t Model::version() const { return impl_->store->Pin()->id; }
Result<Tensor> Model::ReadWeight(const std::string& name) { return impl_->store->Read(name); }

void Update::Assign(std::string_view name, Tensor value) {
  impl_->transaction.Put(name, std::move(value));
}
Result<uint64_t> Update::Commit() {
  const Config& config = impl_->model->engine->config;
  if (!config.weights.live_update) {
    return FailedPrecondition("the model takes no new weights: weights.live_update is false (" +
                              config.origin("weights.live_update").ToString() + ")");
  }
  return impl_->transaction.Commit();
}

const std::vector<TensorSpec>& Session::inputs() const { return impl_->session->inputs(); }
const std::vector<TensorSpec>& Session::outputs() const { return impl_->session->outputs(); }
const std::vector<std::string>& Session::fallbacks() const {
  return impl_->session->program().placement().fallbacks;
}
const PrecisionReport& Session::precision() const { return impl_->session->program().precision(); }
std::string Session::DescribeGraph() const { return impl_->session->program().graph().ToString(); }

Result<RunResult> Session::Run(const std::vector<NamedTensor>& inputs) {
  return impl_->session->Run(inputs);
}
Status Session::Run(const std::vector<Tensor>& inputs, std::vector<Tensor>* outputs,
                    uint64_t* version) {
  return impl_->session->Run(inputs, outputs, version);
}

}  // namespace midstream

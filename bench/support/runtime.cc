#include "bench/support/runtime.h"

#include <map>
#include <string>

#include "core/backend/host.h"
#include "midstream/cache.h"

namespace midstream::bench {

Result<std::unique_ptr<Runtime>> Runtime::Open(const RuntimeOptions& options) {
  std::vector<std::string> order = {options.backend};
  if (options.backend != "reference") order.emplace_back("reference");
  Config config = config::DefaultConfig();
  config.backend = options.backend;
  config.plugins.list = order;

  std::unique_ptr<Runtime> runtime(new Runtime);
  runtime->registry_ = backend::LoadPlugins(config, backend::ProcessHost());
  for (const std::string& name : order) {
    const backend::LoadedPlugin* plugin = runtime->registry_.Find(name);
    if (plugin == nullptr) return runtime->registry_.WhyMissing(name);
    backend::DeviceOptions device_options;
    if (!options.cache.empty() && plugin->plugin->get_extension(MS_EXT_CACHE) != nullptr) {
      device_options.values = {{MS_OPTION_CACHE_DIR, options.cache}};
    }
    MS_ASSIGN_OR_RETURN(auto device, backend::Device::Open(plugin->plugin, device_options));
    runtime->devices_.push_back(std::move(device));
  }
  runtime->evaluator_ =
      std::make_unique<plan::BackendEvaluator>(std::vector{runtime->devices_.back()});

  plan::ProgramOptions& program = runtime->program_options_;
  bool nhwc = runtime->devices_.front()->info().layout == MS_LAYOUT_NHWC;
  program.passes.layout = nhwc ? passes::Layout::kNhwc : passes::Layout::kNchw;
  MS_ASSIGN_OR_RETURN(program.passes.precision, passes::PolicyForMode(options.precision));
  program.placement.fallback = plan::Fallback::kError;
  program.threads = options.threads;
  program.deterministic = options.deterministic;
  runtime->instances_ = options.instances;
  return runtime;
}

Result<Net> Runtime::MakeNet(Graph graph, const std::vector<NamedTensor>& weights) {
  std::map<std::string, weights::WeightDecl> declared;
  std::map<std::string, Tensor> values;
  for (const NamedTensor& weight : weights) {
    declared[weight.name] = {weight.value.dtype(), weight.value.shape()};
    values[weight.name] = weight.value;
  }
  auto read = [values](const std::string& name) -> Result<Tensor> { return values.at(name); };
  Net net;
  net.store = std::make_shared<weights::Store>(std::move(declared), read, *evaluator_, reaper_);
  MS_ASSIGN_OR_RETURN(auto program, plan::Program::Compile(std::move(graph), program_options_,
                                                           devices_, *evaluator_));
  session::Options options;
  options.lanes = instances_;
  MS_ASSIGN_OR_RETURN(net.session, session::Session::Create(program, net.store, options));
  return net;
}

}  // namespace midstream::bench

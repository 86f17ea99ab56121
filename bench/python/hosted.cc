// A package, opened as a user's program does.
#include "bench/python/questions.h"
#include "core/formats/npy/npy.h"

namespace midstream::bench {

Result<Hosted> Hosted::Open(const Options& options, const std::string& model,
                            const std::string& isolation, int interpreters, int lanes,
                            int spin_us) {
  Config config = config::DefaultConfig();
  config.plugins.list = {"python", "reference"};
  config.backend = "python";
  config.execution.streams = lanes;
  config.backends["python"] = {{"isolation", isolation},
                               {"interpreters", std::to_string(interpreters)}};
  if (spin_us >= 0) config.backends["python"]["spin_us"] = std::to_string(spin_us);
  MS_ASSIGN_OR_RETURN(Engine engine, Engine::Open(config));
  const std::string stem = options.folder + "/" + model;
  MS_ASSIGN_OR_RETURN(Model loaded, engine.Load(stem + ".mspkg"));
  Hosted hosted;
  MS_ASSIGN_OR_RETURN(hosted.session, loaded.CreateSession({}));
  MS_ASSIGN_OR_RETURN(hosted.input, formats::ReadNpy(stem + ".npy"));
  return hosted;
}

Result<std::vector<Tensor>> Hosted::Ask() {
  std::vector<Tensor> outputs;
  MS_RETURN_IF_ERROR(session.Run({input}, &outputs, nullptr));
  return outputs;
}

}  // namespace midstream::bench

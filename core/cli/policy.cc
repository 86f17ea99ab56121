// midstream policy: one reply of a robot policy, from files.
#include "core/cli/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/cli/observe.h"
#include "core/cli/stopwatch.h"
#include "core/config/keys.h"
#include "core/formats/file.h"
#include "core/formats/npy/npy.h"
#include "core/formats/tensor_file.h"
#include "core/models/openpi/model.h"
#include "core/policy/model_level.h"
#include "core/policy/noise.h"
#include "core/policy/observation_file.h"
#include "core/policy/open_pipeline.h"

namespace midstream::cli {
namespace {

using policy::ModelInputs;
using policy::Observation;
using policy::Pipeline;
using policy::Settings;

// Options of the command that are keys of the configuration.
struct KeyOptions {
  std::string preset;
  std::string robot;
  std::string horizon;
  std::string steps;
  std::string tokenizer;
  std::string fast_tokenizer;
  std::string precision;

  // Behind the overrides of --set, so that the shorter way of saying it wins.
  void AddTo(ConfigArgs* config) const {
    for (const auto& [key, value] :
         {std::pair("policy.preset", &preset), std::pair("policy.robot", &robot),
          std::pair("policy.tokenizer", &tokenizer),
          std::pair("policy.fast_tokenizer", &fast_tokenizer)}) {
      if (!value->empty()) config->set.push_back(fmt::format("{}={}", key, config::Quoted(*value)));
    }
    if (!horizon.empty()) config->set.push_back("policy.horizon=" + horizon);
    if (!steps.empty()) config->set.push_back("policy.steps=" + steps);
    if (precision == "f32") config->set.push_back("precision.mode=origin");
    if (precision == "bf16") config->set.push_back("precision.mode=mixed_bfloat16");
  }
};

// What is needed besides the model, made before the model is loaded: that takes long.
struct Prepared {
  openpi::Sizes sizes;
  Settings settings;
  std::optional<Pipeline> pipeline;  // none: the observation was the model's own inputs
  ModelInputs inputs;
  Tensor noise;
};

Result<openpi::Sizes> ReadSizes(const std::string& checkpoint, const Config& config) {
  const std::string path = openpi::CheckpointFile(checkpoint);
  if (path.empty()) {
    return NotFound(checkpoint +
                    " is no checkpoint of OpenPI: expected a folder with params/ or a "
                    "model.safetensors");
  }
  MS_ASSIGN_OR_RETURN(const auto file, formats::OpenTensorFile(path));
  Result<openpi::Sizes> sizes =
      openpi::RecogniseSizes(file->tensors(), {.vision_heads = config.policy.vision_heads});
  return sizes.ok() ? sizes : sizes.status().WithContext(path);
}

Result<Tensor> ReadNoise(const std::string& path, int64_t horizon, int64_t action_dim) {
  MS_ASSIGN_OR_RETURN(Tensor noise, formats::ReadNpy(path));
  if (noise.shape().rank() == 3 && noise.shape()[0] == 1) {
    MS_ASSIGN_OR_RETURN(noise, noise.Reshaped({noise.shape()[1], noise.shape()[2]}));
  }
  if (noise.dtype() != DType::kF32 || noise.shape() != Shape({horizon, action_dim})) {
    return InvalidArgument(
        fmt::format("{}: {} {}, expected float32 [{},{}]: the horizon and the "
                    "size of the model's actions",
                    path, DTypeName(noise.dtype()), noise.shape().ToString(), horizon, action_dim));
  }
  return noise;
}

Outcome Prepare(const PolicyArgs& args, const Config& config, Prepared* prepared) {
  Result<openpi::Sizes> sizes = ReadSizes(args.checkpoint, config);
  if (!sizes.ok()) return DataFailure(sizes.status());
  prepared->sizes = *sizes;
  Result<Settings> settings = policy::ResolveSettings(config.policy, sizes->family);
  if (!settings.ok()) return {Exit::kConfig, settings.status()};
  prepared->settings = *settings;
  Result<Observation> observation = policy::ReadObservation(args.observation);
  if (!observation.ok()) return DataFailure(observation.status());
  if (!args.prompt.empty()) observation->prompt = args.prompt;

  const bool flow = sizes->family != openpi::Family::kPi0Fast;
  if (flow) {
    if (Status said = policy::NeedHorizon(*settings); !said.ok()) return {Exit::kConfig, said};
  }
  Result<ModelInputs> inputs = Internal("");
  if (policy::IsModelLevel(*observation)) {
    inputs = policy::ReadModelLevel(*observation, *sizes);
  } else {
    if (Status said = policy::NeedPipeline(*settings, config); !said.ok()) {
      return {Exit::kConfig, said};
    }
    Result<Pipeline> pipeline = policy::OpenPipeline(*settings, config, args.checkpoint, *sizes);
    if (!pipeline.ok()) return DataFailure(pipeline.status());
    inputs = pipeline->Prepare(*observation);
    prepared->pipeline = *std::move(pipeline);
  }
  if (!inputs.ok()) return DataFailure(inputs.status().WithContext(args.observation));
  prepared->inputs = *std::move(inputs);
  if (!flow) return {};
  Result<Tensor> noise = args.noise.empty()
                             ? policy::MakeNoise(settings->horizon, sizes->action_dim, args.seed)
                             : ReadNoise(args.noise, settings->horizon, sizes->action_dim);
  if (!noise.ok()) return DataFailure(noise.status());
  prepared->noise = *std::move(noise);
  return {};
}

// What the robot is sent; for the model's own inputs, the model's own actions.
Result<formats::NamedTensors> MakeReply(const Prepared& prepared,
                                        const policy::RunnerResult& result) {
  const bool fast = prepared.sizes.family == openpi::Family::kPi0Fast;
  if (fast && prepared.pipeline.has_value() && prepared.pipeline->reads_tokens()) {
    MS_ASSIGN_OR_RETURN(const Tensor actions, prepared.pipeline->Actions(result.tokens));
    return prepared.pipeline->Reply(actions, prepared.inputs.state);
  }
  if (fast) {
    MS_ASSIGN_OR_RETURN(Tensor tokens,
                        Tensor::Copy(DType::kI32, {static_cast<int64_t>(result.tokens.size())},
                                     std::as_bytes(std::span(result.tokens))));
    return formats::NamedTensors{{"tokens", std::move(tokens)}};
  }
  if (!prepared.pipeline.has_value()) return formats::NamedTensors{{"actions", result.actions}};
  return prepared.pipeline->Reply(result.actions, prepared.inputs.state);
}

Status Save(const std::string& path, const PolicyRun& run) {
  formats::NamedTensors arrays = run.reply;
  for (const auto& [name, tap] : run.result.taps) arrays.emplace_back(name, tap);
  return formats::WriteNpz(path, arrays);
}

std::string RobotName(const Config& config, const Settings& settings) {
  const config::KeyRow* row = config::FindKey("policy.robot");
  Config said = config;
  said.policy.robot = settings.robot.robot;
  return std::get<std::string>(row->get(said, {}));
}

Outcome RunPolicy(const PolicyArgs& args) {
  const Result<Config> config = args.config.Load();
  if (!config.ok()) return {Exit::kConfig, config.status()};
  PolicyRun run;
  Prepared prepared;
  const Stopwatch prepare;
  if (Outcome done = Prepare(args, *config, &prepared); !done.ok()) return done;
  run.prepare_ms = prepare.milliseconds();

  const Stopwatch load;
  Result<Engine> engine = Engine::Open(*config);
  if (!engine.ok()) return {Exit::kBackend, engine.status()};
  Result<Model> model = engine->Load(args.checkpoint);
  if (!model.ok()) return DataFailure(model.status());
  Result<policy::Runner> runner =
      policy::Runner::Open(*engine, *model, {.horizon = prepared.settings.horizon});
  if (!runner.ok()) return DataFailure(runner.status());
  run.load_ms = load.milliseconds();

  const policy::RunOptions options{.steps = config->policy.steps, .taps = args.taps};
  const Stopwatch stopwatch;
  Result<policy::RunnerResult> result = runner->Run(prepared.inputs, prepared.noise, options);
  if (!result.ok()) return DataFailure(result.status());
  run.run_ms = stopwatch.milliseconds();
  Result<formats::NamedTensors> reply = MakeReply(prepared, *result);
  if (!reply.ok()) return DataFailure(reply.status());

  const ModelInputs& inputs = prepared.inputs;
  run.sizes = prepared.sizes;
  if (prepared.pipeline.has_value()) run.robot = RobotName(*config, prepared.settings);
  if (run.sizes.family != openpi::Family::kPi0Fast) run.steps = options.steps;
  run.tokens = std::count(inputs.token_mask.begin(), inputs.token_mask.end(), true);
  run.images = std::count_if(inputs.images.begin(), inputs.images.end(),
                             [](const policy::CameraImage& image) { return image.valid; });
  run.reply = *std::move(reply);
  run.result = *std::move(result);
  if (!args.save.empty()) {
    const Status saved = Save(args.save, run);
    if (!saved.ok()) return {Exit::kFailed, saved};
  }
  ReportPolicy(run, args.json);
  return {};
}

void AddKeyOptions(CLI::App& command, KeyOptions* keys) {
  command
      .add_option(
          "--preset", keys->preset,
          "The configuration of OpenPI that it was trained with, as pi0_libero or pi05_droid")
      ->type_name("NAME")
      ->check(NotEmpty());
  command
      .add_option("--robot", keys->robot,
                  "What the observation holds and the reply is; without it, as the preset says")
      ->check(CLI::IsMember({"none", "libero", "aloha", "droid"}));
  command.add_option("--horizon", keys->horizon, "Actions in a reply")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}));
  command.add_option("--steps", keys->steps, "Steps from noise to actions (10)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1000}));
  command
      .add_option("--tokenizer", keys->tokenizer,
                  "PaliGemma's SentencePiece model, paligemma_tokenizer.model")
      ->type_name("FILE")
      ->check(NotEmpty());
  command
      .add_option("--fast-tokenizer", keys->fast_tokenizer,
                  "pi0_fast: the folder with tokenizer.json and processor_config.json of the FAST "
                  "action tokenizer; without it the reply is tokens")
      ->type_name("FOLDER")
      ->check(NotEmpty());
  command
      .add_option("--precision", keys->precision,
                  "f32: compute in float32; bf16: matrix operators in bfloat16, as JAX does")
      ->check(CLI::IsMember({"f32", "bf16"}));
}

}  // namespace

void AddPolicy(CLI::App& app, Action* action) {
  auto args = std::make_shared<PolicyArgs>();
  auto keys = std::make_shared<KeyOptions>();
  CLI::App* command = AddCommand(
      app, "policy", "Run a checkpoint of OpenPI on an observation",
      "  midstream policy checkpoints/pi0_libero --preset pi0_libero --observation obs.npz \\\n"
      "    --tokenizer paligemma_tokenizer.model --prompt \"pick up the bowl\" --save reply.npz\n"
      "  midstream policy checkpoints/mine/20000 --config configs/pi05_droid.toml \\\n"
      "    --observation obs.npz --noise noise.npy --steps 5\n"
      "  midstream policy pi0_tiny/torch_f32 --horizon 10 --observation inputs.npz --tap all \\\n"
      "    --save stages.npz\n",
      &args->json);
  command
      ->add_option("CHECKPOINT", args->checkpoint,
                   "Folder of a checkpoint: a step with params/, or one with model.safetensors")
      ->required();
  command
      ->add_option(
          "--observation", args->observation,
          "An .npz archive: what the robot sends, or the model's own inputs (image.CAMERA, "
          "image_mask.CAMERA, state, tokens, token_mask)")
      ->type_name("FILE")
      ->required()
      ->check(NotEmpty());
  command
      ->add_option("--prompt", args->prompt,
                   "The instruction; without it, the observation's \"prompt\"")
      ->type_name("TEXT")
      ->check(NotEmpty());
  CLI::Option* noise = command
                           ->add_option("--noise", args->noise,
                                        "An .npy array: what to start from, [horizon, action_dim]")
                           ->type_name("FILE")
                           ->check(NotEmpty());
  AddSeed(*command, &args->seed, "Seed of the noise, where no file gives it")->excludes(noise);
  AddKeyOptions(*command, keys.get());
  AddRepeated(
      *command, "--tap", &args->taps,
      "Also give this value within the model (siglip.base.encoded, prefix.k, suffix.t1.0.v_t "
      "...), or all of them (repeatable)")
      ->type_name("NAME");
  command->add_option("--save", args->save, "Write the reply and the taps to this .npz file")
      ->type_name("FILE")
      ->check(NotEmpty());
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  AddTrace(*command, &args->trace);
  command->callback([=] {
    *action = [=] {
      keys->AddTo(&args->config);
      return WithTrace(args->trace, [&] { return RunPolicy(*args); });
    };
  });
}

}  // namespace midstream::cli

// midstream weights export: the values that a model has after updates, written to a file.
#include <fmt/format.h>

#include <map>

#include "core/cli/table.h"
#include "core/cli/weight_set.h"
#include "core/cli/weights.h"
#include "core/formats/file.h"
#include "core/formats/npy/npz.h"
#include "core/formats/safetensors/writer.h"
#include "core/formats/tensorflow/bundle_writer.h"
#include "core/graph/tensor_digest.h"

namespace midstream::cli {
namespace {

constexpr std::string_view kSafetensors = "safetensors";
constexpr std::string_view kNpz = "npz";
constexpr std::string_view kTensorFlow = "tensorflow";

struct Args {
  std::string model;
  std::vector<std::string> weights;
  std::string output;
  std::string format;
  std::vector<std::string> only;
  bool latest = false;
  ConfigArgs config;
  bool json = false;
};

std::string_view FormatOf(const Args& args) {
  if (!args.format.empty()) return args.format;
  if (args.output.ends_with(".safetensors")) return kSafetensors;
  return args.output.ends_with(".npz") ? kNpz : kTensorFlow;
}

// numpy has no bfloat16, and a file of float32 would not fit the model again.
Status WriteArchive(const std::string& path, const WeightSet& set) {
  formats::NamedTensors arrays;
  for (size_t i = 0; i < set.tensors.size(); ++i) {
    if (set.tensors[i].dtype == DType::kBF16) {
      return InvalidArgument(fmt::format(
          "{}: weight {} is bfloat16, which numpy does not have; write a .safetensors file", path,
          formats::Quoted(set.tensors[i].name)));
    }
    MS_ASSIGN_OR_RETURN(Tensor value, set.read(i));
    arrays.emplace_back(set.tensors[i].name, std::move(value));
  }
  return formats::WriteNpz(path, arrays);
}

// Under the names that the model's own checkpoints use.
Status WriteCheckpoint(const std::string& prefix, const formats::ModelSource& model,
                       const WeightSet& set, bool latest) {
  std::map<std::string, std::string> keys;
  for (const formats::WeightInfo& info : model.weights()) keys[info.name] = info.checkpoint_key;
  std::map<std::string, int> uses;
  for (const auto& [name, key] : keys) ++uses[key];
  std::vector<formats::TensorInfo> tensors = set.tensors;
  for (formats::TensorInfo& info : tensors) {
    const std::string& key = keys[info.name];
    if (uses[key] > 1) {
      return Unimplemented(fmt::format(
          "{}: weight {} is a part of the partitioned variable {}, which is not written to "
          "checkpoints; write a .safetensors file",
          prefix, formats::Quoted(info.name), formats::Quoted(key)));
    }
    info.name = key;
  }
  MS_RETURN_IF_ERROR(tensorflow::WriteBundle(prefix, tensors, set.read));
  return latest ? tensorflow::UpdateCheckpointState(prefix) : OkStatus();
}

Result<Model> LoadModel(Engine& engine, const Args& args) {
  const std::string initial = args.weights.empty() ? "" : args.weights.front();
  MS_ASSIGN_OR_RETURN(Model model, engine.Load(args.model, initial));
  for (size_t i = 1; i < args.weights.size(); ++i) {
    const Result<uint64_t> version = model.UpdateFrom(args.weights[i]);
    if (!version.ok()) return version.status();
  }
  return model;
}

Outcome Report(const Args& args, const WeightSet& set, uint64_t bytes, const SetDigest& digests) {
  const Result<Sha256Digest> digest = digests.Finish();
  if (!digest.ok()) return DataFailure(digest.status());
  if (args.json) {
    PrintJson({{"output", args.output},
               {"format", FormatOf(args)},
               {"tensors", set.tensors.size()},
               {"bytes", bytes},
               {"sha256", Hex(*digest)}});
    return {};
  }
  PrintText(fmt::format("{}: {} tensors, {} bytes, as {}\nSHA-256 of the set: {}\n", args.output,
                        set.tensors.size(), Grouped(bytes), FormatOf(args), Hex(*digest)));
  return {};
}

Outcome Export(const Args& args) {
  if (args.latest && FormatOf(args) != kTensorFlow) {
    return {Exit::kUsage, "--latest is for TensorFlow checkpoints"};
  }
  Engine engine;
  if (Outcome opened = OpenEngine(args.config, &engine); !opened.ok()) return opened;
  const Result<Model> loaded = LoadModel(engine, args);
  if (!loaded.ok()) return DataFailure(loaded.status());
  auto model = std::make_shared<Model>(*loaded);
  Result<WeightSet> set = WeightSetOf(
      model->source(), [model](const std::string& name) { return model->ReadWeight(name); });
  if (!set.ok()) return DataFailure(set.status());
  if (Status chosen = KeepOnly(args.only, &*set); !chosen.ok()) return DataFailure(chosen);

  SetDigest digests;
  uint64_t bytes = 0;
  set->read = [&, read = set->read](size_t i) -> Result<Tensor> {
    MS_ASSIGN_OR_RETURN(Tensor value, read(i));
    MS_RETURN_IF_ERROR(digests.Add(set->tensors[i].name, value).status());
    bytes += value.byte_size();
    return value;
  };
  Status written;
  if (FormatOf(args) == kSafetensors) {
    written = safetensors::Write(args.output, set->tensors, set->read);
  } else if (FormatOf(args) == kNpz) {
    written = WriteArchive(args.output, *set);
  } else {
    written = WriteCheckpoint(args.output, model->source(), *set, args.latest);
  }
  if (written.code() == Code::kNotFound || written.code() == Code::kPermissionDenied) {
    return {Exit::kFailed, written};  // of the output's folder
  }
  if (!written.ok()) return DataFailure(written);
  return Report(args, *set, bytes, digests);
}

}  // namespace

void AddWeightsExport(CLI::App& weights, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      weights, "export", "Write the weights of a model to a file",
      "  midstream weights export model.ckpt-4000 --output policy.safetensors\n"
      "  midstream weights export model.ckpt-0 --weights model.ckpt-100 --output policy.npz\n"
      "  midstream weights export model.ckpt-0 --weights policy.safetensors --output "
      "out/new.ckpt\n",
      &args->json);
  AddModel(*command, &args->model, nullptr);
  command
      ->add_option(
          "--output", args->output,
          "File to write: .safetensors, .npz, or the prefix of a TensorFlow checkpoint. It "
          "is replaced when all is written")
      ->type_name("FILE")
      ->required()
      ->check(NotEmpty());
  command->add_option("--format", args->format, "Write this format, whatever the file is called")
      ->check(CLI::IsMember({kSafetensors, kNpz, kTensorFlow}));
  AddRepeated(
      *command, "--weights", &args->weights,
      "Take these weights first: a checkpoint, .safetensors, .npz or .mspkg; each further one is "
      "applied as a live update (repeatable)")
      ->type_name("FILE");
  AddOnly(*command, &args->only);
  command->add_flag("--latest", args->latest,
                    "Also make it the latest in the `checkpoint` file of its folder");
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  command->callback([=] { *action = [=] { return Export(*args); }; });
}

}  // namespace midstream::cli

// midstream package create: a package from a folder of sources and a file of weights, or from an
// archive of torch.package, whose code is not run either.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/base/file.h"
#include "core/cli/package.h"
#include "core/cli/package_folder.h"
#include "core/cli/table.h"
#include "core/cli/weight_set.h"
#include "core/formats/file.h"
#include "core/formats/package/package.h"
#include "core/formats/package/torch_package.h"
#include "core/formats/package/writer.h"

namespace midstream::cli {
namespace {

namespace fs = std::filesystem;

struct Args {
  std::string output;
  std::string code;
  std::string data;
  std::string tensors;
  std::string torch;
  std::string pickle;
  std::string entry;
  std::string name;
  std::string python;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::string> externs;
  bool no_batching = false;
  bool json = false;
};

Status Declare(const std::vector<std::string>& texts, std::vector<package::DeclaredTensor>* to) {
  for (const std::string& text : texts) {
    MS_ASSIGN_OR_RETURN(package::DeclaredTensor tensor, ParseDeclaration(text));
    to->push_back(std::move(tensor));
  }
  return OkStatus();
}

// Whether all inputs and outputs begin with one named dimension.
bool CanBatch(const package::Manifest& manifest) {
  const auto joins = [&](const package::DeclaredTensor& tensor) {
    return !tensor.shape.empty() && !tensor.shape[0].name.empty() &&
           tensor.shape[0] == manifest.inputs[0].shape[0];
  };
  return !manifest.inputs.empty() && !manifest.inputs[0].shape.empty() &&
         std::all_of(manifest.inputs.begin(), manifest.inputs.end(), joins) &&
         std::all_of(manifest.outputs.begin(), manifest.outputs.end(), joins);
}

// Names without the spaces around them.
std::vector<std::string> SplitAtCommas(const std::vector<std::string>& texts) {
  std::vector<std::string> parts;
  for (const std::string& text : texts) {
    for (size_t at = 0; at <= text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      std::string part = text.substr(at, comma - at);
      part.erase(0, part.find_first_not_of(' '));
      part.erase(part.find_last_not_of(' ') + 1);
      if (!part.empty()) parts.push_back(std::move(part));
      at = comma + 1;
    }
  }
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return parts;
}

// left_out: pickles of the archive, and files of the folder, of which nothing is taken.
Result<package::Contents> Gather(const Args& args, std::vector<std::string>* left_out) {
  package::Contents contents;
  std::vector<std::string> externs = args.externs;
  if (!args.torch.empty()) {
    MS_ASSIGN_OR_RETURN(package::TorchPackage torch,
                        package::ReadTorchPackage(args.torch, args.pickle));
    contents.files = std::move(torch.files);
    contents.tensors = std::move(torch.tensors);
    contents.read = std::move(torch.read);
    externs.insert(externs.end(), torch.externs.begin(), torch.externs.end());
    for (const std::string& pickle : torch.left_out) left_out->push_back(pickle);
  }
  if (!args.code.empty()) {
    MS_RETURN_IF_ERROR(AddFolder(args.code, package::kCodeFolder, &contents.files));
    *left_out = TakeOutCoreModules(args.entry, &contents.files);
  }
  if (!args.data.empty()) {
    MS_RETURN_IF_ERROR(AddFolder(args.data, package::kDataFolder, &contents.files));
  }
  if (!args.tensors.empty()) {
    MS_ASSIGN_OR_RETURN(WeightSet set, OpenWeightSet(args.tensors));
    contents.tensors = std::move(set.tensors);
    contents.read = std::move(set.read);
  }
  package::Manifest& manifest = contents.manifest;
  manifest.name = !args.name.empty() ? args.name : fs::path(args.output).stem().string();
  manifest.entry = args.entry;
  manifest.python = args.python;
  manifest.externs = SplitAtCommas(externs);
  MS_RETURN_IF_ERROR(Declare(args.inputs, &manifest.inputs));
  MS_RETURN_IF_ERROR(Declare(args.outputs, &manifest.outputs));
  manifest.batching = !args.no_batching && CanBatch(manifest);
  return contents;
}

Outcome Create(const Args& args) {
  if (args.code.empty() == args.torch.empty()) {
    return {Exit::kUsage, "expected --code DIR or --from-torch ARCHIVE, and not both"};
  }
  if (!args.torch.empty() && !args.tensors.empty()) {
    return {Exit::kUsage, "--from-torch brings the tensors of the archive: leave out --tensors"};
  }
  if (args.torch.empty() && !args.pickle.empty()) {
    return {Exit::kUsage, "--pickle belongs to --from-torch"};
  }
  if (!package::IsPackageName(args.output)) {
    return {Exit::kUsage, fmt::format("the name of a package ends in .mspkg, got {}", args.output)};
  }
  std::vector<std::string> left_out;
  const Result<package::Contents> contents = Gather(args, &left_out);
  if (!contents.ok()) return DataFailure(contents.status());
  const Status written = package::WritePackage(args.output, *contents);
  if (!written.ok()) return DataFailure(written);
  const Result<uint64_t> size = FileSize(args.output);
  if (!size.ok()) return DataFailure(size.status());
  if (args.json) {
    PrintJson({{"package", args.output},
               {"bytes", *size},
               {"files", contents->files.size()},
               {"tensors", contents->tensors.size()},
               {"batching", contents->manifest.batching},
               {"left_out", left_out}});
  } else {
    PrintText(fmt::format("{}: {} files, {} tensors, {} bytes{}\n", args.output,
                          contents->files.size(), contents->tensors.size(), Grouped(*size),
                          contents->manifest.batching ? ", requests may be joined" : ""));
    const char* why = args.torch.empty()
                          ? "the module of that name that every Python has built in goes first"
                          : "a pickle, of which nothing is converted";
    for (const std::string& name : left_out) {
      PrintText(fmt::format("left out: {} ({})\n", name, why));
    }
  }
  return {};
}

}  // namespace

void AddPackageCreate(CLI::App& package, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      package, "create", "Make a package from Python sources and weights",
      "  midstream package create policy.mspkg --code src --entry policy:Policy --extern numpy \\\n"
      "      --tensors policy.npz --input 'x:float32[batch,4]' --output 'y:float32[batch,2]'\n"
      "  midstream package create net.mspkg --from-torch net.pt --entry net:Net \\\n"
      "      --input 'x:float32[batch,3,32,32]' --output 'y:float32[batch,10]'\n",
      &args->json);
  command->add_option("OUT", args->output, "The file to write, .mspkg; an old one is replaced")
      ->required();
  command->add_option("--code", args->code, "Folder of the sources: DIR/policy.py is module policy")
      ->type_name("DIR")
      ->check(NotEmpty());
  command
      ->add_option("--from-torch", args->torch,
                   "Archive of torch.package to convert: its code, data, tensors and external "
                   "modules. Its pickles are read, not run")
      ->type_name("ARCHIVE")
      ->check(NotEmpty());
  command
      ->add_option("--pickle", args->pickle,
                   "With --from-torch: whose tensors to take, as model/model.pkl, where several "
                   "have any")
      ->type_name("NAME")
      ->check(NotEmpty());
  command
      ->add_option("--entry", args->entry,
                   "What is called: a function or a class of a module, or "
                   "something inside one, as policy:Policy.act")
      ->type_name("MODULE:NAME")
      ->required();
  AddRepeated(*command, "--input", &args->inputs,
              "An input, as 'x:float32[batch,4]'; a dimension is a size or a name (repeatable, in "
              "order)")
      ->type_name("NAME:DTYPE[DIMS]")
      ->required();
  AddRepeated(*command, "--output", &args->outputs, "An output; its names stand in an input")
      ->type_name("NAME:DTYPE[DIMS]")
      ->required();
  command
      ->add_option("--tensors", args->tensors,
                   "The weights: .safetensors, .npz, .mspkg, or a checkpoint")
      ->type_name("FILE")
      ->check(NotEmpty());
  command
      ->add_option("--data", args->data,
                   "Folder of other files, which the code reads by midstream_model.resource")
      ->type_name("DIR")
      ->check(NotEmpty());
  AddRepeated(*command, "--extern", &args->externs,
              "Top-level modules that the code may import from where it runs, beside the standard "
              "library: numpy,torch (repeatable)")
      ->type_name("NAMES");
  command->add_option("--python", args->python, "Least version of Python, as 3.10")
      ->type_name("3.N")
      ->check(NotEmpty());
  command->add_option("--name", args->name, "Name of the model; without it, that of the file")
      ->check(NotEmpty());
  command->add_flag("--no-batching", args->no_batching,
                    "Rows depend on each other: requests are never joined, even where all inputs "
                    "and outputs begin with one named dimension");
  command->callback([=] { *action = [=] { return Create(*args); }; });
}

}  // namespace midstream::cli

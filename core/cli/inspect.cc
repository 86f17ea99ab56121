// midstream inspect: what a model holds, without compiling it and without any backend; with
// --precision or --placement, how it is compiled (inspect_precision.cc, inspect_placement.cc).
#include <fmt/format.h>

#include "core/cli/command.h"
#include "core/cli/inspect.h"
#include "core/cli/table.h"
#include "core/cli/tensor_text.h"
#include "core/formats/model_source.h"
#include "core/models/open_model.h"

namespace midstream::cli {
namespace {

struct Args {
  std::string model;
  std::string signature;
  std::vector<std::string> outputs;
  bool json = false;
  bool precision = false;
  bool placement = false;
  ConfigArgs config;
};

// What is printed, gathered once for both forms.
struct Contents {
  std::string path;
  std::vector<formats::TensorInfo> inputs;
  std::vector<formats::TensorInfo> outputs;
  std::vector<formats::WeightInfo> weights;
  std::vector<formats::WeightInfo> others;
  uint64_t weight_bytes = 0;
  std::vector<formats::OpCount> operators;
};

Result<Contents> Gather(const Args& args) {
  MS_ASSIGN_OR_RETURN(const Config config, args.config.Load());
  formats::OpenOptions options;
  options.signature = args.signature;
  MS_ASSIGN_OR_RETURN(
      const auto source,
      models::OpenModel(args.model, options, {.vision_heads = config.policy.vision_heads}));
  Contents contents{.path = source->path(),
                    .inputs = source->inputs(),
                    .outputs = source->outputs(),
                    .weights = {},
                    .others = {},
                    .weight_bytes = 0,
                    .operators = {}};
  for (const formats::WeightInfo& weight : source->weights()) {
    const bool own = weight.use == formats::WeightUse::kOutputs;
    (own ? contents.weights : contents.others).push_back(weight);
    if (own) contents.weight_bytes += weight.bytes;
  }
  std::vector<std::string> wanted = args.outputs;
  if (wanted.empty()) {
    for (const formats::TensorInfo& output : contents.outputs) wanted.push_back(output.name);
  }
  MS_ASSIGN_OR_RETURN(contents.operators, source->Operators(wanted));
  return contents;
}

Json ToJson(const std::vector<formats::TensorInfo>& tensors) {
  Json json = Json::array();
  for (const formats::TensorInfo& tensor : tensors) {
    json.push_back({{"name", tensor.name},
                    {"dtype", DTypeName(tensor.dtype)},
                    {"shape", ShapeJson(tensor.shape)}});
  }
  return json;
}

std::string_view UseText(formats::WeightUse use) {
  switch (use) {
    case formats::WeightUse::kOutputs:
      return "model";
    case formats::WeightUse::kOther:
      return "not used by the model's outputs";
    case formats::WeightUse::kOptimizer:
      return "optimizer slot";
  }
  return "";
}

Json ToJson(const formats::WeightInfo& weight) {
  return {{"name", weight.name},
          {"dtype", DTypeName(weight.dtype)},
          {"shape", ShapeJson(weight.shape)},
          {"bytes", weight.bytes},
          {"checkpoint_key", weight.checkpoint_key},
          {"use", UseText(weight.use)}};
}

Json ToJson(const Contents& contents) {
  Json parameters = Json::array();
  for (const auto* weights : {&contents.weights, &contents.others}) {
    for (const formats::WeightInfo& weight : *weights) parameters.push_back(ToJson(weight));
  }
  Json operators = Json::array();
  for (const formats::OpCount& op : contents.operators) {
    operators.push_back(
        {{"op", op.op}, {"count", op.count}, {"supported", op.supported}, {"example", op.example}});
  }
  return {{"model", contents.path},
          {"inputs", ToJson(contents.inputs)},
          {"outputs", ToJson(contents.outputs)},
          {"parameters", parameters},
          {"parameter_bytes", contents.weight_bytes},
          {"operators", operators}};
}

std::string TensorsText(std::string_view title, const std::vector<formats::TensorInfo>& tensors) {
  Table table("lll");
  for (const formats::TensorInfo& tensor : tensors) {
    table.Add({tensor.name, std::string(DTypeName(tensor.dtype)), tensor.shape.ToString()});
  }
  return fmt::format("{}: {}\n{}", title, tensors.size(), table.ToString());
}

std::string WeightsText(const Contents& contents) {
  Table weights("lllr");
  for (const formats::WeightInfo& weight : contents.weights) {
    weights.Add({weight.name, std::string(DTypeName(weight.dtype)), weight.shape.ToString(),
                 Grouped(weight.bytes)});
  }
  std::string text = fmt::format("Parameters: {}, {} bytes\n{}", contents.weights.size(),
                                 Grouped(contents.weight_bytes), weights.ToString());
  if (contents.others.empty()) return text;
  Table others("llll");
  for (const formats::WeightInfo& weight : contents.others) {
    others.Add({weight.name, std::string(DTypeName(weight.dtype)), weight.shape.ToString(),
                std::string(UseText(weight.use))});
  }
  return text + fmt::format("Other variables: {}\n{}", contents.others.size(), others.ToString());
}

std::string OperatorsText(const Contents& contents) {
  Table operators("lrl");
  int64_t nodes = 0;
  int64_t unsupported = 0;
  for (const formats::OpCount& op : contents.operators) {
    nodes += op.count;
    if (!op.supported) unsupported += op.count;
    operators.Add({op.op, std::to_string(op.count),
                   op.supported ? "" : fmt::format("unsupported, as '{}'", op.example)});
  }
  return fmt::format("Operators on the way to the outputs: {} nodes, {} unsupported\n{}", nodes,
                     unsupported == 0 ? "none" : std::to_string(unsupported), operators.ToString());
}

Outcome InspectCompiled(const Args& args) {
  Engine engine;
  if (Outcome opened = OpenEngine(args.config, &engine); !opened.ok()) return opened;
  Result<Model> model = engine.Load(args.model, "", args.signature);
  if (!model.ok()) return DataFailure(model.status());
  SessionOptions options;
  options.outputs = args.outputs;
  const Result<Session> session = model->CreateSession(options);
  if (!session.ok()) return DataFailure(session.status());
  if (args.precision) {
    PrintPrecision(session->precision(), args.json);
  } else {
    PrintPlacement(session->placement(), args.json);
  }
  return {};
}

Outcome Inspect(const Args& args) {
  if (args.precision || args.placement) return InspectCompiled(args);
  const Result<Contents> contents = Gather(args);
  if (!contents.ok()) return DataFailure(contents.status());
  if (args.json) {
    PrintJson(ToJson(*contents));
    return {};
  }
  PrintText(fmt::format(
      "Model: {}\n{}{}{}{}", contents->path, TensorsText("Inputs", contents->inputs),
      TensorsText("Outputs", contents->outputs), WeightsText(*contents), OperatorsText(*contents)));
  return {};
}

}  // namespace

void AddInspect(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      app, "inspect", "Show the inputs, outputs, parameters and operators of a model",
      "  midstream inspect model.ckpt-4000\n"
      "  midstream inspect checkpoints/ --output fc2/add   operators that fc2/add needs\n"
      "  midstream inspect checkpoints/ --precision --set precision.mode=mixed_float16\n"
      "  midstream inspect checkpoints/ --placement --config configs/opencl.toml\n",
      &args->json);
  AddModel(*command, &args->model, &args->signature);
  AddRepeated(*command, "--output", &args->outputs,
              "Count the operators that this tensor needs, instead of those that the model's "
              "outputs need (repeatable)")
      ->type_name("NAME");
  command->add_flag("--precision", args->precision,
                    "Compile the model for the configuration and show in which dtype each node "
                    "computes, and why");
  command
      ->add_flag("--placement", args->placement,
                 "Compile the model for the configuration and show which backend runs each node, "
                 "why others refused it, and what crosses between memories")
      ->excludes("--precision");
  args->config.AddFile(*command);
  args->config.AddOverrides(*command);
  command->callback([=] { *action = [=] { return Inspect(*args); }; });
}

}  // namespace midstream::cli

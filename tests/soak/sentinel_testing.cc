#include <algorithm>
#include <iterator>

#include "core/backend/host.h"
#include "core/config/config.h"
#include "tests/soak/sentinel.h"

namespace midstream {
namespace {

constexpr int64_t kWidth = 64;

Tensor Filled(const Shape& shape, float value) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  std::ranges::fill(tensor.mutable_as<float>(), value);
  return tensor;
}

// Sums of 64 products of stamp and 1/64 are exact, whatever their order.
Graph MakeGraph() {
  Graph graph;
  const auto weight = [&](const std::string& name) {
    return graph.AddWeight(name, DType::kF32, Sentinel::Declarations().at(name).shape);
  };
  const auto constant = [&](const std::string& name, float value) {
    return graph.AddConstant(name, Filled({}, value));
  };
  const auto row = [&](const std::string& name, ValueId value) {  // as [1, n]
    ValueId shape = graph.AddConstant(name + "/shape", Tensor::FromInts({1, -1}));
    return graph.Add("Reshape", name, {value, shape});
  };
  ValueId x = graph.AddInput("x", DType::kF32, {1, kWidth});
  ValueId matrix = graph.Add("MatMul", "product", {x, weight("matrix")});
  ValueId image_shape = graph.AddConstant("image/shape", Tensor::FromInts({1, 4, 4, 4}));
  ValueId image = graph.Add("Reshape", "image", {x, image_shape});
  ValueId filter = graph.Add("Transpose", "filter/turned", {weight("filter")},
                             {{"perm", std::vector<int64_t>{3, 2, 0, 1}}});
  ValueId conv = row("conv/row", graph.Add("Conv", "conv", {image, filter}));
  ValueId sum = graph.Add("Add", "parts", {weight("left"), weight("right")});
  ValueId halves = graph.Add("Mul", "halves", {sum, constant("half", 0.5F)});
  // x and its multiples must depend on the input, or the whole would be a recipe.
  ValueId scaled = graph.Add("Mul", "scaled", {x, constant("width", kWidth)});  // ones
  ValueId derived = graph.Add("Mul", "derived", {scaled, halves});
  ValueId vector = graph.Add("Mul", "vector/read", {scaled, weight("vector")});
  ValueId ids = graph.AddConstant("ids", Tensor::FromInts({3, 0, 31}));
  ValueId one = graph.Add("ReduceMax", "one", {scaled});
  ValueId looked_up = graph.Add("Gather", "rows", {weight("table"), ids});
  ValueId rows = row("rows/row", graph.Add("Mul", "rows/read", {looked_up, one}));
  ValueId all =
      graph.Add("Concat", "all", {matrix, conv, derived, vector, rows}, {{"axis", int64_t{1}}});
  ValueId largest = graph.Add("ReduceMax", "largest", {all});
  ValueId smallest = graph.Add("ReduceMin", "smallest", {all});
  graph.AddOutput(largest, "stamp");
  graph.AddOutput(graph.Add("Sub", "spread", {largest, smallest}), "spread");
  return graph;
}

// The same answers from Python: what the code derives from the weights belongs to their version too.
constexpr const char* kPythonModel = R"(
import numpy

class Model:
    def __init__(self, weights):
        self.on_weights(weights)

    def on_weights(self, version):
        self.weights = dict(version)
        self.derived = version["matrix"].sum(axis=0) / len(version["matrix"])

    def __call__(self, x):
        parts = [value.ravel() for value in self.weights.values()]
        everything = numpy.concatenate([self.derived, *parts])
        return everything.max(), everything.max() - everything.min()
)";

std::string DimsText(const Shape& shape) {
  std::string text;
  for (int64_t dim : shape.dims()) text += (text.empty() ? "" : ",") + std::to_string(dim);
  return text;
}

Graph MakePythonGraph() {
  using Texts = std::vector<std::string>;
  Graph graph;
  const Shape input({1, kWidth});
  std::vector<ValueId> inputs = {graph.AddInput("x", DType::kF32, input)};
  for (const auto& [name, decl] : Sentinel::Declarations()) {
    inputs.push_back(graph.AddWeight(name, decl.dtype, decl.shape));
  }
  Attributes attrs = {
      {"package", "/nowhere/sentinel.mspkg"},
      {"entry", "sentinel:Model"},
      {"inputs", Texts{"x"}},
      {"input_dtypes", Texts{"float32"}},
      {"input_shapes", Texts{DimsText(input)}},
      {"outputs", Texts{"stamp", "spread"}},
      {"output_dtypes", Texts{"float32", "float32"}},
      {"output_shapes", Texts{"", ""}},
      {"weights", Sentinel::names()},
      {"weight_offsets", std::vector<int64_t>(Sentinel::names().size())},
      {"files", Texts{"code/sentinel.py"}},
      {"contents", Texts{kPythonModel}},
      {"extern", Texts{"numpy"}},
      {"python", ""},
  };
  const NodeId node =
      graph.AddNode("PythonModel", "sentinel", std::move(inputs), std::move(attrs), 2, "midstream");
  graph.AddOutput(graph.node(node).outputs[0], "stamp");
  graph.AddOutput(graph.node(node).outputs[1], "spread");
  return graph;
}

}  // namespace

weights::Declared Sentinel::Declarations() {
  const auto f32 = [](Shape shape) {
    return weights::WeightDecl{DType::kF32, std::move(shape), true, true};
  };
  return {{"matrix", f32({kWidth, kWidth})}, {"filter", f32({4, 4, 4, 8})},
          {"left", f32({kWidth})},           {"right", f32({kWidth})},
          {"vector", f32({kWidth})},         {"table", f32({32, 16})}};
}

const std::vector<std::string>& Sentinel::names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& [name, decl] : Declarations()) names.push_back(name);
    return names;
  }();
  return kNames;
}

std::vector<Tensor> Sentinel::Values(float stamp) {
  std::vector<Tensor> values;
  for (const auto& [name, decl] : Declarations()) values.push_back(Filled(decl.shape, stamp));
  return values;
}

Tensor Sentinel::Input() { return Filled({1, kWidth}, 1.0F / kWidth); }

Result<std::unique_ptr<Sentinel>> Sentinel::Make(const std::string& backend, size_t instances,
                                                 const backend::DeviceOptions& first_device) {
  std::unique_ptr<Sentinel> sentinel(new Sentinel);
  const size_t plus = backend.find('+');
  const bool split = plus != std::string::npos;
  Config config = config::DefaultConfig();
  config.plugins.dir = MS_PLUGIN_DIR;
  config.plugins.list = {backend.substr(0, plus)};
  if (split) config.plugins.list.push_back(backend.substr(plus + 1));
  if (backend != "reference") config.plugins.list.emplace_back("reference");
  config.backend = config.plugins.list[0];
  sentinel->registry_ = backend::LoadPlugins(config, backend::ProcessHost());
  const bool python = config.backend == "python";
  for (const backend::LoadedPlugin& plugin : sentinel->registry_.plugins()) {
    const bool first = &plugin == &sentinel->registry_.plugins()[0];
    MS_ASSIGN_OR_RETURN(
        auto device,
        backend::Device::Open(plugin.plugin, first ? first_device : backend::DeviceOptions()));
    sentinel->devices_.push_back(std::move(device));
  }
  std::vector<std::shared_ptr<backend::Device>> host;
  std::ranges::copy_if(sentinel->devices_, std::back_inserter(host),
                       [](const auto& device) { return device->has_host_memory(); });
  sentinel->evaluator_ = std::make_unique<plan::BackendEvaluator>(host);
  Graph graph = python ? MakePythonGraph() : MakeGraph();
  MS_RETURN_IF_ERROR(graph.Compact());
  plan::ProgramOptions program_options;
  const bool all_on_first = host.size() == sentinel->devices_.size();
  program_options.placement.fallback =
      all_on_first ? plan::Fallback::kError : plan::Fallback::kAllow;
  if (split) {
    for (const char* op : {"Conv", "Gather"}) {
      program_options.placement.rules.push_back({op, plan::PlacementRule::By::kOperator, op, 1});
    }
  }
  program_options.threads = 1;
  MS_ASSIGN_OR_RETURN(auto program,
                      plan::Program::Compile(std::move(graph), program_options, sentinel->devices_,
                                             *sentinel->evaluator_));
  const auto initial = [](const std::string& name) -> Result<Tensor> {
    return Filled(Declarations().at(name).shape, StampOf(1));
  };
  sentinel->store_ = std::make_shared<weights::Store>(Declarations(), initial,
                                                      *sentinel->evaluator_, sentinel->reaper_);
  session::Options session_options;
  session_options.lanes = instances;
  MS_ASSIGN_OR_RETURN(sentinel->session_,
                      session::Session::Create(program, sentinel->store_, session_options));
  return sentinel;
}

}  // namespace midstream

#include "core/plan/program.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/backend/host.h"
#include "core/plan/device_kernels.h"
#include "core/plan/value_graph.h"

namespace midstream::plan {
namespace {

std::atomic<uint64_t> compile_count{0};

// Every output becomes the result of a node, so that segments make all of them.
void GiveOutputsNodes(Graph* graph) {
  std::vector<ValueId> bare;
  for (ValueId id : graph->outputs()) {
    if (graph->value(id).kind != ValueKind::kNode) bare.push_back(id);
  }
  std::sort(bare.begin(), bare.end());
  bare.erase(std::unique(bare.begin(), bare.end()), bare.end());
  for (ValueId id : bare) {
    Value& source = graph->value(id);
    DType dtype = source.dtype;
    Shape shape = source.shape;
    ValueId copy = graph->Add("Identity", source.name + "/output", {id});
    graph->value(copy).dtype = dtype;
    graph->value(copy).shape = shape;
    graph->ReplaceOutputs(id, copy);
  }
}

std::vector<std::string> CollectWeightNames(const Graph& graph,
                                            const std::vector<passes::Recipe>& recipes) {
  std::set<std::string> names, derived;
  for (const passes::Recipe& recipe : recipes) {
    derived.insert(recipe.result);
    names.insert(recipe.sources.begin(), recipe.sources.end());
  }
  for (ValueId id : graph.weights()) {
    if (derived.count(graph.value(id).name) == 0) names.insert(graph.value(id).name);
  }
  for (const std::string& name : derived) names.erase(name);  // a recipe may read another's result
  return {names.begin(), names.end()};
}

// "segment 2 of 3 (Conv 'a' to Relu 'b')"
std::string TextOfSegment(const Graph& graph, const std::vector<NodeId>& nodes, size_t segment,
                          size_t count) {
  const auto describe = [&](NodeId id) {
    return graph.node(id).op + " '" + graph.node(id).name + "'";
  };
  std::string text = "segment " + std::to_string(segment + 1) + " of " + std::to_string(count) +
                     " (" + describe(nodes.front());
  if (nodes.size() > 1) text += " to " + describe(nodes.back());
  return text + ")";
}

// After which another backend may be tried.
bool IsRefusal(const Status& status) {
  return status.code() == Code::kUnimplemented || status.code() == Code::kResourceExhausted;
}

}  // namespace

uint64_t CompileCount() { return compile_count.load(std::memory_order_relaxed); }

Program::Program(const ProgramOptions& options,
                 std::vector<std::shared_ptr<backend::Device>> devices, Evaluator& evaluator)
    : options_(options),
      devices_(std::move(devices)),
      memory_(MemoryOf(devices_)),
      evaluator_(&evaluator) {}

Result<std::shared_ptr<const Program>> Program::Compile(
    Graph graph, const ProgramOptions& options,
    std::vector<std::shared_ptr<backend::Device>> devices, Evaluator& evaluator) {
  std::shared_ptr<Program> program(new Program(options, std::move(devices), evaluator));
  MS_RETURN_IF_ERROR(program->Build(std::move(graph), evaluator));
  return std::shared_ptr<const Program>(std::move(program));
}

Status Program::Build(Graph graph, Evaluator& evaluator) {
  graph_ = std::move(graph);
  const DeviceKernels kernels(devices_);
  passes::Options options = options_.passes;
  options.kernels = &kernels;
  passes::PrecisionPlan precision;
  MS_ASSIGN_OR_RETURN(recipes_, passes::Optimize(graph_, options, evaluator, &precision));
  GiveOutputsNodes(&graph_);
  MS_RETURN_IF_ERROR(graph_.Compact());
  MS_RETURN_IF_ERROR(PlaceAndCompile());
  precision_ = std::make_shared<const PrecisionReport>(
      MakePrecisionReport(graph_, options.precision, precision, placement_, recipes_, devices_));
  return OkStatus();
}

Result<std::shared_ptr<const Program>> Program::CompileValues(
    const Program& of, std::span<const std::string> values, const ProgramOptions& options,
    std::vector<std::shared_ptr<backend::Device>> devices, Evaluator& evaluator) {
  std::shared_ptr<Program> program(new Program(options, std::move(devices), evaluator));
  program->options_.shapes.profiles.clear();
  program->options_.placement = {Fallback::kAllow, {}, {}};
  MS_ASSIGN_OR_RETURN(program->graph_, GraphOfValues(of.graph_, values));
  std::set<std::string_view> read;
  for (ValueId id : program->graph_.weights()) read.insert(program->graph_.value(id).name);
  for (const passes::Recipe& recipe : of.recipes_) {
    if (read.contains(recipe.result)) program->recipes_.push_back(recipe);
  }
  GiveOutputsNodes(&program->graph_);
  MS_RETURN_IF_ERROR(program->graph_.Compact());
  program->precision_ = std::make_shared<const PrecisionReport>();
  MS_RETURN_IF_ERROR(program->PlaceAndCompile());
  return std::shared_ptr<const Program>(std::move(program));
}

Status Program::PlaceAndCompile() {
  weight_names_ = CollectWeightNames(graph_, recipes_);

  backend::ThreadLimit limit(options_.threads);
  CompileRefusals refused;  // grows with every round, and is bounded
  Modules made;
  while (true) {
    MS_ASSIGN_OR_RETURN(placement_, Place(graph_, devices_, options_.placement, refused));
    const std::vector<SegmentNodes> parts = Partition(graph_, placement_.device_of);
    std::optional<CannotCompile> cannot;
    MS_RETURN_IF_ERROR(CompileSegments(parts, &made, &cannot));
    if (cannot.has_value()) {
      const std::string place =
          TextOfSegment(graph_, parts[cannot->segment].nodes, cannot->segment, parts.size());
      if (options_.placement.fallback == Fallback::kError) {
        return cannot->status.WithContext(place + ", and placement.fallback is \"error\"");
      }
      const SegmentNodes& part = parts[cannot->segment];
      for (NodeId id : part.nodes) {
        refused[{id, part.device}] =
            "cannot compile " + place + ": " + std::string(cannot->status.message());
      }
      continue;
    }
    WarnOfFallbacks(placement_, options_.placement.fallback);
    Report(parts);
    return OkStatus();
  }
}

Status Program::CompileSegments(const std::vector<SegmentNodes>& parts, Modules* made,
                                std::optional<CannotCompile>* cannot) {
  segments_.clear();
  for (const SegmentNodes& part : parts) {
    const std::shared_ptr<backend::Device>& device = devices_[part.device];
    const plan::Segment cut = CutSegment(graph_, part.nodes);
    Segment segment{part.device, part.nodes, nullptr, {}, {}};
    std::shared_ptr<backend::Module>& module = (*made)[{part.device, part.nodes}];
    if (module == nullptr) {
      auto created = backend::Module::Create(device, cut.graph, options_.deterministic);
      if (!created.ok() && IsRefusal(created.status())) {
        *cannot = {segments_.size(), created.status()};
        return OkStatus();
      }
      MS_ASSIGN_OR_RETURN(module, std::move(created));
      ++compile_count;
    }
    segment.module = module;
    const bool readable = (device->info().capabilities & MS_CAP_WEIGHTS_GET) != 0;
    for (ValueId id : cut.graph.weights()) {
      segment.slots.push_back(cut.graph.value(id).name);
      segment.readable.push_back(readable);
    }
    segments_.push_back(std::move(segment));
  }
  return MakeFirstPlans(cannot);
}

// Those of the profiles; where there are none, that of the shapes of every request, or the least.
Status Program::MakeFirstPlans(std::optional<CannotCompile>* cannot) {
  profiles_.clear();
  for (const std::vector<Shape>& profile : options_.shapes.profiles) {
    auto plan = MakePlan(profile, cannot);
    if (cannot->has_value()) return OkStatus();
    if (!plan.ok()) {
      return Status(plan.status().code(),
                    "the profile " + DescribeShapes(graph_, profile) +
                        " does not fit: " + std::string(plan.status().message()));
    }
    profiles_.push_back(*std::move(plan));
  }
  const std::vector<Shape> least = LeastShapes(options_.shapes, graph_);
  if (!profiles_.empty() || !Admit(options_.shapes, graph_, least).ok()) return OkStatus();
  auto plan = MakePlan(least, cannot);
  // What else may be wrong is the answer of the request that has it.
  if (plan.ok()) plans_.push_front(*std::move(plan));
  return OkStatus();
}

void Program::Report(const std::vector<SegmentNodes>& parts) {
  PlacementReport report = MakePlacementReport(graph_, placement_, parts, devices_);
  report.missing = options_.placement.missing;
  const bool crosses = std::any_of(devices_.begin(), devices_.end(),
                                   [](const auto& device) { return !device->has_host_memory(); });
  if (crosses) {
    const std::vector<Shape> least = options_.shapes.profiles.empty()
                                         ? LeastShapes(options_.shapes, graph_)
                                         : options_.shapes.profiles.front();
    std::map<ValueId, Shape> shapes;
    for (size_t i = 0; i < least.size(); ++i) shapes[graph_.inputs()[i]] = least[i];
    auto shaped = BindShapes(graph_, shapes, evaluator_);
    if (shaped.ok()) AddTransfers(*shaped, parts, devices_, &report);
  }
  report_ = std::make_shared<const PlacementReport>(std::move(report));
}

std::string Program::DescribeSegment(size_t segment) const {
  return TextOfSegment(graph_, segments_[segment].nodes, segment, segments_.size());
}

const std::shared_ptr<backend::Device>& Program::DeviceOfSpace(uint32_t space) const {
  const auto it = std::find_if(memory_.begin(), memory_.end(),
                               [&](const DeviceMemory& memory) { return memory.space == space; });
  return devices_[static_cast<size_t>(it - memory_.begin())];
}

std::shared_ptr<const ShapedPlan> Program::FindPlan(std::span<const Tensor> inputs) const {
  auto fits = [&](const std::shared_ptr<const ShapedPlan>& plan) {
    return std::equal(
        plan->input_shapes.begin(), plan->input_shapes.end(), inputs.begin(), inputs.end(),
        [](const Shape& shape, const Tensor& input) { return shape == input.shape(); });
  };
  auto profile = std::find_if(profiles_.begin(), profiles_.end(), fits);
  if (profile != profiles_.end()) return *profile;
  std::lock_guard lock(mutex_);
  auto it = std::find_if(plans_.begin(), plans_.end(), fits);
  if (it == plans_.end()) return nullptr;
  plans_.splice(plans_.begin(), plans_, it);
  return plans_.front();
}

Result<std::shared_ptr<const ShapedPlan>> Program::PlanFor(std::span<const Tensor> inputs) const {
  if (auto plan = FindPlan(inputs)) return plan;
  // Made without the lock; when two threads meet the same new shapes at once, one of two equal
  // plans is dropped.
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  MS_RETURN_IF_ERROR(Admit(options_.shapes, graph_, shapes));
  std::optional<CannotCompile> cannot;
  auto made = MakePlan(shapes, &cannot);
  if (cannot.has_value()) {
    const Code code =
        cannot->status.code() == Code::kUnimplemented ? Code::kInternal : cannot->status.code();
    return Status(code, DescribeSegment(cannot->segment) + " cannot be compiled for " +
                            DescribeShapes(graph_, shapes) + ": " +
                            std::string(cannot->status.message()));
  }
  MS_ASSIGN_OR_RETURN(auto plan, std::move(made));
  std::lock_guard lock(mutex_);
  plans_.push_front(plan);
  if (plans_.size() > options_.shapes.cached_plans) plans_.pop_back();
  return plan;
}

Result<std::shared_ptr<const ShapedPlan>> Program::MakePlan(
    std::span<const Shape> inputs, std::optional<CannotCompile>* cannot) const {
  std::map<ValueId, Shape> bound;
  for (size_t i = 0; i < inputs.size(); ++i) bound[graph_.inputs()[i]] = inputs[i];
  MS_ASSIGN_OR_RETURN(Graph shaped, BindShapes(graph_, bound, evaluator_));

  auto plan = std::make_shared<ShapedPlan>();
  plan->input_shapes.assign(inputs.begin(), inputs.end());
  for (ValueId id : shaped.outputs()) plan->output_shapes.push_back(shaped.value(id).shape);

  std::vector<plan::Segment> cuts;
  for (const Segment& segment : segments_) cuts.push_back(CutSegment(shaped, segment.nodes));
  backend::ThreadLimit limit(options_.threads);
  std::vector<std::shared_ptr<backend::Plan>> plans;
  std::vector<PlacedSegment> placed;
  for (size_t i = 0; i < segments_.size(); ++i) {
    auto made = backend::Plan::Create(segments_[i].module, cuts[i].graph);
    if (!made.ok()) {
      if (cannot != nullptr && IsRefusal(made.status())) *cannot = {i, made.status()};
      return made.status();
    }
    ++compile_count;
    placed.push_back({&cuts[i], segments_[i].device, (*made)->scratch_bytes()});
    plans.push_back(*std::move(made));
  }
  MS_RETURN_IF_ERROR(LayOutMemory(shaped, placed, memory_, plan.get()));
  for (size_t i = 0; i < plans.size(); ++i) plan->segments[i].plan = std::move(plans[i]);
  return std::shared_ptr<const ShapedPlan>(std::move(plan));
}

}  // namespace midstream::plan

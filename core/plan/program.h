// Program: a graph compiled once for the devices of a configuration. run = Program x weights x
// inputs.
//
// It holds modules (graph segments with their weight layout) and shaped plans: one for each profile
// of its options, and a cache of those for other input shapes met so far; never a weight value. New
// weights do not touch it.
//
// Threads: immutable but for the plan cache, which has its own lock; any thread.
#ifndef MIDSTREAM_CORE_PLAN_PROGRAM_H_
#define MIDSTREAM_CORE_PLAN_PROGRAM_H_

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "core/passes/passes.h"
#include "core/plan/memory_layout.h"
#include "core/plan/placement.h"
#include "core/plan/placement_report.h"
#include "core/plan/precision_report.h"
#include "core/plan/segment.h"
#include "core/plan/shape_policy.h"
#include "core/plan/shaped_plan.h"

namespace midstream::plan {

struct ProgramOptions {
  passes::Options passes;
  PlacementPolicy placement;
  bool deterministic = false;
  uint32_t threads = 0;  // that one execution may use; 0 = all
  ShapePolicy shapes;
};

class Program {
 public:
  struct Segment {
    size_t device;
    std::vector<NodeId> nodes;
    std::shared_ptr<backend::Module> module;
    std::vector<std::string> slots;  // weight names (derived ones included), by slot number
    std::vector<bool> readable;      // whether weights_get gives slot i back
  };

  // `graph` is what an importer made. A segment that its device cannot compile (UNIMPLEMENTED,
  // RESOURCE_EXHAUSTED) goes to the next ones where options.placement.fallback allows it. Errors:
  // those of passes::Optimize and Place, and of the backends; for a profile that does not fit the
  // graph, naming it.
  static Result<std::shared_ptr<const Program>> Compile(
      Graph graph, const ProgramOptions& options,
      std::vector<std::shared_ptr<backend::Device>> devices, Evaluator& evaluator);

  // The graph that `of` compiled, as it was optimised there, cut to what computes `values` of it and
  // with these as outputs; on other devices, or on the same. Nodes may fall back as they like, and
  // precision() is empty. Errors: NOT_FOUND naming a value that the graph does not have; those of
  // Place and of the backends.
  static Result<std::shared_ptr<const Program>> CompileValues(
      const Program& of, std::span<const std::string> values, const ProgramOptions& options,
      std::vector<std::shared_ptr<backend::Device>> devices, Evaluator& evaluator);

  const Graph& graph() const { return graph_; }
  const ProgramOptions& options() const { return options_; }
  const std::vector<std::shared_ptr<backend::Device>>& devices() const { return devices_; }
  const std::vector<Segment>& segments() const { return segments_; }
  // "segment 2 of 3 (Conv 'a' to Relu 'b')"
  std::string DescribeSegment(size_t segment) const;
  // The device whose own memory the space is. Requires: not the host's.
  const std::shared_ptr<backend::Device>& DeviceOfSpace(uint32_t space) const;
  const std::vector<passes::Recipe>& recipes() const { return recipes_; }
  const Placement& placement() const { return placement_; }
  const PrecisionReport& precision() const { return *precision_; }
  // The same, for who outlives the program.
  const std::shared_ptr<const PrecisionReport>& precision_ptr() const { return precision_; }
  const std::shared_ptr<const PlacementReport>& placement_report() const { return report_; }
  // Trainer's names of every weight that the program depends on, recipes' sources included; sorted.
  const std::vector<std::string>& weight_names() const { return weight_names_; }

  // The plan for the shapes of these inputs (in the order of graph().inputs()), made on first use;
  // meanwhile requests of other shapes go on. Errors: INVALID_ARGUMENT naming the input whose shape
  // its declaration or options().shapes does not accept; INTERNAL and RESOURCE_EXHAUSTED naming the
  // shapes at which a device cannot compile what it claimed.
  Result<std::shared_ptr<const ShapedPlan>> PlanFor(std::span<const Tensor> inputs) const;

 private:
  Program(const ProgramOptions& options, std::vector<std::shared_ptr<backend::Device>> devices,
          Evaluator& evaluator);
  Status Build(Graph graph, Evaluator& evaluator);
  // From the optimised graph and its recipes to modules: places nodes anew as long as a device cannot
  // compile what it claimed.
  Status PlaceAndCompile();
  // What a device says of a segment that it claimed and cannot compile.
  struct CannotCompile {
    size_t segment;
    Status status;
  };
  using Modules =
      std::map<std::pair<size_t, std::vector<NodeId>>, std::shared_ptr<backend::Module>>;
  // Fills segments_ and the plans that are made before the first request. Refusals to compile go to
  // *cannot, which is left empty when everything was made. Where the shapes are free, a plan for the
  // least of them finds what a device cannot compile: later it could go nowhere else.
  Status CompileSegments(const std::vector<SegmentNodes>& parts, Modules* made,
                         std::optional<CannotCompile>* cannot);
  Status MakeFirstPlans(std::optional<CannotCompile>* cannot);
  void Report(const std::vector<SegmentNodes>& parts);
  std::shared_ptr<const ShapedPlan> FindPlan(std::span<const Tensor> inputs) const;
  Result<std::shared_ptr<const ShapedPlan>> MakePlan(
      std::span<const Shape> inputs, std::optional<CannotCompile>* cannot = nullptr) const;

  Graph graph_;
  ProgramOptions options_;
  std::vector<std::shared_ptr<backend::Device>> devices_;
  std::vector<DeviceMemory> memory_;  // by device
  std::vector<passes::Recipe> recipes_;
  Placement placement_;
  std::shared_ptr<const PrecisionReport> precision_;
  std::shared_ptr<const PlacementReport> report_;
  std::vector<Segment> segments_;
  std::vector<std::string> weight_names_;
  Evaluator* evaluator_ = nullptr;  // owned by the engine, which outlives its programs

  std::vector<std::shared_ptr<const ShapedPlan>> profiles_;

  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<const ShapedPlan>> plans_;  // most recently used first
};

// Modules and plans made by this process: compiling shows here, updating weights must not.
uint64_t CompileCount();

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_PROGRAM_H_

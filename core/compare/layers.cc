#include "core/compare/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/compare/graph_part.h"
#include "core/compare/source_nodes.h"
#include "core/formats/model_source.h"

namespace midstream::compare {
namespace {

// What one part of a sweep may hold on each side.
constexpr double kMostSweptBytes = double{256} * 1024 * 1024;

// Dimensions that are not known count as the largest first dimension of an input.
double EstimateBytes(const TensorSpec& value, int64_t rows) {
  auto bytes = static_cast<double>(DTypeSize(value.dtype));
  for (const int64_t dim : value.shape.dims()) {
    bytes *= static_cast<double>(dim == kUnknownDim ? rows : dim);
  }
  return bytes;
}

class Finder {
 public:
  explicit Finder(const LayerTask& task) : task_(task), cuts_(task.arm->session.compiled_graph()) {
    report_.nodes = cuts_.count();
    report_.masked = task.outputs_agree;
  }

  Result<LayerReport> Run() {
    MS_RETURN_IF_ERROR(CheckDerivedWeights());
    if (report_.finding == Finding::kNothing) {
      MS_RETURN_IF_ERROR(task_.outputs_agree ? Sweep() : Bisect());
    }
    if (report_.finding == Finding::kNode) MS_RETURN_IF_ERROR(DescribeNode());
    std::stable_sort(report_.values.begin(), report_.values.end(),
                     [](const LayerValue& a, const LayerValue& b) { return a.node < b.node; });
    return std::move(report_);
  }

 private:
  Result<PartResult> Part(const std::vector<std::string>& values) {
    ++report_.parts;
    MS_ASSIGN_OR_RETURN(PartResult part, RunPart(task_.arm->session, task_.arm->model,
                                                 task_.baseline->model, values, task_.inputs));
    for (const auto& [name, difference] : part.values) {
      if (!cuts_.IsMade(name)) continue;
      const bool known = std::any_of(report_.values.begin(), report_.values.end(),
                                     [&](const LayerValue& value) { return value.name == name; });
      if (!known) report_.values.push_back({cuts_.MakerOf(name), name, difference});
    }
    return part;
  }

  // Recipes run on the arm's backends too.
  Status CheckDerivedWeights() {
    std::vector<std::string> derived;
    for (const PrecisionReport::Weight& weight : task_.arm->session.precision().weights) {
      if (!weight.recipe.empty()) derived.push_back(weight.name);
    }
    if (derived.empty()) return OkStatus();
    MS_ASSIGN_OR_RETURN(const PartResult part, Part(derived));
    for (const PrecisionReport::Weight& weight : task_.arm->session.precision().weights) {
      const auto it = part.values.find(weight.name);
      if (it == part.values.end() || it->second.within()) continue;
      report_.finding = Finding::kWeight;
      report_.node = weight.name;
      report_.op = weight.recipe;
      report_.difference = it->second;
      return OkStatus();
    }
    return OkStatus();
  }

  // Cut `clean` agrees and cut `bad` does not; the first cut has no values, so it agrees.
  Status Bisect() {
    size_t clean = 0, bad = cuts_.count();
    MS_ASSIGN_OR_RETURN(PartResult at_bad, Part(cuts_.Alive(bad)));
    if (!at_bad.diverges()) {
      report_.finding = Finding::kGraph;
      return OkStatus();
    }
    PartResult at_clean;
    while (bad - clean > 1) {
      const size_t middle = clean + (bad - clean) / 2;
      MS_ASSIGN_OR_RETURN(PartResult part, Part(cuts_.Alive(middle)));
      if (part.diverges()) {
        bad = middle;
        at_bad = std::move(part);
      } else {
        clean = middle;
        at_clean = std::move(part);
      }
    }
    return Found(bad - 1, at_bad, at_clean);
  }

  Status Sweep() {
    int64_t rows = 1;
    for (const NamedTensor& input : task_.inputs) {
      if (input.value.shape().rank() > 0) rows = std::max(rows, input.value.shape()[0]);
    }
    PartResult before;  // everything so far, all of which agreed
    for (size_t begin = 0; begin < cuts_.count();) {
      std::vector<std::string> values;
      double bytes = 0;
      size_t end = begin;
      while (end < cuts_.count() && (end == begin || bytes < kMostSweptBytes)) {
        for (const TensorSpec& out : cuts_.node(end).outputs) {
          values.push_back(out.name);
          bytes += EstimateBytes(out, rows);
        }
        ++end;
      }
      MS_ASSIGN_OR_RETURN(PartResult part, Part(values));
      if (!part.failure.empty()) {
        return Internal(fmt::format("'{}' runs, but not with its inner values as outputs: {}",
                                    task_.arm->spec.name, part.failure));
      }
      for (size_t i = begin; i < end; ++i) {
        for (const TensorSpec& out : cuts_.node(i).outputs) {
          if (!part.values.at(out.name).within()) {
            before.values.insert(part.values.begin(), part.values.end());
            return Found(i, part, before);
          }
        }
      }
      before.values.merge(part.values);
      begin = end;
    }
    return OkStatus();
  }

  Status Found(size_t index, const PartResult& at, const PartResult& before) {
    const CompiledNode& node = cuts_.node(index);
    report_.finding = Finding::kNode;
    report_.node = node.name;
    report_.op = node.op;
    report_.backend = node.backend;
    report_.failure = at.failure;
    for (const TensorSpec& out : node.outputs) {
      const auto it = at.values.find(out.name);
      if (it == at.values.end()) continue;
      if (!report_.value.empty() && it->second.within()) continue;
      report_.value = out.name;
      report_.difference = it->second;
      if (!it->second.within()) break;
    }
    for (const std::string& in : node.inputs) {
      const auto it = before.values.find(in);
      if (it != before.values.end()) {
        report_.inputs_scaled = std::max(report_.inputs_scaled, it->second.scaled);
      }
    }
    return OkStatus();
  }

  // Where the backend does not tell it, or the model does not run to its end, there is none.
  std::string KernelOf(const std::string& node) const {
    Session& session = task_.arm->session;
    if (!session.EnableProfile(true).ok()) return "";
    const bool ran = session.Run(task_.inputs).ok();
    std::string kernel;
    for (const NodeProfile& profile : session.profile()) {
      if (ran && profile.node == node) kernel = profile.kernel;
    }
    static_cast<void>(session.EnableProfile(false).ok());
    return kernel;
  }

  Status DescribeNode() {
    report_.kernel = KernelOf(report_.node);
    formats::GraphRequest request{task_.model.inputs, task_.model.outputs, {}};
    const formats::ModelSource& source = task_.arm->model.source();
    if (request.outputs.empty()) {
      for (const formats::TensorInfo& output : source.outputs()) {
        request.outputs.push_back(output.name);
      }
    }
    MS_ASSIGN_OR_RETURN(const formats::BuiltGraph built, source.BuildGraph(request));
    const auto sources = SourcesOf(built.graph, task_.arm->session.compiled_graph(), report_.node);
    for (const SourceNode& node : sources) {
      report_.sources.push_back(fmt::format("{} ({})", node.name, node.op));
    }
    if (sources.size() < 2) return OkStatus();
    return CheckUnfused(sources);
  }

  // The same model without fusion, on the arm's backends.
  Status CheckUnfused(const std::vector<SourceNode>& sources) {
    Arm unfused;
    ArmSpec spec = task_.arm->spec;
    spec.config.optimizer.fuse = false;
    spec.config.optimizer.remapping = false;
    MS_RETURN_IF_ERROR(OpenArm(spec, &unfused));
    MS_RETURN_IF_ERROR(LoadArm(task_.model, &unfused));
    if (!task_.weights.empty()) {
      MS_ASSIGN_OR_RETURN(const uint64_t version, unfused.model.UpdateFrom(task_.weights));
      static_cast<void>(version);
    }
    const Cuts cuts(unfused.session.compiled_graph());
    std::vector<std::string> values;
    std::vector<size_t> nodes;
    for (size_t i = 0; i < cuts.count(); ++i) {
      const bool wanted = std::any_of(sources.begin(), sources.end(), [&](const SourceNode& node) {
        return node.name == cuts.node(i).name;
      });
      if (!wanted) continue;
      nodes.push_back(i);
      for (const TensorSpec& out : cuts.node(i).outputs) values.push_back(out.name);
    }
    if (nodes.empty()) return OkStatus();
    report_.parts += 1;
    MS_ASSIGN_OR_RETURN(
        const PartResult part,
        RunPart(unfused.session, unfused.model, task_.baseline->model, values, task_.inputs));
    report_.checked_unfused = true;
    for (const size_t i : nodes) {
      const auto& outputs = cuts.node(i).outputs;
      const bool diverges = !part.failure.empty() ||
                            std::any_of(outputs.begin(), outputs.end(), [&](const auto& out) {
                              return !part.values.at(out.name).within();
                            });
      if (!diverges) continue;
      report_.unfused = fmt::format("{} ({})", cuts.node(i).name, cuts.node(i).op);
      break;
    }
    return OkStatus();
  }

  const LayerTask& task_;
  const Cuts cuts_;
  LayerReport report_;
};

}  // namespace

std::string_view FindingName(Finding finding) {
  switch (finding) {
    case Finding::kNothing:
      return "nothing";
    case Finding::kNode:
      return "node";
    case Finding::kWeight:
      return "weight";
    case Finding::kGraph:
      return "graph";
  }
  return "";
}

Result<LayerReport> FindLayer(const LayerTask& task) { return Finder(task).Run(); }

}  // namespace midstream::compare

#include "core/plan/shape_policy.h"

#include <algorithm>

namespace midstream::plan {
namespace {

constexpr size_t kMaxListed = 8;  // profiles that a message names

std::string Describe(const ShapePolicy::Range& range) {
  if (range.most == -1) return "at least " + std::to_string(range.least);
  return "from " + std::to_string(range.least) + " to " + std::to_string(range.most);
}

}  // namespace

std::string DescribeShapes(const Graph& graph, std::span<const Shape> shapes) {
  std::string text;
  for (size_t i = 0; i < shapes.size(); ++i) {
    text += (i == 0 ? "" : ", ") + graph.value(graph.inputs()[i]).name + " " + shapes[i].ToString();
  }
  return text;
}

std::vector<Shape> LeastShapes(const ShapePolicy& policy, const Graph& graph) {
  std::vector<Shape> shapes;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    Shape shape = graph.value(graph.inputs()[i]).shape;
    for (size_t axis = 0; axis < shape.rank(); ++axis) {
      int64_t& dim = shape.mutable_dims()[axis];
      if (dim != kUnknownDim) continue;
      const bool ranged = i < policy.ranges.size() && axis < policy.ranges[i].size();
      dim = std::max<int64_t>(1, ranged ? policy.ranges[i][axis].least : 1);
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

Status Admit(const ShapePolicy& policy, const Graph& graph, std::span<const Shape> shapes) {
  for (size_t i = 0; i < policy.ranges.size() && i < shapes.size(); ++i) {
    const auto& ranges = policy.ranges[i];
    for (size_t axis = 0; axis < ranges.size() && axis < shapes[i].rank(); ++axis) {
      const ShapePolicy::Range& range = ranges[axis];
      const int64_t size = shapes[i][axis];
      if (size >= range.least && (range.most == -1 || size <= range.most)) continue;
      return InvalidArgument("input '" + graph.value(graph.inputs()[i]).name + "' has shape " +
                             shapes[i].ToString() + ": expected a dimension " +
                             std::to_string(axis) + " " + Describe(range));
    }
  }
  if (!policy.profiles_only) return OkStatus();
  std::string known;
  for (size_t i = 0; i < policy.profiles.size() && i < kMaxListed; ++i) {
    known += "\n  " + DescribeShapes(graph, policy.profiles[i]);
  }
  if (policy.profiles.size() > kMaxListed) known += "\n  ...";
  return InvalidArgument("no profile has the shapes " + DescribeShapes(graph, shapes) +
                         "; the profiles are:" + known);
}

}  // namespace midstream::plan

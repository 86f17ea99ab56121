// ShapePolicy: which input shapes a program compiles for before the first request, and which it
// refuses.
// Threads: plain values.
#ifndef MIDSTREAM_CORE_PLAN_SHAPE_POLICY_H_
#define MIDSTREAM_CORE_PLAN_SHAPE_POLICY_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/graph/graph.h"

namespace midstream::plan {

// Inputs in the order of the graph's.
struct ShapePolicy {
  struct Range {
    int64_t least = 0;
    int64_t most = -1;  // -1: no limit
  };
  std::vector<std::vector<Range>> ranges;    // one per dimension; empty: any size
  std::vector<std::vector<Shape>> profiles;  // compiled with the program, kept for ever
  bool profiles_only = false;                // other shapes are refused
  size_t cached_plans = 16;                  // for other shapes; the least recently used goes first
};

// Whether shapes other than those of the profiles may run. Errors: INVALID_ARGUMENT naming the
// input, its shape and what was expected.
Status Admit(const ShapePolicy& policy, const Graph& graph, std::span<const Shape> shapes);

// Shapes of the inputs, with the least size that the policy takes where the graph leaves one open, but
// no 0.
std::vector<Shape> LeastShapes(const ShapePolicy& policy, const Graph& graph);

// "x [1,20], mask [20]"
std::string DescribeShapes(const Graph& graph, std::span<const Shape> shapes);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_SHAPE_POLICY_H_

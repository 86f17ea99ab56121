// Runs graphs before and after a pass on the reference backend and compares what they compute.
#ifndef MIDSTREAM_TESTS_CORE_PASSES_REFERENCE_TESTING_H_
#define MIDSTREAM_TESTS_CORE_PASSES_REFERENCE_TESTING_H_

#include <map>
#include <string>
#include <vector>

#include "core/graph/shape_inference.h"
#include "core/passes/passes.h"

namespace midstream::passes {

// Over the reference plugin of this build; nullptr, with a test failure, when it cannot be loaded.
Evaluator* ReferenceEvaluator();

using Values = std::map<std::string, Tensor>;

// Seeded values for every input and weight, unknown dimensions taken as `unknown`. Weights whose
// name ends in "variance" are positive; integer inputs are small indices.
Values RandomValues(const Graph& graph, uint32_t seed, int64_t unknown = 2);

// The outputs of the graph: recipes first, then node by node.
Result<std::vector<Tensor>> RunGraph(const Graph& graph, const std::vector<Recipe>& recipes,
                                     Values values);

// Floats within rtol * |expected| + atol after widening, everything else bit for bit.
void ExpectClose(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected,
                 double rtol, double atol);

}  // namespace midstream::passes

#endif  // MIDSTREAM_TESTS_CORE_PASSES_REFERENCE_TESTING_H_

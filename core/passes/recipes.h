// Extraction of what depends on weights and constants only: the last pass.
#ifndef MIDSTREAM_CORE_PASSES_RECIPES_H_
#define MIDSTREAM_CORE_PASSES_RECIPES_H_

#include <vector>

#include "core/graph/graph.h"
#include "core/passes/passes.h"

namespace midstream::passes {

// Every value that depends on weights and constants only (on a weight at least), has a known shape
// and is read by something else, or is an output, becomes a weight of that name with a recipe. A
// recipe starts from the trainer's weights: two that share a subexpression both hold it. Weights
// that are read as they are stay. Requires: compact and inferred. On return both the graph and the
// recipes' graphs are compact. Errors: as Compact.
Result<std::vector<Recipe>> ExtractRecipes(Graph& graph);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_RECIPES_H_

// The page that `midstream backends docs` prints: which backend takes which operator in which dtype.
#ifndef MIDSTREAM_CORE_CLI_BACKENDS_DOCS_H_
#define MIDSTREAM_CORE_CLI_BACKENDS_DOCS_H_

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/plan/claimed_operators.h"

namespace midstream::cli {

// What the first device of a plugin takes.
struct BackendClaims {
  std::string name;
  Status status;  // why the plugin cannot be used; its claims are empty then
  std::vector<plan::OperatorDTypes> operators;
};

// Of every plugin that the configuration lists, in that order.
std::vector<BackendClaims> ClaimsOf(const Config& config);

// "floats i32 bool"; empty for none.
std::string DTypesCell(const std::vector<DType>& dtypes);

// Markdown, with a column for each backend that can be used. Requires: one can.
std::string BackendsMarkdown(const std::vector<BackendClaims>& backends);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_BACKENDS_DOCS_H_
